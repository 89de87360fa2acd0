package datagen

import "strings"

var tmpTablesMutations = []Mutation{
	{Rule: "TMP004", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("sample", nth(2, nil), func(r *Record) { r.Set("timestamp", r.Int("timestamp")-1000) })
	}},
	{Rule: "TMP004", Name: "t4", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditRow("sample", nth(2, nil), func(r *Record) { r.Set("timestamp", r.Int("timestamp")+20_000) })
	}},
	{Rule: "TMP005", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("ego_pose", nth(5, nil), func(r *Record) { r.Set("timestamp", r.Int("timestamp")+7) })
	}},
	{Rule: "TMP005", Name: "unit", Base: baseNuScenes, Apply: func(d *Dir) error {
		// The poses alone are stamped in milliseconds.
		return d.EditTable("ego_pose", func(rows []*Record) []*Record {
			for _, r := range rows {
				r.Set("timestamp", r.Int("timestamp")/1000)
			}
			return rows
		})
	}},
	{Rule: "TMP006", Base: baseNuScenes, Apply: func(d *Dir) error {
		// The name alone is wrong.
		var from, to string
		err := d.EditRow("sample_data", has("filename", "sweeps/CAM_BACK/"), func(r *Record) {
			from = r.Str("filename")
			old := r.Literal("timestamp")
			to = strings.Replace(from, old, literalOf(r.Int("timestamp")+1), 1)
			r.Set("filename", to)
		})
		if err != nil {
			return err
		}
		return d.Rename(from, to)
	}},
	{Rule: "TMP006", Name: "row", Base: baseNuScenes, Apply: func(d *Dir) error {
		// The stamp in sample_data alone is wrong: name and pose agree.
		return d.EditRow("sample_data", both(has("filename", "samples/CAM_BACK/"), where("is_key_frame", true)), func(r *Record) {
			r.Set("timestamp", r.Int("timestamp")+30_000)
		})
	}},
	{Rule: "TMP006", Name: "lyft", Base: baseLyft, Apply: func(d *Dir) error {
		var from, to string
		err := d.EditRow("sample_data", has("filename", "images/"), func(r *Record) {
			from = r.Str("filename")
			to = from[:len(from)-len("2345.jpeg")] + "0000.jpeg"
			r.Set("filename", to)
		})
		if err != nil {
			return err
		}
		return d.Rename(from, to)
	}},
	{Rule: "TMP007", Base: baseNuScenes, Apply: func(d *Dir) error {
		token, err := d.Find("sample_data", nth(2, has("filename", "samples/CAM_FRONT/")))
		if err != nil {
			return err
		}
		return d.Retime(token, 20e6)
	}},
	{Rule: "TMP008", Base: baseNuScenesSmall, Apply: func(d *Dir) error {
		slow := NuScenes{Seed: 6, Scenes: []NuScenesScene{smallScenes[0]}}
		slow.Scenes[0].Interval = 700_000_000
		return d.replaceBy(slow.write)
	}},
	{Rule: "TMP018", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("log", nil, func(r *Record) { r.Set("date_captured", "2018-07-25") })
	}},
	{Rule: "TMP018", Name: "scene", Base: baseNuScenesSmall, Apply: func(d *Dir) error {
		late := NuScenes{Seed: 6, Scenes: []NuScenesScene{smallScenes[0]}}
		late.Scenes[0].After = 26 * 3600e9
		return d.replaceBy(late.write)
	}},
	{Rule: "TMP018", Name: "t4", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditRow("log", nil, func(r *Record) { r.Set("data_captured", "2024-03-09-11-30-00") })
	}},
	{Rule: "TMP020", Base: baseNuScenesLong, Apply: func(d *Dir) error {
		long := NuScenes{Seed: 6, Scenes: []NuScenesScene{smallScenes[0]}}
		long.Scenes[0].Samples = 53
		return d.replaceBy(long.write)
	}},
	{Rule: "TMP021", Base: baseNuScenesSmall, Apply: func(d *Dir) error {
		twice := NuScenes{Seed: 6, Scenes: append([]NuScenesScene(nil), smallScenes...)}
		twice.Scenes[1].After = 360.5e9
		return d.replaceBy(twice.write)
	}},
	{Rule: "TMP026", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditRow("sample_data", where("is_key_frame", true), func(r *Record) { r.Set("is_valid", false) })
	}},
}

var (
	baseNuScenesSmall = cached("nuscenes-small", NuScenes{Seed: 6, Scenes: smallScenes}.write)
	// baseNuScenesLong has a scene as long as the owner's.
	baseNuScenesLong = cached("nuscenes-long", NuScenes{Seed: 6, Scenes: []NuScenesScene{
		{Name: "scene-0061", Channels: []string{"LIDAR_TOP"}, Samples: 41},
	}}.write)
)

// replaceBy writes another data set in the place of this one: for faults that
// change every stamp.
func (d *Dir) replaceBy(write func(put sink) error) error {
	if err := d.Empty(); err != nil {
		return err
	}
	return write(toDisk(d.Root))
}
