package datagen

var schTableMutations = []Mutation{}
