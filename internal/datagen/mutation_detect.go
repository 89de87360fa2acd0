package datagen

var empty = Base{Name: "empty", Generate: func(string) error { return nil }}

var layDetectMutations = []Mutation{
	{Rule: "LAY001", Base: empty, Apply: func(d *Dir) error { return d.Write("notes.txt", []byte("nothing here\n")) }},
	{Rule: "LAY001", Name: "nothing", Base: empty, Apply: func(*Dir) error { return nil }},
	{Rule: "LAY001", Name: "waymo", Base: empty, Apply: func(d *Dir) error { return d.Write("training/segment-1.tfrecord", []byte("x")) }},
	{Rule: "LAY002", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Copy("training/image_2/000000.png", "training/image_02/0000/000000.png")
	}},
	{Rule: "LAY003", Base: baseKITTIObject, Apply: func(d *Dir) error {
		for _, name := range []string{"training", "testing", "ImageSets", "mapping"} {
			if err := d.Rename(name, "data_object/"+name); err != nil {
				return err
			}
		}
		return nil
	}},
}
