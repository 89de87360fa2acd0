package datagen

var tmpRawMutations = []Mutation{}
