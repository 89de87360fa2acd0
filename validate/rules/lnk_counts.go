package rules

var lnkCounts = []Rule{}
