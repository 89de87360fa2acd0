package rules

var layFiles = []Rule{}
