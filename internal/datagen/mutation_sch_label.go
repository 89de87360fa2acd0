package datagen

var schLabelMutations = []Mutation{}
