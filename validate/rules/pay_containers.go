package rules

var payContainers = []Rule{}
