package rules

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var layDetect = []Rule{
	{
		ID: "LAY001", Slug: "dataset-undetected", Severity: rule.Error,
		Summary: "Each folder given holds a data set that is recognised by its fingerprint.",
		Why:     "A wrong path or an archive that was never unpacked would otherwise pass as clean.",
		Example: "mmvalidate ~/Downloads",
		Hint:    "give the folder that holds training/ (KITTI object), DATE/ (KITTI raw), sequences/ (odometry), v1.0-*/ (nuScenes) or annotation/ (T4)",
		Checks:  []Check{rule.On(checkUndetected)},
	},
	{
		ID: "LAY002", Slug: "dataset-ambiguous", Severity: rule.Error,
		Summary: "A folder matches the fingerprint of one format only.",
		Why:     "Two formats that share their folders overwrite or hide parts of one another: KITTI object and tracking both have training/calib and training/velodyne.",
		Example: "training/ holds label_2/000000.txt of the object and image_02/0000/ of the tracking benchmark",
		Hint:    "move each data set into a folder of its own",
		Checks: []Check{rule.On(func(c *Ctx, d *dataset.Detection) {
			for _, a := range d.Ambiguous {
				var says []string
				for i, s := range a.Schemas {
					says = append(says, fmt.Sprintf("%s (%s)", s, a.Evidence[i]))
				}
				c.Report(Finding{
					Message:  "this folder looks like " + strings.Join(says, " and like ") + "; it is read as the first",
					Dataset:  a.Root,
					Expected: "one format", Actual: fmt.Sprintf("%d formats", len(a.Schemas)),
				})
			}
		})},
	},
	{
		ID: "LAY003", Slug: "root-nested", Severity: rule.Warning,
		Summary: "The data set lies directly in the folder given, and its parts at the depth of the official archives.",
		Why:     "The archives of KITTI raw and Lyft carry a folder of their own name; unpacked into a folder per archive, no loader finds the data.",
		Example: "2011_09_26_drive_0001_sync/2011_09_26/2011_09_26_drive_0001_sync/image_00",
		Hint:    "move the inner folders up, or give the inner folder to every tool",
		Checks:  []Check{rule.On(checkNested)},
	},
}

func checkUndetected(c *Ctx, d *dataset.Detection) {
	u := d.Undetected
	if u == nil {
		return
	}
	f := Finding{Dataset: u.Root}
	switch {
	case u.Other != "":
		f.Message = fmt.Sprintf("this is %s, which mmvalidate recognises but does not read", u.Other)
		f.Hint, f.Key = u.Reason, u.Other
	case u.Reason != "":
		f.Message = "no known data set here: " + u.Reason
		f.Hint = u.Reason
	case len(u.Seen) == 0:
		f.Message = "no known data set here: the folder is empty"
	default:
		f.Message = "no known data set here; seen: " + strings.Join(u.Seen, ", ")
	}
	c.Report(f)
}

// checkNested names the folders of each data set that lie too deep, in one
// finding.
func checkNested(c *Ctx, d *dataset.Detection) {
	for i := 0; i < len(d.Nested); {
		root := d.Nested[i].Root
		var found []string
		for ; i < len(d.Nested) && d.Nested[i].Root == root; i++ {
			rel, err := filepath.Rel(root, d.Nested[i].Found)
			if err != nil {
				rel = d.Nested[i].Found
			}
			found = append(found, filepath.ToSlash(rel))
		}
		message := "the data lies deeper than expected, in " + found[0]
		if n := len(found) - 1; n > 0 {
			message += fmt.Sprintf(" and %d more", n)
		}
		c.Report(Finding{Message: message, Place: Place{Path: found[0]}, Dataset: root})
	}
}
