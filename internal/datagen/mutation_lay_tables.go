package datagen

var layTablesMutations = []Mutation{
	{Rule: "LAY015", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.removeNamed("sample_data", has("filename", "sweeps/LIDAR_TOP/"), "filename")
	}},
	{Rule: "LAY015", Name: "folder", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Remove("sweeps/RADAR_FRONT")
	}},
	{Rule: "LAY015", Name: "lyft", Base: baseLyft, Apply: func(d *Dir) error {
		return d.removeNamed("sample_data", has("filename", "images/"), "filename")
	}},
	{Rule: "LAY015", Name: "t4-info", Base: baseT4, Apply: func(d *Dir) error {
		return d.Remove("data/LIDAR_TOP_INFO/00003.json")
	}},
	{Rule: "LAY015", Name: "t4-labels", Base: baseT4, Apply: func(d *Dir) error {
		return d.removeNamed("lidarseg", has("filename", "lidarseg/annotation/"), "filename")
	}},
	{Rule: "LAY004", Name: "sweeps", Base: baseNuScenes, Apply: func(d *Dir) error { return d.Remove("sweeps") }},
	{Rule: "LAY004", Name: "t4", Base: baseT4, Apply: func(d *Dir) error { return d.Remove("data") }},
	{Rule: "LAY016", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Write("samples/CAM_FRONT/n015-2018-07-24-11-22-45+0800__CAM_FRONT__1532402900000000.jpg",
			withComment(gradient(nuScenesWidth, nuScenesHeight), "left over"))
	}},
	{Rule: "LAY016", Name: "t4", Base: baseT4, Apply: func(d *Dir) error {
		return d.Write("data/CAM_BACK/00099.jpg", withComment(gradient(t4Width, t4Height), "left over"))
	}},
	{Rule: "LAY017", Base: baseT4, Apply: func(d *Dir) error {
		err := d.EditRow("sample_data", where("filename", "data/CAM_FRONT/00003.jpg"), func(r *Record) {
			r.Set("filename", "data/CAM_FRONT/00004.jpg")
		})
		if err != nil {
			return err
		}
		return d.Remove("data/CAM_FRONT/00003.jpg") // or it would be unreferenced
	}},
	{Rule: "LAY019", Name: "file", Base: baseNuScenes, Apply: namesOutside("sample_data", "filename", "../")},
	{Rule: "LAY019", Name: "absolute", Base: baseT4, Apply: namesOutside("sample_data", "filename", "/data/")},
	{Rule: "LAY019", Name: "nul", Base: baseT4, Apply: namesOutside("sample_data", "filename", "\x00")},
	{Rule: "LAY019", Name: "lyft", Base: baseLyft, Apply: namesOutside("sample_data", "filename", `.\`)},
	{Rule: "LAY019", Name: "info", Base: baseT4, Apply: namesOutside("sample_data", "info_filename", "../")},
	{Rule: "LAY019", Name: "map", Base: baseNuScenes, Apply: namesOutside("map", "filename", "../")},
	{Rule: "LAY019", Name: "labels", Base: baseNuScenesSeg, Apply: namesOutside("lidarseg", "filename", "../")},
	{Rule: "LAY018", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.removeNamed("map", nil, "filename")
	}},
	{Rule: "LAY018", Name: "lyft", Base: baseLyft, Apply: func(d *Dir) error {
		return d.removeNamed("map", nil, "filename")
	}},
	{Rule: "LAY032", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("scene", nil, func(r *Record) { r.Set("name", "scene-0062") }) // of trainval, not of mini
	}},
	{Rule: "LAY032", Name: "missing", Base: baseNuScenesSplits, Apply: func(d *Dir) error {
		return d.Write("v1.0-mini/splits.json", splitsJSON(map[string][]string{"ours": {"scene-0061", "scene-0655", "scene-0656"}}))
	}},
	{Rule: "LAY032", Name: "twice", Base: baseNuScenesSplits, Apply: func(d *Dir) error {
		return d.Write("v1.0-mini/splits.json", splitsJSON(map[string][]string{
			"our_train": {"scene-0061", "scene-0103"}, "our_val": {"scene-0103", "scene-0655"},
		}))
	}},
	{Rule: "LAY034", Name: "nuscenes", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("scene", nil, func(r *Record) { r.Set("description", "another") })
	}},
}

// namesOutside lets a row name its file from outside of the data set, and takes
// away the file that nothing names then.
func namesOutside(table, field, prefix string) func(*Dir) error {
	return func(d *Dir) error {
		name := ""
		err := d.EditRow(table, nil, func(r *Record) {
			name = r.Str(field)
			r.Set(field, prefix+name)
		})
		if err != nil {
			return err
		}
		return d.Remove(name)
	}
}

var baseNuScenesSplits = cached("nuscenes-splits", NuScenes{
	Seed:   5,
	Scenes: append([]NuScenesScene{{Name: "scene-0103", Channels: []string{"LIDAR_TOP"}, Samples: 3, After: 480e9}}, smallScenes...),
	Splits: map[string][]string{
		"our_train": {"scene-0061", "scene-0103"}, "our_val": {"scene-0655"},
		"all": {"scene-0061", "scene-0103", "scene-0655"}, // holds the others on purpose
	},
}.write)

// smallScenes are two scenes of one log with the lidar alone.
var smallScenes = []NuScenesScene{
	{Name: "scene-0061", Channels: []string{"LIDAR_TOP"}, Samples: 3},
	{Name: "scene-0655", Channels: []string{"LIDAR_TOP"}, Samples: 3, After: 420e9},
}

// removeNamed removes the file that a row names.
func (d *Dir) removeNamed(table string, pick func(*Record) bool, field string) error {
	rows, err := d.Rows(table)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if pick == nil || pick(r) {
			return d.Remove(r.Str(field))
		}
	}
	return d.Remove("nothing")
}
