package rules

var schTable = []Rule{}
