package rules

var schRaw = []Rule{}
