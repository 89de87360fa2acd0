package datagen

import "strings"

// breakCalib gives a mutation of an object calibration file.
func breakCalib(rule, name string, f func([]string) []string) Mutation {
	return Mutation{Rule: rule, Name: name, Base: baseKITTIObject, Apply: func(d *Dir) error { return d.EditLines(objectCalib, f) }}
}

// breakTrackingCalib gives a mutation of a tracking calibration file.
func breakTrackingCalib(rule, name string, f func([]string) []string) Mutation {
	return Mutation{Rule: rule, Name: name, Base: baseKITTITracking, Apply: func(d *Dir) error { return d.EditLines(trackingCalib, f) }}
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
	breakCalib("SCH029", "imu", without(7)),
	breakTrackingCalib("SCH029", "tracking", without(5)),
	breakCalib("SCH030", "", onLine(3, func(s string) string { return s[:strings.LastIndex(s, " ")] })),
	breakCalib("SCH030", "word", onLine(6, column(3, "inf"))),
	breakTrackingCalib("SCH030", "tracking", onLine(5, func(s string) string { return s + " 1.0" })),
	breakCalib("SCH031", "", func(l []string) []string { l[0], l[4] = l[4], l[0]; return l }),
	breakCalib("SCH032", "", func(l []string) []string { return append(l, "Tr_cam_to_road: 1 2 3") }),
	breakCalib("SCH032", "alias", onLine(5, func(s string) string { return strings.Replace(s, "R0_rect", "R_rect", 1) })),
	breakCalib("SCH032", "twice", func(l []string) []string { return append(l, l[0]) }),
}
