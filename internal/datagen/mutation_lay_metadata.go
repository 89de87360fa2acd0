package datagen

var layMetadataMutations = []Mutation{
	{Rule: "LAY005", Base: baseNuScenes, Apply: func(d *Dir) error { return d.Remove("v1.0-mini/visibility.json") }},
	{Rule: "LAY005", Name: "sample", Base: baseLyft, Apply: func(d *Dir) error { return d.Remove("v1.01-train/sample.json") }},
	{Rule: "LAY005", Name: "instance", Base: baseT4, Apply: func(d *Dir) error { return d.Remove("annotation/instance.json") }},
	{Rule: "LAY006", Base: baseNuScenes, Apply: func(d *Dir) error { return d.Write("v1.0-mini/map.json", []byte("[]\n")) }},
	{Rule: "LAY006", Name: "t4", Base: baseT4, Apply: func(d *Dir) error { return d.Write("annotation/sample.json", []byte("[]\n")) }},
	{Rule: "LAY007", Base: baseNuScenes, Apply: func(d *Dir) error { return d.Rename("v1.0-mini", "v1.0-trainvall") }},
}
