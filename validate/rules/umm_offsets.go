package rules

var ummOffsets = []Rule{}
