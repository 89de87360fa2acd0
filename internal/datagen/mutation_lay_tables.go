package datagen

var layTablesMutations = []Mutation{}
