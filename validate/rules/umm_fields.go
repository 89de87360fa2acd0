package rules

var ummFields = []Rule{}
