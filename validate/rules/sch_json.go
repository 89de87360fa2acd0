package rules

var schJSON = []Rule{}
