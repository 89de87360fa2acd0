package rules

var lnkT4 = []Rule{}
