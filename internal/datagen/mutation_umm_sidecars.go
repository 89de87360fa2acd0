package datagen

var ummSidecarsMutations = []Mutation{}
