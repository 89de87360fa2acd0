package rules

var tmpCAN = []Rule{}
