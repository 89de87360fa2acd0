package rules

var geoLabels = []Rule{}
