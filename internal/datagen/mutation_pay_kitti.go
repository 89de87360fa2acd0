package datagen

import "errors"

var payKITTIMutations = []Mutation{
	{Rule: "PAY005", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.EditLine(objectCalib, 3, column(4, "1300")) // cx of P2
	}},
	{Rule: "PAY005", Name: "stereo", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return errors.Join(d.Remove("mapping"), // else the image differs from the others of its drive, too
			d.Write("training/image_3/000001.png", colourPNG(picture{1224, 370}, "")))
	}},
	{Rule: "PAY029", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.EditLine(objectPlane, 4, func(string) string { return "0 -1 1.65" })
	}},
	{Rule: "PAY029", Name: "header", Base: baseKITTIObject, Apply: func(d *Dir) error { return d.EditLines(objectPlane, without(1)) }},
	{Rule: "PAY029", Name: "normal", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.EditLine(objectPlane, 4, func(string) string { return "0 -2 0 3.3" })
	}},
	{Rule: "PAY029", Name: "distance", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.EditLine(objectPlane, 4, func(string) string { return "0 -1 0 165" })
	}},
}
