package rules

var payClouds = []Rule{}
