package datagen

var payContainersMutations = []Mutation{}
