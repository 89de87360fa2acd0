package datagen

var schJSONMutations = []Mutation{}
