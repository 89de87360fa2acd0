package datagen

import (
	"slices"
	"strings"
)

// breakCalib gives a mutation of an object calibration file.
func breakCalib(rule, name string, f func([]string) []string) Mutation {
	return Mutation{Rule: rule, Name: name, Base: baseKITTIObject, Apply: func(d *Dir) error { return d.EditLines(objectCalib, f) }}
}

// breakTrackingCalib gives a mutation of a tracking calibration file.
func breakTrackingCalib(rule, name string, f func([]string) []string) Mutation {
	return Mutation{Rule: rule, Name: name, Base: baseKITTITracking, Apply: func(d *Dir) error { return d.EditLines(trackingCalib, f) }}
}

// onCalib gives a mutation of any calibration file.
func onCalib(rule, name string, base Base, file string, f func([]string) []string) Mutation {
	return Mutation{Rule: rule, Name: name, Base: base, Apply: func(d *Dir) error { return d.EditLines(file, f) }}
}

const (
	odometryCalib = odometryDir + "calib.txt"
	rawCameras    = "2011_09_26/calib_cam_to_cam.txt"
)

// onKey edits the line that begins with a key.
func onKey(key string, f func(string) string) func([]string) []string {
	return func(lines []string) []string {
		for i, l := range lines {
			if strings.HasPrefix(l, key) {
				lines[i] = f(l)
			}
		}
		return lines
	}
}

// withoutKey leaves the line of a key out.
func withoutKey(key string) func([]string) []string {
	return func(lines []string) []string {
		return slices.DeleteFunc(lines, func(l string) bool { return strings.HasPrefix(l, key) })
	}
}

// onLine edits one line (from 1).
func onLine(n int, f func(string) string) func([]string) []string {
	return func(lines []string) []string {
		lines[n-1] = f(lines[n-1])
		return lines
	}
}

// Lines of an object calibration file: P0 to P3, R0_rect, Tr_velo_to_cam,
// Tr_imu_to_velo. Value i is column i+1.
var schCalibMutations = []Mutation{
	breakCalib("SCH029", "", without(2)),
	breakCalib("SCH029", "imu", without(7)).of("warning"),
	breakTrackingCalib("SCH029", "tracking", without(5)),
	breakCalib("SCH030", "", onLine(3, func(s string) string { return s[:strings.LastIndex(s, " ")] })),
	breakCalib("SCH030", "word", onLine(6, column(3, "inf"))),
	breakTrackingCalib("SCH030", "tracking", onLine(5, func(s string) string { return s + " 1.0" })),
	breakCalib("SCH031", "", func(l []string) []string { l[0], l[4] = l[4], l[0]; return l }),
	breakCalib("SCH032", "", func(l []string) []string { return append(l, "Tr_cam_to_road: 1 2 3") }),
	breakCalib("SCH032", "alias", onLine(5, func(s string) string { return strings.Replace(s, "R0_rect", "R_rect", 1) })),
	breakCalib("SCH032", "twice", func(l []string) []string { return append(l, l[0]) }).of("error"),
	breakTrackingCalib("SCH032", "tracking", func(l []string) []string { return append(l, l[4]) }).of("error"),
	// An odometry file has the lines P0 to P3 and Tr.
	onCalib("SCH029", "odometry", baseKITTIOdometry, odometryCalib, without(5)),
	onCalib("SCH029", "semantickitti", baseSemanticKITTI, "sequences/03/calib.txt", without(3)),
	onCalib("SCH030", "odometry", baseKITTIOdometry, odometryCalib, onLine(2, column(4, "1,5"))),
	onCalib("SCH032", "odometry", baseKITTIOdometry, odometryCalib, func(l []string) []string { return append(l, l[4]) }).of("error"),
	// One of each of the three files of a raw date.
	onCalib("SCH029", "raw cameras", baseKITTIRaw, rawCameras, withoutKey("R_rect_02:")),
	onCalib("SCH029", "raw velodyne", baseKITTIRaw, "2011_09_26/calib_velo_to_cam.txt", withoutKey("T:")),
	onCalib("SCH029", "raw imu", baseKITTIRaw, "2011_09_26/calib_imu_to_velo.txt", withoutKey("calib_time:")),
	onCalib("SCH030", "raw cameras", baseKITTIRaw, rawCameras, onKey("D_01:", func(s string) string { return s[:strings.LastIndex(s, " ")] })),
	onCalib("SCH030", "raw imu", baseKITTIRaw, "2011_09_26/calib_imu_to_velo.txt", onKey("calib_time:", func(string) string { return "calib_time:" })),
	onCalib("SCH032", "raw", baseKITTIRaw, "2011_09_26/calib_velo_to_cam.txt", func(l []string) []string { return append(l, l[1]) }).of("error"),
}
