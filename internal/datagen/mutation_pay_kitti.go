package datagen

var payKITTIMutations = []Mutation{}
