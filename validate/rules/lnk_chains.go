package rules

var lnkChains = []Rule{}
