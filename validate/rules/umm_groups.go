package rules

var ummGroups = []Rule{}
