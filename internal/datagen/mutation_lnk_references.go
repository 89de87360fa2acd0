package datagen

var lnkReferencesMutations = []Mutation{}
