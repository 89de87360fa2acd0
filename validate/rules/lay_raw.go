package rules

var layRaw = []Rule{}
