package datagen

var lnkChainsMutations = []Mutation{}
