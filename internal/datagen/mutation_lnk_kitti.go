package datagen

import "strings"

var lnkKITTIMutations = []Mutation{
	{Rule: "LNK032", Base: baseKITTITracking, Apply: func(d *Dir) error {
		return d.EditLines(trackingLabels, func(l []string) []string { return append(l, l[len(l)-1]) })
	}},
	{Rule: "LNK032", Name: "order", Base: baseKITTITracking, Apply: func(d *Dir) error {
		return d.EditLines(trackingLabels, func(l []string) []string { return append(l[1:], l[0]) })
	}},
	{Rule: "LNK032", Name: "frame", Base: baseKITTITracking, Apply: func(d *Dir) error {
		return d.EditLines(trackingLabels, func(l []string) []string {
			return append(l, "7"+strings.TrimPrefix(l[len(l)-1], "2"))
		})
	}},
	{Rule: "LNK034", Base: baseKITTIObject, Apply: func(d *Dir) error { return d.Replace("mapping/train_rand.txt", ",", ",1,") }},
	{Rule: "LNK034", Name: "line", Base: baseKITTIObject, Apply: func(d *Dir) error { return d.Replace("mapping/train_mapping.txt", "_drive_", "_driver_") }},
	{Rule: "LNK034", Name: "short", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Write("mapping/train_rand.txt", []byte("1\n"))
	}},
	{Rule: "LNK034", Name: "half", Base: baseKITTIObject, Apply: func(d *Dir) error { return d.Remove("mapping/train_mapping.txt") }},
	{Rule: "LNK034", Name: "raw", Base: baseKITTIPair, Apply: func(d *Dir) error {
		return d.EditLine("mapping/train_mapping.txt", 6, column(3, "0000000099"))
	}},
}
