package rules

var geoCalib = []Rule{}
