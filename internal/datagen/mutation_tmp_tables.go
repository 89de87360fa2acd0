package datagen

var tmpTablesMutations = []Mutation{}
