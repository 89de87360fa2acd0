package datagen

var lnkCountsMutations = []Mutation{}
