package rules

import (
	"fmt"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var layDetect = []Rule{
	{
		ID: "LAY001", Slug: "dataset-undetected", Severity: rule.Error,
		Summary: "Each folder given holds a data set that is recognised by its fingerprint.",
		Why:     "A wrong path or an unpacked archive would otherwise pass as clean.",
		Example: "mmvalidate ~/Downloads",
		Hint:    "give the folder that holds training/ (KITTI object), DATE/ (KITTI raw) or v1.0-*/ (nuScenes); `mmvalidate detect DIR` says what was looked for",
		Checks: []Check{rule.On(func(c *Ctx, d *dataset.Detection) {
			u := d.Undetected
			if u == nil {
				return
			}
			c.Report(Finding{
				Message: fmt.Sprintf("no known data set here; seen: %s", strings.Join(u.Seen, ", ")),
				Dataset: u.Root,
			})
		})},
	},
}
