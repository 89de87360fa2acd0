package datagen

var payLabelsMutations = []Mutation{
	{Rule: "PAY023", Base: baseNuScenesSeg, Apply: func(d *Dir) error {
		return d.Change("lidarseg/*/*_lidarseg.bin", cut(1))
	}},
	{Rule: "PAY023", Name: "t4", Base: baseT4, Apply: func(d *Dir) error {
		return d.Change("lidarseg/annotation/*.bin", cut(1))
	}},
}
