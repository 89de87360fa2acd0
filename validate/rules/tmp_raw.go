package rules

var tmpRaw = []Rule{}
