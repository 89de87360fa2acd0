package rules

var schLabel = []Rule{}
