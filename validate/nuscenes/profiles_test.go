package nuscenes

import (
	"slices"
	"strings"
	"testing"
)

// deltas are what Lyft and T4 write otherwise than nuScenes: legal there, and
// refused, by the rule named, in nuScenes ("field-unknown": a field that it
// does not have). "-" leaves a field out.
var deltas = []struct {
	profile, table, field string
	values                []string
	rule                  string
}{
	{"lyft", "attribute", "token", []string{`"` + strings.Repeat("9f", 32) + `"`}, "token-format"},
	{"lyft", "sample", "timestamp", []string{"1556675185903083.2", "1556675185903083.25", "1556675185903083.5", "1556675185903083.75", "1556675185903083.0"}, "int-as-float"},
	{"lyft", "sample_data", "timestamp", []string{"1556675185903083.2"}, "int-as-float"},
	{"lyft", "ego_pose", "timestamp", []string{"1556675185903083.2"}, "int-as-float"},
	{"lyft", "sample_data", "fileformat", []string{`"jpeg"`, `"bin"`}, "enum-value"},
	{"lyft", "sample_data", "width", []string{"-"}, "field-missing"},
	{"lyft", "sample_data", "height", []string{"-"}, "field-missing"},
	{"lyft", "ego_pose", "translation", []string{"[1, 2, 3]"}, ""}, // integers for floats
	{"lyft", "map", "token", []string{`"53992ee3023e5494b90c316c183be829"`}, ""},
	{"lyft", "sample_annotation", "num_lidar_pts", []string{"-1"}, ""}, // pts-exceed
	{"lyft", "sample_annotation", "visibility_token", []string{`""`}, ""},
	{"lyft", "sample_annotation", "attribute_tokens", []string{`["a", "b"]`}, ""}, // attribute-count
	{"lyft", "log", "logfile", []string{`""`}, ""},

	{"t4", "sample", "token", []string{`"a"`, `"6a1f1e0c-5c0e-4f6e-9a53-0c5a6a0e0b7d"`, `"ü"`}, "token-format"},
	{"t4", "sample_data", "is_valid", []string{"true", "false"}, "field-unknown"},
	{"t4", "sample_data", "info_filename", []string{`"data/LIDAR_CONCAT_INFO/0.json"`, "null"}, "field-unknown"},
	{"t4", "sample_data", "autolabel_metadata", []string{"null", "[]", `[{"name": "m", "score": 0}]`, `[{"name": "m", "score": 1, "uncertainty": 0.5}]`, `[{"name": "m", "score": 1, "uncertainty": null}]`}, "field-unknown"},
	{"t4", "sample_data", "fileformat", []string{`"png"`, `"bin"`, `"pcd.bin"`}, "enum-value"},
	{"t4", "sample_data", "fileformat", []string{`"jpg"`, `"pcd"`}, ""},
	{"t4", "sample_data", "sample_token", []string{`""`}, ""}, // fk-empty
	{"t4", "calibrated_sensor", "camera_distortion", []string{
		"[]", "[1, 2, 3, 4]", "[1, 2, 3, 4, 5]", "[1, 2, 3, 4, 5, 6, 7, 8]", "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]",
		"[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14.5]",
	}, "field-unknown"},
	{"t4", "ego_pose", "twist", []string{"null", "[1, 2, 3, 4, 5, 6]", "-"}, "field-unknown"},
	{"t4", "ego_pose", "acceleration", []string{"null", "[1, 2, 3]", "-"}, "field-unknown"},
	{"t4", "ego_pose", "geocoordinate", []string{"null", "[35.6, 139.7, 40.1]", "-"}, "field-unknown"},
	{"t4", "instance", "instance_name", []string{`"db_demo_v1::7"`}, "field-unknown"},
	{"t4", "instance", "first_annotation_token", []string{`""`}, ""}, // fk-empty
	{"t4", "instance", "last_annotation_token", []string{`""`}, ""},
	{"t4", "log", "data_captured", []string{`"2024-03-07-11-30-00"`}, "field-unknown"},
	{"t4", "log", "date_captured", []string{"-"}, "field-missing"},
	{"t4", "category", "index", []string{"0", "-", "null"}, ""},
	{"t4", "category", "has_orientation", []string{"true", "false", "-"}, "field-unknown"},
	{"t4", "category", "has_number", []string{"true", "false", "-"}, "field-unknown"},
	{"t4", "sample_annotation", "velocity", []string{"null", "[1, 2, 3]", "-"}, "field-unknown"},
	{"t4", "sample_annotation", "acceleration", []string{"null", "[1, 2, 3]", "-"}, "field-unknown"},
	{"t4", "sample_annotation", "automatic_annotation", []string{"false", "-"}, "field-unknown"},
	{"t4", "sample_annotation", "autolabel_metadata", []string{"null", "-"}, "field-unknown"},
	{"t4", "visibility", "level", []string{`"full"`, `"most"`, `"partial"`, `"none"`, `"unavailable"`}, "enum-value"},
	{"t4", "visibility", "level", []string{`"v80-100"`, `"v60-80"`, `"v40-60"`, `"v0-40"`}, ""}, // deprecated
	{"t4", "visibility", "token", []string{`"full"`}, "token-format"},
	// Tables that nuScenes does not have.
	{"t4", "object_ann", "orientation", []string{"null", "0.5", "-"}, "none"},
	{"t4", "object_ann", "number", []string{"null", "3", "-"}, "none"},
	{"t4", "object_ann", "bbox", []string{"[0, 0, 10, 10]"}, "none"},
	{"t4", "object_ann", "mask", []string{`{"size": [600, 800], "counts": "b2Q="}`}, "none"},
	{"t4", "surface_ann", "mask", []string{`{"size": [800, 600], "counts": "b2Q="}`}, "none"},
	{"t4", "keypoint", "keypoints", []string{"[]", "[[1, 2.5], [3, 4]]"}, "none"},
	{"t4", "vehicle_state", "shift_state", []string{`"PARK"`, `"REVERSE"`, `"NEUTRAL"`, `"HIGH"`, `"FORWARD"`, `"LOW"`, `"NONE"`, "null", "-"}, "none"},
	{"t4", "vehicle_state", "indicators", []string{`{"left": "on", "right": "off", "hazard": "off"}`, "null", "-"}, "none"},
	{"t4", "vehicle_state", "additional_info", []string{`{"speed": 3.5}`, `{}`, `{"speed": null}`, "null", "-"}, "none"},
	{"t4", "vehicle_state", "steering_tire_angle", []string{"0.1", "null", "-"}, "none"},
	{"t4", "traffic_light", "primitive_id", []string{`"1001"`}, "none"},
	{"t4", "lidarseg", "filename", []string{`"lidarseg/annotation/6a1f.bin"`}, ""},
}

