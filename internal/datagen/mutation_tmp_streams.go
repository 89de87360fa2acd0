package datagen

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

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
	// Times that count from the first frame.
	{Rule: "TMP001", Name: "odometry", Base: baseKITTIOdometry, Apply: scaleTimes(1e3)},
	{Rule: "TMP001", Name: "odometry ns", Base: baseSemanticKITTI, Apply: scaleTimes(1e9)},
	{Rule: "TMP009", Name: "odometry", Base: baseKITTIOdometry, Apply: scaleTimes(2)},
	{Rule: "TMP010", Name: "odometry", Base: baseKITTIOdometry, Apply: func(d *Dir) error {
		return d.EditLine(odometryTimes, 5, func(string) string { return "9.000000e-01" })
	}},
	// Streams of tables.
	{Rule: "TMP001", Name: "lyft", Base: baseLyft, Apply: func(d *Dir) error { return d.scaleStamps(func(us int64) string { return literalOf(us/1e6) + ".25" }) }},
	{Rule: "TMP002", Name: "t4", Base: baseT4, Apply: retimeT4(-50_000)},
	{Rule: "TMP003", Name: "t4", Base: baseT4, Apply: retimeT4(0)},
	{Rule: "TMP009", Name: "nuscenes", Base: baseNuScenes, Apply: dropCaptures(has("filename", "LIDAR_TOP/n015"), func(i int, key bool) bool { return i%2 == 1 && !key })},
	{Rule: "TMP009", Name: "t4", Base: baseT4, Apply: dropCaptures(t4Back, func(i int, key bool) bool { return !key && i > 1 })},
	{Rule: "TMP010", Name: "nuscenes", Base: baseNuScenes, Apply: dropCaptures(frontData, func(i int, key bool) bool { return i > 6 && i < 10 && !key })},
	{Rule: "TMP010", Name: "lyft", Base: baseLyft, Apply: dropCaptures(has("filename", "_cam3_"), func(i int, _ bool) bool { return i == 2 })},
	{Rule: "TMP012", Name: "lyft", Base: baseLyft, Apply: dropCaptures(has("filename", "_lidar0_"), func(i int, _ bool) bool { return i == 0 })},
}

// scaleStamps writes every stamp of the nuScenes family in another unit.
func (d *Dir) scaleStamps(unit func(us int64) string) error {
	for _, table := range []string{"sample", "sample_data", "ego_pose"} {
		err := d.EditTable(table, func(rows []*Record) []*Record {
			for _, r := range rows {
				whole, _, _ := strings.Cut(r.Literal("timestamp"), ".")
				us, err := strconv.ParseInt(whole, 10, 64)
				if err != nil {
					panic(err)
				}
				r.SetLiteral("timestamp", unit(us))
			}
			return rows
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// scaleTimes makes a mutation that multiplies the times of an odometry sequence.
func scaleTimes(by float64) func(*Dir) error {
	return func(d *Dir) error {
		return d.EditLines(odometryTimes, func(lines []string) []string {
			for i, l := range lines {
				s, err := strconv.ParseFloat(l, 64)
				if err != nil {
					panic(err)
				}
				lines[i] = fmt.Sprintf("%.6e", s*by)
			}
			return lines
		})
	}
}

// retimeT4 makes a mutation that moves a capture, which is no keyframe, to so
// many µs after the one before it.
func retimeT4(by int64) func(*Dir) error {
	return func(d *Dir) error {
		return d.EditTable("sample_data", func(rows []*Record) []*Record {
			back := chosenRows(rows, t4Back)
			back[3].Set("timestamp", back[2].Int("timestamp")+by)
			return rows
		})
	}
}

// dropCaptures makes a mutation that takes captures out of a channel, with
// their poses and files. which says so by the place in the chain.
func dropCaptures(channel func(*Record) bool, which func(i int, key bool) bool) func(*Dir) error {
	return func(d *Dir) error {
		var files []string
		poses, dropped := map[string]bool{}, map[*Record]bool{}
		err := d.EditTable("sample_data", func(rows []*Record) []*Record {
			var before *Record
			for i, r := range chosenRows(rows, channel) {
				if which(i, r.Literal("is_key_frame") == "true") {
					dropped[r], poses[r.Str("ego_pose_token")] = true, true
					files = append(files, r.Str("filename"))
					continue
				}
				prev := ""
				if before != nil {
					before.Set("next", r.Str("token"))
					prev = before.Str("token")
				}
				r.Set("prev", prev)
				before = r
			}
			before.Set("next", "")
			return slices.DeleteFunc(rows, func(r *Record) bool { return dropped[r] })
		})
		if err != nil {
			return err
		}
		err = d.EditTable("ego_pose", func(rows []*Record) []*Record {
			return slices.DeleteFunc(rows, func(r *Record) bool { return poses[r.Str("token")] })
		})
		for _, f := range files {
			if err == nil {
				err = d.Remove(f)
			}
		}
		return err
	}
}
