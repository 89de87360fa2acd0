package datagen

var geoTablesMutations = []Mutation{
	{Rule: "GEO001", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("sample_annotation", nth(3, nil), func(r *Record) { r.Set("rotation", []float64{0, 0, 0, 0}) })
	}},
	{Rule: "GEO001", Name: "pose", Base: baseT4, Severity: "warning", Apply: func(d *Dir) error {
		return d.EditRow("ego_pose", nth(3, nil), func(r *Record) { scale(r, "rotation", 1.00001) })
	}},
	{Rule: "GEO001", Name: "lyft", Base: baseLyft, Apply: func(d *Dir) error {
		return d.EditRow("calibrated_sensor", nil, func(r *Record) { scale(r, "rotation", 0.99) })
	}},
	{Rule: "GEO002", Base: baseNuScenes, Apply: func(d *Dir) error { return scalarLast(d, "sample_annotation") }},
	{Rule: "GEO002", Name: "pose", Base: baseNuScenes, Apply: func(d *Dir) error { return scalarLast(d, "ego_pose") }},
	{Rule: "GEO004", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("calibrated_sensor", where("camera_intrinsic", literal("[]")), toggleIntrinsic)
	}},
	{Rule: "GEO004", Name: "camera", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditRow("calibrated_sensor", nth(1, nil), toggleIntrinsic)
	}},
	{Rule: "GEO005", Name: "nuscenes", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("calibrated_sensor", camera, func(r *Record) {
			k := intrinsic(nuScenesWidth, nuScenesHeight)
			k[0][1] = 0.5 // skew
			r.Set("camera_intrinsic", k)
		})
	}},
	{Rule: "GEO005", Name: "image", Base: baseNuScenes, Apply: func(d *Dir) error {
		// The matrix of an image ten times as large.
		return d.EditRow("calibrated_sensor", camera, func(r *Record) { r.Set("camera_intrinsic", intrinsic(10*nuScenesWidth, 10*nuScenesHeight)) })
	}},
	{Rule: "GEO005", Name: "lyft", Base: baseLyft, Apply: func(d *Dir) error {
		return d.EditRow("calibrated_sensor", camera, func(r *Record) {
			k := intrinsic(lyftWidth, lyftHeight)
			k[1][1] *= 1.1
			r.Set("camera_intrinsic", k)
		})
	}},
	{Rule: "GEO005", Name: "t4", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditRow("calibrated_sensor", camera, func(r *Record) {
			k := intrinsic(t4Width, t4Height)
			k[2][2] = 0
			r.Set("camera_intrinsic", k)
		})
	}},
	{Rule: "GEO006", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("calibrated_sensor", camera, func(r *Record) { r.Set("camera_intrinsic", intrinsic(nuScenesWidth*3/2, nuScenesHeight*3/2)) })
	}},
	{Rule: "GEO006", Name: "t4", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditRow("calibrated_sensor", camera, func(r *Record) { r.Set("camera_intrinsic", intrinsic(t4Width/2, t4Height/2)) })
	}},
	{Rule: "GEO022", Name: "nuscenes", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("sample_annotation", nil, func(r *Record) { r.Set("size", []float64{1.8, 0, 1.5}) })
	}},
	{Rule: "GEO022", Name: "lyft", Base: baseLyft, Apply: func(d *Dir) error {
		return d.EditRow("sample_annotation", nil, func(r *Record) { scale(r, "size", -1) })
	}},
	{Rule: "GEO024", Name: "nuscenes", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("sample_annotation", nil, func(r *Record) { scale(r, "size", 100) }) // centimetres
	}},
	{Rule: "GEO024", Name: "t4", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditRow("sample_annotation", nil, func(r *Record) { // the order of KITTI
			s := r.Floats("size")
			r.Set("size", []float64{s[2], s[0], s[1]})
		})
	}},
}

func scale(r *Record, field string, by float64) {
	v := r.Floats(field)
	for i := range v {
		v[i] *= by
	}
	r.Set(field, v)
}

// scalarLast writes every rotation of a table as x, y, z, w.
func scalarLast(d *Dir, table string) error {
	return d.EditTable(table, func(rows []*Record) []*Record {
		for _, r := range rows {
			q := r.Floats("rotation")
			r.Set("rotation", []float64{q[1], q[2], q[3], q[0]})
		}
		return rows
	})
}

// camera picks the calibrations of cameras.
func camera(r *Record) bool { return r.Literal("camera_intrinsic") != "[]" }

func toggleIntrinsic(r *Record) {
	if camera(r) {
		r.Set("camera_intrinsic", [][]float64{})
	} else {
		r.Set("camera_intrinsic", intrinsic(nuScenesWidth, nuScenesHeight))
	}
}
