package rules

var lnkReferences = []Rule{}
