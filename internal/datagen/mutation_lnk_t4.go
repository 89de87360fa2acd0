package datagen

var lnkT4Mutations = []Mutation{}
