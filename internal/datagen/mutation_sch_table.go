package datagen

import "strings"

// set edits a field of the first row of a table that pick accepts.
func set(table, field, text string, pick func(*Record) bool) func(*Dir) error {
	return func(d *Dir) error {
		return d.EditRow(table, pick, func(r *Record) { r.SetLiteral(field, text) })
	}
}

func drop(table, field string) func(*Dir) error {
	return func(d *Dir) error {
		return d.EditRow(table, nil, func(r *Record) { r.Delete(field) })
	}
}

var schTableMutations = []Mutation{
	{Rule: "SCH006", Base: baseNuScenes, Apply: drop("attribute", "description")},
	{Rule: "SCH006", Name: "stamp", Base: baseNuScenes, Apply: drop("ego_pose", "timestamp")},
	{Rule: "SCH006", Name: "link", Base: baseNuScenes, Apply: drop("sample_data", "ego_pose_token")},
	{Rule: "SCH006", Name: "key", Base: baseLyft, Apply: drop("attribute", "token")},
	{Rule: "SCH006", Name: "t4", Base: baseT4, Apply: drop("calibrated_sensor", "camera_distortion")},

	{Rule: "SCH007", Base: baseNuScenes, Apply: set("sensor", "serial_number", `"A12"`, nil)},
	{Rule: "SCH007", Name: "t4", Base: baseT4, Apply: set("sample_annotation", "colour", `"red"`, nil)},

	{Rule: "SCH007", Name: "strict", Base: baseNuScenes, Apply: set("sensor", "serial_number", `"A12"`, nil), Config: "strict: true\n", Severity: "warning"},
	{
		Rule: "SCH007", Name: "nested", Base: baseT4, Config: "strict: true\n", Severity: "warning",
		Apply: set("sample_data", "autolabel_metadata", `[{"name": "m", "score": 0.5, "scores": 0.5}]`, nil),
	},

	{Rule: "SCH008", Base: baseNuScenes, Apply: set("sample_annotation", "num_lidar_pts", `"21"`, nil)},
	{Rule: "SCH008", Name: "stamp", Base: baseNuScenes, Apply: set("sample_data", "timestamp", `"1532402927647951"`, nil)},
	{Rule: "SCH008", Name: "link", Base: baseNuScenes, Apply: set("sample_data", "next", "17", both(has("filename", "CAM_FRONT"), where("is_key_frame", false)))},
	{Rule: "SCH008", Name: "flag", Base: baseT4, Apply: set("sample_data", "is_valid", "1", nil)},
	{Rule: "SCH008", Name: "lyft", Base: baseLyft, Apply: set("ego_pose", "translation", `{"x": 1}`, nil)},

	{Rule: "SCH009", Base: baseNuScenes, Apply: set("sample_data", "width", "160.0", where("width", 160))},
	{Rule: "SCH009", Name: "exponent", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("instance", nil, func(r *Record) { r.SetLiteral("nbr_annotations", r.Literal("nbr_annotations")+"e0") })
	}},
	{Rule: "SCH009", Name: "fraction", Base: baseNuScenes, Apply: set("sample_annotation", "num_radar_pts", "1.5", nil)},
	{Rule: "SCH009", Name: "t4", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditRow("sample", nil, func(r *Record) { r.SetLiteral("timestamp", r.Literal("timestamp")+".0") })
	}},

	{Rule: "SCH010", Base: baseNuScenes, Apply: set("sample_annotation", "rotation", "[0.0, 0.0, 1.57]", nil)},
	{Rule: "SCH010", Name: "projection", Base: baseNuScenes, Apply: set("calibrated_sensor", "camera_intrinsic",
		"[[130.0, 0.0, 80.0, 0.0], [0.0, 130.0, 45.0, 0.0], [0.0, 0.0, 1.0, 0.0]]", notEmpty("camera_intrinsic"))},
	{Rule: "SCH010", Name: "distortion", Base: baseT4, Apply: set("calibrated_sensor", "camera_distortion", "[0.1, 0.2, 0.3]", notEmpty("camera_intrinsic"))},

	{Rule: "SCH011", Base: baseNuScenes, Apply: set("sample", "next", "null", where("next", ""))},
	{Rule: "SCH011", Name: "link", Base: baseNuScenes, Apply: set("sample_annotation", "prev", "null", func(r *Record) bool { return r.Str("prev") != "" })},
	{Rule: "SCH011", Name: "element", Base: baseLyft, Apply: set("sample_annotation", "size", "[1.9, null, 1.6]", nil)},

	{Rule: "SCH012", Base: baseNuScenes, Apply: func(d *Dir) error { return d.retoken(strings.ToUpper) }},

	{Rule: "SCH013", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditTable("sample_annotation", func(rows []*Record) []*Record { return append(rows, rows[2].Clone()) })
	}},
	{Rule: "SCH013", Name: "sample_data", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditTable("sample_data", func(rows []*Record) []*Record { return append(rows, rows[3].Clone()) })
	}},

	{Rule: "SCH014", Base: baseNuScenes, Apply: set("sensor", "modality", `"Lidar"`, where("channel", "LIDAR_TOP"))},
	{Rule: "SCH014", Name: "fileformat", Base: baseT4, Apply: set("sample_data", "fileformat", `"jpeg"`, where("fileformat", "jpg"))},
	{Rule: "SCH014", Name: "shift", Base: baseT4, Apply: set("vehicle_state", "shift_state", `"DRIVE"`, nil)},

	{Rule: "SCH019", Base: baseNuScenes, Apply: set("log", "date_captured", `"24.07.2018"`, nil)},
	{Rule: "SCH019", Name: "t4", Base: baseT4, Apply: set("log", "data_captured", `"2024-03-07"`, nil)},

	{Rule: "SCH021", Base: baseT4, Apply: set("sample_annotation", "automatic_annotation", "true", nil)},
	{Rule: "SCH021", Name: "manual", Base: baseT4, Apply: set("sample_annotation", "autolabel_metadata", `[{"name": "m", "score": 0.9}]`, nil)},
	{Rule: "SCH021", Name: "score", Base: baseT4, Apply: set("sample_data", "autolabel_metadata", `[{"name": "m", "score": 90}]`, nil)},

	{Rule: "SCH042", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Write("v1.0-mini/splits.json", []byte(`{"train": "scene-0061", "val": ["scene-0655"]}`+"\n"))
	}},
	{Rule: "SCH042", Name: "array", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Write("v1.0-mini/splits.json", []byte("[\"scene-0061\"]\n"))
	}},
	// T4 and Lyft: what is legal in one is not in another.
	{Rule: "SCH010", Name: "lyft", Base: baseLyft, Apply: set("ego_pose", "translation", "[1.0, 2.0]", nil)},
	{Rule: "SCH010", Name: "twist", Base: baseT4, Apply: set("ego_pose", "twist", "[0.0, 0.0, 0.0]", nil)},
	{Rule: "SCH011", Name: "t4", Base: baseT4, Apply: set("log", "location", "null", nil)},
	{Rule: "SCH012", Name: "lyft", Base: baseLyft, Apply: func(d *Dir) error { return d.retoken(func(s string) string { return s[:32] }) }},
	{Rule: "SCH012", Name: "visibility", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditTable("visibility", func(rows []*Record) []*Record {
			fifth := rows[0].Clone()
			fifth.Set("token", "5")
			return append(rows, fifth)
		})
	}},
	{Rule: "SCH012", Name: "t4", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditTable("attribute", func(rows []*Record) []*Record {
			idle := rows[0].Clone()
			idle.Set("token", "")
			idle.Set("name", "another")
			return append(rows, idle)
		})
	}},
	{Rule: "SCH013", Name: "lyft", Base: baseLyft, Apply: func(d *Dir) error {
		return d.EditTable("attribute", func(rows []*Record) []*Record { return append(rows, rows[0].Clone()) })
	}},
	{Rule: "SCH013", Name: "t4", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditTable("object_ann", func(rows []*Record) []*Record { return append(rows, rows[0].Clone()) })
	}},
	{Rule: "SCH014", Name: "level", Base: baseNuScenes, Apply: set("visibility", "level", `"full"`, nil)},
	{Rule: "SCH014", Name: "lyft", Base: baseLyft, Apply: set("sample_data", "fileformat", `"pcd"`, where("fileformat", "bin"))},
	{Rule: "SCH014", Name: "indicator", Base: baseT4, Apply: set("vehicle_state", "indicators", `{"left": "blinking", "right": "off", "hazard": "off"}`, nil)},
	{Rule: "SCH019", Name: "no such day", Base: baseNuScenes, Apply: set("log", "date_captured", `"2018-13-24"`, nil)},
	{Rule: "SCH019", Name: "t4 no such time", Base: baseT4, Apply: set("log", "data_captured", `"2024-03-07-25-00-00"`, nil)},
	{Rule: "SCH021", Name: "image", Base: baseT4, Apply: set("object_ann", "automatic_annotation", "true", nil)},
	{Rule: "SCH021", Name: "uncertainty", Base: baseT4, Apply: set("sample_data", "autolabel_metadata", `[{"name": "m", "score": 0.5, "uncertainty": -0.1}]`, nil)},
}

func notEmpty(field string) func(*Record) bool {
	return func(r *Record) bool { return r.Literal(field) != "[]" }
}

// retoken gives the first attribute another token, there and in annotations.
func (d *Dir) retoken(f func(string) string) error {
	token := ""
	err := d.EditRow("attribute", nil, func(r *Record) {
		token = r.Str("token")
		r.Set("token", f(token))
	})
	if err != nil {
		return err
	}
	return d.EditTable("sample_annotation", func(rows []*Record) []*Record {
		for _, r := range rows {
			r.SetLiteral("attribute_tokens", strings.ReplaceAll(r.Literal("attribute_tokens"), token, f(token)))
		}
		return rows
	})
}
