package datagen

import (
	"regexp"
	"strings"
)

const oxtsFrame = rawDrive + "oxts/data/0000000003.txt"

var schRawMutations = []Mutation{
	{Rule: "SCH033", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.EditLine(rawDrive+"image_01/timestamps.txt", 4, func(l string) string { return l[:len(l)-3] })
	}},
	{Rule: "SCH033", Name: "iso-8601", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.EditLine(rawDrive+"velodyne_points/timestamps_end.txt", 4, func(l string) string { return strings.Replace(l, " ", "T", 1) })
	}},
	{Rule: "SCH034", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.EditLine(rawDrive+"image_01/timestamps.txt", 4, func(string) string { return "" })
	}},
	{Rule: "SCH035", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.EditLine(oxtsFrame, 1, func(l string) string { return strings.TrimSuffix(l, " 6") })
	}},
	{Rule: "SCH035", Name: "nan", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.EditLine(oxtsFrame, 1, column(3, "nan")) }},
	{Rule: "SCH035", Name: "mode", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.EditLine(oxtsFrame, 1, column(26, "4.0")) }},
	{Rule: "SCH035", Name: "lines", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.Edit(oxtsFrame, func(b []byte) []byte { return append(b, b...) })
	}},
	{Rule: "SCH035", Name: "tracking", Base: baseKITTITracking, Apply: func(d *Dir) error {
		return d.EditLines("training/oxts/0000.txt", without(2))
	}},
	{Rule: "SCH036", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.EditLine(oxtsFrame, 1, column(6, "149.46")) }},
	{Rule: "SCH036", Name: "latitude", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.EditLine(oxtsFrame, 1, column(1, "490110000.0")) }},
	{Rule: "SCH041", Base: baseKITTIOdometry, Apply: func(d *Dir) error {
		return d.EditLine("poses/03.txt", 3, func(l string) string { return l[:strings.LastIndex(l, " ")] })
	}},
	{Rule: "SCH041", Name: "number", Base: baseKITTIOdometry, Apply: func(d *Dir) error {
		return d.EditLine("poses/03.txt", 3, func(l string) string { return "1,0" + l[strings.Index(l, " "):] })
	}},
	{Rule: "SCH041", Name: "rows", Base: baseSemanticKITTI, Apply: func(d *Dir) error { return d.EditLines("sequences/03/poses.txt", without(5)) }},
	{Rule: "SCH036", Name: "tracking", Base: baseKITTITracking, Apply: func(d *Dir) error { return d.EditLine("training/oxts/0000.txt", 2, column(26, "99")) }},
	{Rule: "SCH035", Name: "tracking number", Base: baseKITTITracking, Apply: func(d *Dir) error { return d.EditLine("training/oxts/0000.txt", 2, column(30, "6.0")) }},
}

const trackletFile = rawDrive + "tracklet_labels.xml"

// schTrackletsMutations are the faults of tracklet_labels.xml, whatever the
// group of their rule.
var schTrackletsMutations = []Mutation{
	{Rule: "SCH037", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.Edit(trackletFile, func(b []byte) []byte { return b[:len(b)/2] })
	}},
	{Rule: "SCH037", Name: "version", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.Replace(trackletFile, `archive" version="9"`, `archive" version="7"`)
	}},
	{Rule: "SCH037", Name: "entity", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.Replace(trackletFile, "<!DOCTYPE boost_serialization>", `<!DOCTYPE boost_serialization [<!ENTITY x SYSTEM "file:///etc/hostname">]>`)
	}},
	{Rule: "SCH037", Name: "undeclared-entity", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.Replace(trackletFile, "<objectType>Car<", "<objectType>&car;<")
	}},
	{Rule: "SCH037", Name: "number", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.Replace(trackletFile, "<rx>0<", "<rx>nan<") }},
	{Rule: "SCH038", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.Replace(trackletFile, "<count>5<", "<count>6<") }},
	{Rule: "SCH038", Name: "poses", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.Replace(trackletFile, "<count>10<", "<count>9<") }},
	{Rule: "SCH039", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.Replace(trackletFile, ">Pedestrian<", ">pedestrian<") }},
	{Rule: "SCH039", Name: "state", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.Replace(trackletFile, "<state>2<", "<state>3<") }},
	{Rule: "SCH039", Name: "tilt", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.Replace(trackletFile, "<ry>0<", "<ry>0.2<") }},
	{Rule: "SCH040", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.Replace(trackletFile, "<item_version>2<", "<item_version>1<")
	}},
	{Rule: "LNK033", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.Replace(trackletFile, "<first_frame>0<", "<first_frame>3<")
	}},
	{Rule: "GEO003", Name: "pose", Base: baseKITTIOdometry, Apply: func(d *Dir) error {
		return d.EditLine("poses/03.txt", 3, func(l string) string { return "1.01" + l[strings.Index(l, " "):] })
	}},
	{Rule: "GEO003", Name: "raw-calibration", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.Replace("2011_09_26/calib_imu_to_velo.txt", "R: 9.99", "R: 9.89")
	}},
	{Rule: "GEO024", Name: "tracklet", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		height := regexp.MustCompile(`<h>[0-9.]+<`) // in cm
		return d.Edit(trackletFile, func(b []byte) []byte { return height.ReplaceAll(b, []byte("<h>150<")) })
	}},
	{Rule: "GEO022", Name: "tracklet", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		height := regexp.MustCompile(`<h>[0-9.]+<`)
		return d.Edit(trackletFile, func(b []byte) []byte { return height.ReplaceAll(b, []byte("<h>-1.5<")) })
	}},
}
