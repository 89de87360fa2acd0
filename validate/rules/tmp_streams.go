package rules

var tmpStreams = []Rule{}
