package datagen

import "strings"

var lnkCountsMutations = []Mutation{
	{Rule: "LNK011", Base: baseNuScenes, Apply: assign("scene", nil, "nbr_samples", 6)},
	{Rule: "LNK011", Name: "Lyft", Base: baseLyft, Apply: assign("scene", nil, "nbr_samples", 4)},
	{Rule: "LNK011", Name: "T4", Base: baseT4, Apply: assign("scene", nil, "nbr_samples", 0)},
	{Rule: "LNK012", Base: baseNuScenes, Apply: assign("instance", nil, "nbr_annotations", 4)},
	{Rule: "LNK012", Name: "none", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditTable("instance", func(rows []*Record) []*Record {
			idle := rows[0].Clone()
			idle.Set("token", none)
			idle.Set("nbr_annotations", 0)
			return append(rows, idle)
		})
	}},
	{Rule: "LNK012", Name: "Lyft", Base: baseLyft, Apply: assign("instance", nil, "nbr_annotations", 6)},
	{Rule: "LNK012", Name: "T4", Base: baseT4, Apply: assign("instance", nil, "nbr_annotations", 0)},
	{Rule: "LNK012", Name: "T4 images", Base: baseT4, Apply: assign("instance", has("instance_name", "::light"), "nbr_annotations", 3)},
	{Rule: "LNK019", Base: baseNuScenes, Apply: assignFrom("sample_annotation", nil, "sample_token", "sample", nth(5, nil), "token")},
	{Rule: "LNK020", Base: baseNuScenes, Apply: assignFrom("sample_annotation", nil, "sample_token", "sample", nth(1, nil), "token")},
	{Rule: "LNK020", Name: "T4", Base: baseT4, Apply: assignFrom("sample_annotation", nth(2, nil), "sample_token", "sample", nth(1, nil), "token")},
	{Rule: "LNK021", Base: baseNuScenes, Apply: func(d *Dir) error {
		rows, err := d.Rows("sample_data")
		if err != nil {
			return err
		}
		for _, r := range rows {
			if has("filename", "samples/CAM_FRONT/n008")(r) {
				return assign("sample_data", has("filename", "samples/CAM_FRONT/n015"), "calibrated_sensor_token", r.Str("calibrated_sensor_token"))(d)
			}
		}
		return errNoRow
	}},
	{Rule: "LNK022", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditTable("ego_pose", func(rows []*Record) []*Record {
			idle := rows[0].Clone()
			idle.Set("token", none)
			return append(rows, idle)
		})
	}},
	{Rule: "LNK024", Base: baseNuScenes, Apply: assign("map", nil, "log_tokens", []string{})},
	{Rule: "LNK024", Name: "mistyped", Base: baseNuScenes, Apply: assign("map", nil, "log_tokens", []string{none})},
	{Rule: "LNK024", Name: "twice", Base: baseNuScenes, Apply: func(d *Dir) error {
		logs, err := d.Rows("log")
		if err != nil {
			return err
		}
		return assign("map", nil, "log_tokens", []string{logs[0].Str("token"), logs[1].Str("token")})(d)
	}},
	{Rule: "LNK024", Name: "Lyft", Base: baseLyft, Apply: assign("map", nil, "log_tokens", []string{})},
	{Rule: "LNK025", Base: baseNuScenes, Apply: assign("log", nil, "location", "singapore-queenstown")},
	{Rule: "LNK028", Base: baseNuScenes, Apply: func(d *Dir) error {
		attributes, err := d.Rows("attribute")
		if err != nil {
			return err
		}
		var moods []string
		for _, a := range attributes {
			if strings.HasPrefix(a.Str("name"), "pedestrian.") {
				moods = append(moods, a.Str("token"))
			}
		}
		people, err := annotationsOf(d, "human.pedestrian.adult")
		if err != nil {
			return err
		}
		return assign("sample_annotation", people, "attribute_tokens", moods[:2])(d)
	}},
	{Rule: "LNK029", Base: baseNuScenes, Apply: func(d *Dir) error {
		attributes, err := d.Rows("attribute")
		if err != nil {
			return err
		}
		people, err := annotationsOf(d, "human.pedestrian.adult")
		if err != nil {
			return err
		}
		for _, a := range attributes {
			if a.Str("name") == "vehicle.parked" {
				return assign("sample_annotation", people, "attribute_tokens", []string{a.Str("token")})(d)
			}
		}
		return errNoRow
	}},
	{Rule: "LNK020", Name: "Lyft", Base: baseLyft, Apply: assignFrom("sample_annotation", nil, "sample_token", "sample", nth(1, nil), "token")},
}

// annotationsOf picks the annotations of a class.
func annotationsOf(d *Dir, class string) (func(*Record) bool, error) {
	categories, err := d.Rows("category")
	if err != nil {
		return nil, err
	}
	instances, err := d.Rows("instance")
	if err != nil {
		return nil, err
	}
	own := map[string]bool{}
	for _, c := range categories {
		if c.Str("name") == class {
			for _, i := range instances {
				if i.Str("category_token") == c.Str("token") {
					own[i.Str("token")] = true
				}
			}
		}
	}
	return func(r *Record) bool { return own[r.Str("instance_token")] }, nil
}
