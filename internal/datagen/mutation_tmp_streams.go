package datagen

var tmpStreamsMutations = []Mutation{}
