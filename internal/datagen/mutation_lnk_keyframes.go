package datagen

import (
	"path"
	"strings"
)

// moveData makes a mutation that edits a row of sample_data and moves its file to
// the name that the edited row has.
func moveData(pick func(*Record) bool, edit func(*Record)) func(*Dir) error {
	return func(d *Dir) error {
		var from, to string
		err := d.EditRow("sample_data", pick, func(r *Record) {
			from = r.Str("filename")
			edit(r)
			to = r.Str("filename")
		})
		if err != nil {
			return err
		}
		return d.Rename(from, to)
	}
}

// replaceInName edits part of a row's filename.
func replaceInName(r *Record, old, new string) {
	r.Set("filename", strings.Replace(r.Str("filename"), old, new, 1))
}

var lnkKeyframesMutations = []Mutation{
	{Rule: "LNK013", Base: baseNuScenes, Apply: moveData(has("filename", "samples/CAM_FRONT/"), func(r *Record) {
		r.Set("is_key_frame", false)
		replaceInName(r, "samples/", "sweeps/")
	})},
	{Rule: "LNK013", Name: "T4", Base: baseT4, Apply: assign("sample_data", both(where("is_key_frame", true), t4Back), "is_key_frame", false)},
	{Rule: "LNK014", Base: baseNuScenes, Apply: moveData(nth(1, has("filename", "sweeps/CAM_FRONT/")), func(r *Record) {
		r.Set("is_key_frame", true)
		replaceInName(r, "sweeps/", "samples/")
	})},
	{Rule: "LNK014", Name: "T4", Base: baseT4, Apply: func(d *Dir) error {
		samples, err := d.Rows("sample")
		if err != nil {
			return err
		}
		return d.EditRow("sample_data", both(where("is_key_frame", false), t4Back), func(r *Record) {
			r.Set("is_key_frame", true)
			r.Set("sample_token", samples[1].Str("token"))
		})
	}},
	{Rule: "LNK015", Base: baseNuScenes, Apply: assign("sample_data", has("filename", "samples/CAM_FRONT/"), "is_key_frame", false)},
	{Rule: "LNK015", Name: "sweep", Base: baseNuScenes, Apply: assign("sample_data", has("filename", "sweeps/CAM_FRONT/"), "is_key_frame", true)},
	{Rule: "LNK016", Base: baseNuScenes, Apply: moveData(has("filename", "samples/CAM_FRONT/"), func(r *Record) {
		replaceInName(r, "samples/CAM_FRONT/", "samples/CAM_BACK/")
	})},
	{Rule: "LNK016", Name: "name", Base: baseNuScenes, Apply: moveData(has("filename", "sweeps/CAM_FRONT/"), func(r *Record) {
		replaceInName(r, "__CAM_FRONT__", "__CAM_BACK__")
	})},
	{Rule: "LNK016", Name: "calibration", Base: baseNuScenes, Apply: func(d *Dir) error {
		rows, err := d.Rows("sample_data")
		if err != nil {
			return err
		}
		for _, r := range rows {
			if has("filename", "samples/CAM_BACK/n015")(r) {
				return assign("sample_data", nth(2, has("filename", "samples/CAM_FRONT/n015")), "calibrated_sensor_token", r.Str("calibrated_sensor_token"))(d)
			}
		}
		return errNoRow
	}},
	{Rule: "LNK016", Name: "T4", Base: baseT4, Apply: moveData(t4Back, func(r *Record) {
		r.Set("filename", path.Join("data/CAM_FRONT", "back.jpg"))
	})},
	{Rule: "LNK017", Base: baseNuScenes, Apply: moveData(has("filename", "samples/CAM_FRONT/n015"), func(r *Record) {
		replaceInName(r, "n015-2018-07-24-11-22-45+0800", "n015-2018-07-24-12-22-45+0800")
	})},
	{Rule: "LNK018", Base: baseNuScenes, Apply: assignFrom("sample_data", has("filename", "sweeps/CAM_FRONT/n015"), "sample_token", "sample", nth(3, nil), "token")},
}
