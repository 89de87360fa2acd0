package datagen

import "errors"

var errNoRow = errors.New("no such row")

// none is a token that no table has; none64 is one of Lyft's length.
var (
	none   = token(32, "none")
	none64 = token(64, "none")
)

// assign makes a mutation that sets one field of the first row that pick accepts.
func assign(table string, pick func(*Record) bool, key string, value any) func(*Dir) error {
	return func(d *Dir) error {
		return d.EditRow(table, pick, func(r *Record) { r.Set(key, value) })
	}
}

// assignFrom makes a mutation that sets one field to a field of another row, of
// which from picks the first.
func assignFrom(table string, pick func(*Record) bool, key, fromTable string, from func(*Record) bool, fromKey string) func(*Dir) error {
	return func(d *Dir) error {
		rows, err := d.Rows(fromTable)
		if err != nil {
			return err
		}
		for _, r := range rows {
			if from(r) {
				return assign(table, pick, key, r.Str(fromKey))(d)
			}
		}
		return errNoRow
	}
}

var lnkReferencesMutations = []Mutation{
	{Rule: "LNK001", Base: baseNuScenes, Apply: assign("sample_data", has("filename", "sweeps/CAM_FRONT/"), "ego_pose_token", none)},
	{Rule: "LNK001", Name: "sample of a keyframe", Base: baseNuScenes, Apply: assign("sample_data", has("filename", "samples/CAM_BACK/"), "sample_token", none)},
	{Rule: "LNK001", Name: "calibration", Base: baseNuScenes, Apply: assign("sample_data", has("filename", "samples/CAM_BACK/"), "calibrated_sensor_token", none)},
	{Rule: "LNK001", Name: "sensor", Base: baseNuScenes, Apply: assign("calibrated_sensor", nil, "sensor_token", none)},
	{Rule: "LNK001", Name: "scene", Base: baseNuScenes, Apply: assign("sample", nth(1, nil), "scene_token", none)},
	{Rule: "LNK001", Name: "log", Base: baseNuScenes, Apply: assign("scene", nil, "log_token", none)},
	{Rule: "LNK001", Name: "instance", Base: baseNuScenes, Apply: assign("sample_annotation", nth(1, nil), "instance_token", none)},
	{Rule: "LNK001", Name: "attribute", Base: baseNuScenes, Apply: assign("sample_annotation", nil, "attribute_tokens", []string{none})},
	{Rule: "LNK001", Name: "visibility", Base: baseNuScenes, Apply: assign("sample_annotation", nil, "visibility_token", "5")},
	{Rule: "LNK001", Name: "first sample", Base: baseNuScenes, Apply: assign("scene", nil, "first_sample_token", none)},
	{Rule: "LNK001", Name: "log of a map", Base: baseNuScenes, Severity: "warning", Apply: func(d *Dir) error {
		logs, err := d.Rows("log")
		if err != nil {
			return err
		}
		return assign("map", nil, "log_tokens", []string{logs[0].Str("token"), none})(d)
	}},
	{Rule: "LNK001", Name: "lidarseg", Base: baseNuScenesSeg, Apply: assign("lidarseg", nil, "sample_data_token", none)},
	{Rule: "LNK001", Name: "Lyft", Base: baseLyft, Apply: assign("instance", nil, "category_token", none64)},
	{Rule: "LNK001", Name: "Lyft, empty", Base: baseLyft, Apply: assign("sample_data", nil, "ego_pose_token", "")},
	{Rule: "LNK001", Name: "T4", Base: baseT4, Apply: assign("object_ann", nil, "instance_token", "none")},
	{Rule: "LNK002", Base: baseNuScenes, Apply: assign("sample_data", has("filename", "samples/CAM_BACK/"), "calibrated_sensor_token", "")},
	{Rule: "LNK002", Name: "T4 keyframe", Base: baseT4, Apply: assign("sample_data", both(where("is_key_frame", true), has("filename", "CAM_BACK")), "sample_token", "")},
	{Rule: "LNK003", Base: baseNuScenes, Apply: assignFrom("sample_data", has("filename", "samples/CAM_BACK/"), "calibrated_sensor_token", "sensor", where("channel", "CAM_BACK"), "token")},
	{Rule: "LNK003", Name: "T4", Base: baseT4, Apply: assignFrom("instance", nil, "category_token", "sensor", where("channel", "CAM_BACK"), "token")},
	{Rule: "LNK023", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditTable("sensor", func(rows []*Record) []*Record {
			return append(rows, record("token", none, "channel", "CAM_BACK_LEFT", "modality", "camera"))
		})
	}},
	{Rule: "LNK023", Name: "log", Base: baseNuScenes, Apply: func(d *Dir) error {
		rows, err := d.Rows("log")
		if err != nil {
			return err
		}
		twin := rows[0].Clone()
		first := twin.Str("token")
		twin.Set("token", none)
		if err := d.EditTable("log", func(rows []*Record) []*Record { return append(rows, twin) }); err != nil {
			return err
		}
		return d.EditRow("map", nil, func(r *Record) { r.Set("log_tokens", []string{first, none}) })
	}},
	{Rule: "LNK023", Name: "Lyft", Base: baseLyft, Apply: func(d *Dir) error {
		return d.EditTable("sensor", func(rows []*Record) []*Record {
			return append(rows, record("token", none64, "channel", "CAM_BACK_LEFT", "modality", "camera"))
		})
	}},
	{Rule: "LNK002", Name: "visibility", Base: baseNuScenes, Severity: "warning", Apply: func(d *Dir) error {
		return d.EditTable("sample_annotation", func(rows []*Record) []*Record {
			for _, r := range rows {
				r.Set("visibility_token", "")
			}
			return rows
		})
	}},
	{Rule: "LNK023", Name: "T4", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditTable("sensor", func(rows []*Record) []*Record {
			return append(rows, record("token", "none", "channel", "CAM_LEFT", "modality", "camera"))
		})
	}},
	{Rule: "LNK003", Name: "Lyft", Base: baseLyft, Apply: assignFrom("instance", nil, "category_token", "sensor", where("channel", "CAM_BACK"), "token")},
}
