package datagen

var schRawMutations = []Mutation{}
