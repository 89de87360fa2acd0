package rules

var lnkKITTI = []Rule{}
