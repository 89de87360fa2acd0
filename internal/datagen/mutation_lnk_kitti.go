package datagen

var lnkKITTIMutations = []Mutation{}
