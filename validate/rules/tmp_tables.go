package rules

var tmpTables = []Rule{}