// TestProfiles: what Lyft and T4 do otherwise is legal there, and nuScenes
// refuses it.
func TestProfiles(t *testing.T) {
	all := recordSchemas(t)
	faults := func(profile, table, field, value string) (slugs []string) {
		s := all[profile+"/"+table]
		m := examples(t, s)
		if m[field] = value; value == "-" {
			delete(m, field)
		}
		rec := recordOf(t, m)
		if accepts(s, rec) {
			return nil
		}
		for _, p := range s.judge(rec, profile != "lyft") {
			slugs = append(slugs, p.slug)
		}
		for _, f := range rec.Fields {
			if s.props[f.Name] == nil {
				slugs = append(slugs, "field-unknown")
			}
		}
		return slugs
	}
	for _, d := range deltas {
		for _, v := range d.values {
			if d.field != "date_captured" {
				if got := faults(d.profile, d.table, d.field, v); len(got) > 0 {
					t.Errorf("%s refuses %s.%s = %s: %v", d.profile, d.table, d.field, v, got)
				}
			}
			s := all["nuscenes/"+d.table]
			switch {
			case d.rule == "none":
				if s != nil {
					t.Errorf("nuScenes has a table %s", d.table)
				}
			case d.rule == "" || v == "-" && d.rule == "field-unknown":
			default:
				if got := faults("nuscenes", d.table, d.field, v); !slices.Contains(got, d.rule) {
					t.Errorf("nuScenes says %v of %s.%s = %s, not %s", got, d.table, d.field, v, d.rule)
				}
			}
		}
	}
	// And what is legal in none.
	for _, d := range []struct{ profile, table, field, value, rule string }{
		{"t4", "sample", "token", `""`, "token-format"},
		{"t4", "sample", "timestamp", "1.5e15", "int-as-float"},
		{"t4", "calibrated_sensor", "camera_distortion", "[1, 2, 3]", "array-length"},
		{"t4", "calibrated_sensor", "camera_distortion", "null", "value-null"},
		{"t4", "visibility", "level", `"half"`, "enum-value"},
		{"t4", "ego_pose", "twist", "[1, 2, 3]", "array-length"},
		{"t4", "ego_pose", "timestamp", "-", "field-missing"},
		{"t4", "instance", "instance_name", "-", "field-missing"},
		{"t4", "vehicle_state", "shift_state", `"DRIVE"`, "enum-value"},
		{"lyft", "sample", "token", `"` + strings.Repeat("9F", 32) + `"`, "token-format"},
		{"lyft", "sample", "timestamp", `"1556675185903083.2"`, "field-type"},
		{"lyft", "sample_data", "fileformat", `"jpg"`, "enum-value"},
		{"lyft", "map", "token", `"53992ee3"`, "token-format"},
	} {
		if got := faults(d.profile, d.table, d.field, d.value); !slices.Contains(got, d.rule) {
			t.Errorf("%s says %v of %s.%s = %s, not %s", d.profile, got, d.table, d.field, d.value, d.rule)
		}
	}
}
