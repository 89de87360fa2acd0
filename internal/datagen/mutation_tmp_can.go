package datagen

var tmpCANMutations = []Mutation{}
