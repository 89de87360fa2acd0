package datagen

var ummPartnersMutations = []Mutation{}
