package datagen

var payCloudsMutations = []Mutation{}
