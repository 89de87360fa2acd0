package datagen

var layFilesMutations = []Mutation{}
