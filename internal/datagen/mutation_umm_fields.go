package datagen

var ummFieldsMutations = []Mutation{}
