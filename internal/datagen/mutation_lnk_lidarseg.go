package datagen

var lnkLidarsegMutations = []Mutation{
	{Rule: "LNK026", Base: baseNuScenesSeg, Apply: assign("lidarseg", nil, "token", none)},
	{Rule: "LNK026", Name: "panoptic", Base: baseNuScenesSeg, Apply: assign("panoptic", nil, "token", none)},
	{Rule: "LNK026", Name: "unlabelled", Base: baseNuScenesSeg, Apply: func(d *Dir) error {
		var name string
		err := d.EditTable("lidarseg", func(rows []*Record) []*Record {
			name = rows[0].Str("filename")
			return rows[1:]
		})
		if err != nil {
			return err
		}
		return d.Remove(name)
	}},
	{Rule: "LNK027", Base: baseNuScenesSeg, Apply: func(d *Dir) error {
		return d.Write("lidarseg/v1.0-mini/"+none+"_lidarseg.bin", make([]byte, lidarPoints))
	}},
	{Rule: "LNK027", Name: "row without", Base: baseNuScenesSeg, Apply: func(d *Dir) error {
		return d.EditTable("lidarseg", func(rows []*Record) []*Record { return rows[1:] })
	}},
	{Rule: "LNK027", Name: "file missing", Base: baseNuScenesSeg, Apply: func(d *Dir) error {
		rows, err := d.Rows("panoptic")
		if err != nil {
			return err
		}
		return d.Remove(rows[0].Str("filename"))
	}},
}
