package datagen

var lnkKeyframesMutations = []Mutation{}
