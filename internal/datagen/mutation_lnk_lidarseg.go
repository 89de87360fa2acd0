package datagen

var lnkLidarsegMutations = []Mutation{}
