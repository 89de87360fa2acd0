package rules

var layImageSets = []Rule{}
