package rules

var lnkKeyframes = []Rule{}
