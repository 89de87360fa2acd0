package datagen

var payImagesMutations = []Mutation{}
