package datagen

var layRawMutations = []Mutation{}
