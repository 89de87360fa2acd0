package rules

var ummPartners = []Rule{}
