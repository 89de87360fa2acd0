package rules

var layKITTI = []Rule{}
