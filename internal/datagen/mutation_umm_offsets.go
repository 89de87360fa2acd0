package datagen

var ummOffsetsMutations = []Mutation{}
