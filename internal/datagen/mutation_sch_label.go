package datagen

import "strings"

// Files that the mutations of the KITTI object and tracking data sets break.
// The labels begin with a Car; the last row of an object file is DontCare, the
// first of a tracking file too.
const (
	objectLabels   = "training/label_2/000001.txt"
	objectCalib    = "training/calib/000001.txt"
	objectPlane    = "training/planes/000001.txt"
	trackingLabels = "training/label_02/0000.txt"
	trackingCalib  = "training/calib/0000.txt"
)

// breakRow gives a mutation of the first Car of an object label file.
func breakRow(rule, name string, f func(string) string) Mutation {
	return Mutation{Rule: rule, Name: name, Base: baseKITTIObject, Apply: func(d *Dir) error { return d.EditLine(objectLabels, 1, f) }}
}

// breakTrack gives a mutation of the first Car of a tracking label file.
func breakTrack(rule, name string, f func(string) string) Mutation {
	return Mutation{Rule: rule, Name: name, Base: baseKITTITracking, Apply: func(d *Dir) error { return d.EditLine(trackingLabels, 2, f) }}
}

var schLabelMutations = []Mutation{
	breakRow("SCH023", "", func(s string) string { return s[:strings.LastIndex(s, " ")] }),
	breakRow("SCH023", "blank", func(string) string { return "" }),
	breakTrack("SCH023", "tracking", func(s string) string { return s + " 0.9 7" }),
	breakRow("SCH024", "", column(4, "nan")),
	breakRow("SCH024", "comma", column(12, "3,38")),
	breakTrack("SCH024", "tracking", column(14, "0x1p4")),
	breakRow("SCH025", "", func(s string) string { return strings.Replace(s, " ", "  ", 1) }),
	breakRow("SCH025", "tab", func(s string) string { return strings.Replace(s, " ", "\t", 1) }),
	breakRow("SCH025", "end", func(s string) string { return s + " " }),
	breakRow("SCH026", "", column(3, "0.0")),
	breakRow("SCH026", "fraction", column(3, "0.5")),
	breakTrack("SCH026", "tracking", column(2, "1.00")),
	breakRow("SCH027", "", column(1, "car")),
	breakTrack("SCH027", "tracking", column(3, "Automobile")),
	breakRow("SCH028", "", func(s string) string { return s + " 0.93" }),
}
