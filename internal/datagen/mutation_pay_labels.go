package datagen

var payLabelsMutations = []Mutation{}
