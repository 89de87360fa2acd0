package datagen

var geoLabelsMutations = []Mutation{}
