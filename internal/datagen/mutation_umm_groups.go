package datagen

var ummGroupsMutations = []Mutation{}
