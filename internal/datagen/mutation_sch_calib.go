package datagen

var schCalibMutations = []Mutation{}
