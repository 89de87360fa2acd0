package datagen

var payLabelsMutations = []Mutation{
	{Rule: "PAY023", Base: baseNuScenesSeg, Apply: func(d *Dir) error {
		return d.Change("lidarseg/*/*_lidarseg.bin", cut(1))
	}},
}
