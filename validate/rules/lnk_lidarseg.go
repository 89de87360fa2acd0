package rules

var lnkLidarseg = []Rule{}
