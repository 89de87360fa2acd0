package datagen

// Columns of an object label: 1 type, 2 truncated, 3 occluded, 4 alpha, 5 to 8
// box, 9 to 11 height, width, length, 12 to 14 location, 15 rotation_y. In
// tracking they come two later.
var geoLabelsMutations = []Mutation{
	breakRow("GEO022", "", column(9, "-1.50")),
	breakRow("GEO022", "flat", func(s string) string { return column(9, "-1")(column(10, "-1")(column(11, "-1")(s))) }),
	breakTrack("GEO022", "tracking", column(13, "0")),
	breakRow("GEO024", "", column(11, "9.00")),
	breakTrack("GEO024", "tracking", column(11, "146.0")),
	breakRow("GEO025", "", column(15, "-90.00")),
	breakRow("GEO025", "alpha", column(4, "3.20")),
	breakTrack("GEO025", "tracking", column(6, "-10")),
	breakRow("GEO026", "", column(4, "-1.58")),
	breakTrack("GEO026", "tracking", column(6, "1.5")),
	breakRow("GEO027", "", column(14, "-1.60")),
	breakTrack("GEO027", "tracking", column(16, "0")),
	breakRow("GEO028", "", column(7, "90.00")),
	breakTrack("GEO028", "tracking", column(10, "0")),
	breakRow("GEO029", "", column(7, "1279.00")),
	breakRow("GEO029", "one", column(7, "1241.50")).of("warning"),
	breakTrack("GEO029", "tracking", column(10, "375.5")),
	breakRow("GEO030", "", column(2, "1.50")),
	breakRow("GEO030", "occluded", column(3, "4")),
	breakTrack("GEO030", "tracking", column(4, "3")),
	{Rule: "GEO031", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.EditLines(objectLabels, func(l []string) []string { return append(l[len(l)-1:len(l):len(l)], l[:len(l)-1]...) })
	}},
	{Rule: "GEO031", Name: "values", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Replace(objectLabels, "-1000 -1000 -1000", "0 0 0")
	}},
}
