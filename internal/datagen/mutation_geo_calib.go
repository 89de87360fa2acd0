package datagen

var geoCalibMutations = []Mutation{}
