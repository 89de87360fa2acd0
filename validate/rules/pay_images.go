package rules

var payImages = []Rule{}
