package rules

var geoTables = []Rule{}
