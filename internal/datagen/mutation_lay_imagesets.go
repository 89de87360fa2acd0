package datagen

var layImageSetsMutations = []Mutation{}
