package datagen

import (
	"errors"
	"slices"
)

// dropFrame removes a frame of the object data set from everywhere.
func dropFrame(d *Dir, id string) error {
	var failed []error
	for folder, ext := range map[string]string{"image_2": "png", "image_3": "png", "velodyne": "bin", "calib": "txt", "label_2": "txt", "planes": "txt"} {
		failed = append(failed, d.Remove("training/"+folder+"/"+id+"."+ext))
	}
	for _, set := range []string{"train", "trainval"} {
		failed = append(failed, d.EditLines("ImageSets/"+set+".txt", func(l []string) []string {
			return slices.DeleteFunc(l, func(s string) bool { return s == id })
		}))
	}
	return errors.Join(failed...)
}

var layKITTIMutations = []Mutation{
	{Rule: "LAY004", Base: baseKITTIObject, Apply: func(d *Dir) error { return d.Remove("training/velodyne") }},
	{Rule: "LAY004", Name: "labels", Base: baseKITTIObject, Apply: func(d *Dir) error { return d.Remove("training/label_2") }},
	{Rule: "LAY004", Name: "tracking", Base: baseKITTITracking, Apply: func(d *Dir) error { return d.Remove("testing/velodyne") }},
	{Rule: "LAY008", Base: baseKITTIObject, Apply: func(d *Dir) error { return d.Remove("training/velodyne/000002.bin") }},
	{Rule: "LAY008", Name: "label", Base: baseKITTIObject, Apply: func(d *Dir) error { return d.Remove(objectLabels) }},
	{Rule: "LAY008", Name: "tracking", Base: baseKITTITracking, Apply: func(d *Dir) error { return d.Remove("training/velodyne/0001/000002.bin") }},
	{Rule: "LAY008", Name: "sequence", Base: baseKITTITracking, Apply: func(d *Dir) error { return d.Remove(trackingCalib) }},
	{Rule: "LAY009", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Rename("training/image_2/000001.png", "training/image_2/000001_10.png")
	}},
	{Rule: "LAY009", Name: "list", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.EditLine("ImageSets/train.txt", 1, func(string) string { return "0" })
	}},
	{Rule: "LAY009", Name: "blank", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.EditLines("ImageSets/train.txt", func(l []string) []string { return append(l, "") })
	}},
	{Rule: "LAY009", Name: "tracking", Base: baseKITTITracking, Apply: func(d *Dir) error {
		return d.Rename("training/velodyne/0000/000001.bin", "training/velodyne/0000/00001.bin")
	}},
	{Rule: "LAY010", Base: baseKITTIObject, Apply: func(d *Dir) error { return dropFrame(d, "000002") }},
	{Rule: "LAY010", Name: "tracking", Base: baseKITTITracking, Apply: func(d *Dir) error {
		return errors.Join(d.Remove("training/image_02/0000/000001.png"), d.Remove("training/image_03/0000/000001.png"), d.Remove("training/velodyne/0000/000001.bin"))
	}},
	{Rule: "LAY033", Base: baseKITTIObject, Apply: func(d *Dir) error { return d.Copy(objectLabels, "testing/label_2/000001.txt") }},
	{Rule: "LAY034", Base: baseKITTIObject, Apply: func(d *Dir) error { return dropFrame(d, "000000") }},
	{Rule: "LAY035", Base: baseKITTIObject, Apply: func(d *Dir) error { return d.Rename("training/image_2", "training/image_02") }},
}
