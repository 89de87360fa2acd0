package rules

var schCalib = []Rule{}
