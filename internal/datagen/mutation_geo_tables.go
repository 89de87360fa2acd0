package datagen

var geoTablesMutations = []Mutation{}
