package datagen

import (
	"path"
	"strings"
)

var schNamesMutations = []Mutation{
	{Rule: "SCH015", Base: baseNuScenes, Apply: set("category", "name", `"vehicle.trailer"`, where("name", "vehicle.emergency.police"))},
	{Rule: "SCH015", Name: "attribute", Base: baseLyft, Apply: func(d *Dir) error {
		return d.EditTable("attribute", func(rows []*Record) []*Record {
			rows[1].Set("name", rows[0].Str("name"))
			return rows
		})
	}},
	{Rule: "SCH016", Base: baseNuScenes, Apply: set("category", "name", `"vehicle.emergency.polize"`, where("name", "vehicle.emergency.police"))},
	{Rule: "SCH017", Base: baseNuScenes, Apply: renameChannel("CAM_BACK", "CAM_REAR")},

	{Rule: "SCH018", Base: baseNuScenesSeg, Apply: set("category", "index", "15", where("name", "vehicle.bicycle"))},
	{Rule: "SCH018", Name: "some", Base: baseNuScenesSeg, Apply: func(d *Dir) error {
		return d.EditRow("category", where("name", "animal"), func(r *Record) { r.Delete("index") })
	}},
	{Rule: "SCH018", Name: "byte", Base: baseT4, Apply: set("category", "index", "256", where("name", "bus"))},

	{Rule: "SCH020", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditTable("scene", func(rows []*Record) []*Record {
			second := rows[0].Clone()
			second.Set("token", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee")
			second.Set("name", "another")
			return append(rows, second)
		})
	}},
	{Rule: "SCH020", Name: "none", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditTable("scene", func([]*Record) []*Record { return nil })
	}},

	{Rule: "SCH022", Base: baseT4, Apply: func(d *Dir) error { return d.Replace("annotation/object_ann.json", "90,\n160", "120,\n160") }},
	{Rule: "SCH022", Name: "runs", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditRow("surface_ann", nil, func(r *Record) { r.Set("mask", boxMask([4]int{0, 60, 160, 90}, 160, 91)) })
	}},
	{Rule: "SCH022", Name: "base64", Base: baseT4, Apply: func(d *Dir) error {
		return d.Replace("annotation/surface_ann.json", `"counts": "`, `"counts": "!`)
	}},
	{Rule: "SCH022", Name: "turned", Base: baseT4, Severity: "info", Apply: func(d *Dir) error { return d.Replace("annotation/object_ann.json", "90,\n160", "160,\n90") }},
	{Rule: "SCH015", Name: "scene", Base: baseNuScenes, Apply: set("scene", "name", `"scene-0655"`, where("name", "scene-0061"))},
	{Rule: "SCH015", Name: "t4", Base: baseT4, Apply: set("category", "name", `"truck"`, where("name", "bus"))},
	{Rule: "SCH018", Name: "t4 twice", Base: baseT4, Apply: set("category", "index", "2", where("name", "bus"))},
}

// renameChannel gives a channel another name, in the tables and in the files.
func renameChannel(from, to string) func(*Dir) error {
	return func(d *Dir) error {
		if err := d.EditRow("sensor", where("channel", from), func(r *Record) { r.Set("channel", to) }); err != nil {
			return err
		}
		moved := map[string]string{}
		err := d.EditTable("sample_data", func(rows []*Record) []*Record {
			for _, r := range rows {
				name := r.Str("filename")
				if path.Base(path.Dir(name)) == from {
					moved[name] = strings.ReplaceAll(strings.ReplaceAll(name, "/"+from+"/", "/"+to+"/"), "__"+from+"__", "__"+to+"__")
					r.Set("filename", moved[name])
				}
			}
			return rows
		})
		if err != nil {
			return err
		}
		for name, now := range moved {
			if err := d.Rename(name, now); err != nil {
				return err
			}
		}
		for _, folder := range []string{"samples", "sweeps"} {
			if err := d.Remove(path.Join(folder, from)); err != nil {
				return err
			}
		}
		return nil
	}
}
