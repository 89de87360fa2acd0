package datagen

import "errors"

var layImageSetsMutations = []Mutation{
	{Rule: "LAY028", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.EditLines("ImageSets/train.txt", func(l []string) []string { return append(l, "000099") })
	}},
	{Rule: "LAY029", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.EditLines("ImageSets/train.txt", func(l []string) []string { return append(l, l[0]) })
	}},
	{Rule: "LAY029", Name: "both", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return errors.Join(d.Remove("mapping"), // by drive the split is broken, too
			d.EditLines("ImageSets/val.txt", func(l []string) []string { return append(l, "000000") }))
	}},
	{Rule: "LAY030", Base: baseKITTIObject, Apply: func(d *Dir) error { return d.EditLines("ImageSets/val.txt", without(2)) }},
	{Rule: "LAY030", Name: "testing", Base: baseKITTIObject, Apply: func(d *Dir) error { return d.EditLines("ImageSets/test.txt", without(1)) }},
	{Rule: "LAY031", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return errors.Join(
			d.EditLines("ImageSets/train.txt", without(1)),
			d.EditLines("ImageSets/val.txt", func(l []string) []string { return append(l, "000000") }))
	}},
}
