package datagen

var layKITTIMutations = []Mutation{}
