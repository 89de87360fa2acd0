package rules

var layTables = []Rule{}
