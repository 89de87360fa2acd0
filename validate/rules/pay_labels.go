package rules

var payLabels = []Rule{}
