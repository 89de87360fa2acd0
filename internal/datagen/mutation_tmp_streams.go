package datagen

import "slices"

var tmpStreamsMutations = []Mutation{
	{Rule: "TMP001", Base: baseKITTIRaw, Apply: func(d *Dir) error { // a clock that was never set
		return d.editStamps(func(_ int, ns int64) int64 { return ns % (24 * 3600_000_000_000) }, "image_01/timestamps.txt")
	}},
	{Rule: "TMP001", Name: "seconds", Base: baseNuScenes, Apply: func(d *Dir) error { return d.scaleStamps(func(us int64) string { return literalOf(us / 1e6) }) }},
	{Rule: "TMP001", Name: "milliseconds", Base: baseNuScenes, Apply: func(d *Dir) error { return d.scaleStamps(func(us int64) string { return literalOf(us / 1e3) }) }},
	{Rule: "TMP001", Name: "nanoseconds", Base: baseNuScenes, Apply: func(d *Dir) error { return d.scaleStamps(func(us int64) string { return literalOf(us) + "000" }) }},
	{Rule: "TMP001", Name: "t4", Base: baseT4, Apply: func(d *Dir) error { return d.scaleStamps(func(us int64) string { return literalOf(us) + "000" }) }},
	{Rule: "TMP002", Name: "nuscenes", Base: baseNuScenes, Apply: func(d *Dir) error { // a sweep before the one that it follows
		token, err := d.Find("sample_data", nth(3, has("filename", "sweeps/RADAR_FRONT/")))
		if err != nil {
			return err
		}
		return d.Retime(token, -80e6)
	}},
	{Rule: "TMP002", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.Edit(rawDrive+"image_01/timestamps.txt", func(b []byte) []byte { // lines 5 and 6 change places
			const line = len("2011-09-26 13:02:25.000000000\n")
			return slices.Concat(b[:4*line], b[5*line:6*line], b[4*line:5*line], b[6*line:])
		})
	}},
	{Rule: "TMP003", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.Edit(rawDrive+"image_01/timestamps.txt", func(b []byte) []byte { // line 6 repeats line 5
			const line = len("2011-09-26 13:02:25.000000000\n")
			return slices.Concat(b[:5*line], b[4*line:5*line], b[6*line:])
		})
	}},
	{Rule: "TMP009", Base: baseKITTIRaw, Apply: func(d *Dir) error { // everything at twice the rate
		return d.editStamps(func(_ int, ns int64) int64 {
			const first = kittiStart + kittiZone
			return first + (ns-first)/2
		}, rawStamps...)
	}},
	{Rule: "TMP010", Base: baseKITTIRaw, Apply: func(d *Dir) error { // three frames lost everywhere
		return d.editStamps(func(frame int, ns int64) int64 {
			if frame > 5 {
				ns += 3 * kittiPeriod
			}
			return ns
		}, rawStamps...)
	}},
	{Rule: "TMP011", Base: baseKITTIRaw, Apply: func(d *Dir) error { // periods of 81, 103 and 125 ms; the scanner turns on
		return d.editStamps(func(frame int, ns int64) int64 {
			if frame%3 > 0 {
				ns -= 22_000_000
			}
			return ns
		}, rawStamps[:5]...)
	}},
	{Rule: "TMP012", Base: baseKITTIRaw, Apply: func(d *Dir) error { // image_01 starts four frames late
		for frame := range 4 {
			if err := d.dropFrame("image_01", ".png", frame, "timestamps.txt"); err != nil {
				return err
			}
		}
		return nil
	}},
	{Rule: "TMP016", Base: baseKITTIRaw, Apply: func(d *Dir) error { // as in the owner's release
		return d.editStamps(func(_ int, ns int64) int64 { return ns &^ 255 }, rawStamps[:4]...)
	}},
}

// scaleStamps writes every stamp of the nuScenes family in another unit.
func (d *Dir) scaleStamps(unit func(us int64) string) error {
	for _, table := range []string{"sample", "sample_data", "ego_pose"} {
		err := d.EditTable(table, func(rows []*Record) []*Record {
			for _, r := range rows {
				r.SetLiteral("timestamp", unit(r.Int("timestamp")))
			}
			return rows
		})
		if err != nil {
			return err
		}
	}
	return nil
}
