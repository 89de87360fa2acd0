package rules

var ummSidecars = []Rule{}
