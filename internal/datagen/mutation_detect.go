package datagen

var empty = Base{Name: "empty", Generate: func(string) error { return nil }}

var layDetectMutations = []Mutation{
	{Rule: "LAY001", Base: empty, Apply: func(d *Dir) error { return d.Write("notes.txt", []byte("nothing here\n")) }},
}
