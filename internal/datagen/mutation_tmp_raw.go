package datagen

import (
	"fmt"
	"strings"
)

const odometryTimes = odometryDir + "times.txt"

var tmpRawMutations = []Mutation{
	{Rule: "TMP013", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.editStamps(func(_ int, ns int64) int64 { return ns + 2_000_000 }, "velodyne_points/timestamps.txt")
	}},
	{Rule: "TMP014", Base: baseKITTIRaw, Apply: func(d *Dir) error { // turn 5 begins before turn 4 ends
		if err := d.editStamps(earlier(5, 1_000_000), "velodyne_points/timestamps_start.txt"); err != nil {
			return err
		}
		return d.editStamps(earlier(5, 500_000), "velodyne_points/timestamps.txt")
	}},
	{Rule: "TMP014", Name: "outside", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.editStamps(earlier(5, 52_000_000), "velodyne_points/timestamps.txt")
	}},
	{Rule: "TMP014", Name: "reversed", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.editStamps(earlier(5, 104_000_000), "velodyne_points/timestamps_end.txt")
	}},
	{Rule: "TMP014", Name: "pause", Base: baseKITTIRaw, Severity: "warning", Apply: func(d *Dir) error { // 20 µs between turns
		if err := d.editStamps(func(_ int, ns int64) int64 { return ns - 20_000 }, "velodyne_points/timestamps_end.txt"); err != nil {
			return err
		}
		return d.editStamps(func(_ int, ns int64) int64 { return ns - 10_000 }, "velodyne_points/timestamps.txt")
	}},
	{Rule: "TMP015", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.editStamps(func(_ int, ns int64) int64 { return ns + 60_000_000 }, "image_01/timestamps.txt")
	}},
	{Rule: "TMP015", Name: "oxts", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.editStamps(func(_ int, ns int64) int64 { return ns + 10_000_000 }, "oxts/timestamps.txt")
	}},
	{Rule: "TMP017", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.Rename("2011_09_26", "2011_09_28") }},
	{Rule: "TMP017", Name: "stamps", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.editStamps(func(_ int, ns int64) int64 { return ns + 24*3600_000_000_000 }, rawStamps...)
	}},
	{Rule: "TMP024", Base: baseKITTIOdometry, Apply: func(d *Dir) error {
		return d.EditLine(odometryTimes, 1, func(string) string { return "1.000000e-02" })
	}},
	{Rule: "TMP024", Name: "rows", Base: baseKITTIOdometry, Apply: func(d *Dir) error { return d.EditLines(odometryTimes, without(5)) }},
	{Rule: "TMP024", Name: "order", Base: baseKITTIOdometry, Apply: func(d *Dir) error {
		return d.EditLine(odometryTimes, 3, func(string) string { return "1.000000e-02" })
	}},
	{Rule: "TMP024", Name: "number", Base: baseSemanticKITTI, Apply: func(d *Dir) error {
		return d.EditLine("sequences/03/times.txt", 3, func(l string) string { return strings.Replace(l, ".", ",", 1) })
	}},
	{Rule: "TMP025", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.dropFrame("velodyne_points", ".bin", 4, "timestamps.txt", "timestamps_start.txt", "timestamps_end.txt")
	}},
	{Rule: "TMP025", Name: "tracking", Base: baseKITTITracking, Apply: func(d *Dir) error {
		for _, f := range []string{"image_02/0000/%06d.png", "image_03/0000/%06d.png", "velodyne/0000/%06d.bin"} {
			if err := d.Remove("training/" + fmt.Sprintf(f, 0)); err != nil {
				return err
			}
		}
		return nil
	}},
}

// earlier moves the stamp of one frame.
func earlier(frame int, by int64) func(int, int64) int64 {
	return func(f int, ns int64) int64 {
		if f == frame {
			return ns - by
		}
		return ns
	}
}
