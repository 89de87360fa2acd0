package rules

import (
	"fmt"

	"github.com/mmaudit/mmaudit/validate/payload"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var payLabels = []Rule{
	{
		ID: "PAY023", Slug: "lidarseg-length", Severity: rule.Error,
		Formats: formats{nuScenes, kittiOdometry, semanticKITTI, t4},
		Summary: "A label file has exactly one label for each point of its cloud.",
		Why:     "Labels belong to points by position: with one missing, every label behind it is on the wrong point.",
		Example: "34688 points and 34687 labels",
		Hint:    "restore both files from one release; a cloud that was filtered needs its labels filtered alike",
		Checks: []Check{rule.On(func(c *Ctx, f *payload.LabelFile) {
			found := Finding{Place: f.Place(), Related: []Place{{Path: f.Cloud}}}
			switch {
			case f.Rest != 0:
				found.Message = fmt.Sprintf("%d bytes are not whole labels", f.Size)
				found.Expected, found.Actual = fmt.Sprintf("%d labels", f.CloudPoints), fmt.Sprintf("%d labels and %d bytes", f.Count, f.Rest)
			case f.Count != f.CloudPoints:
				found.Message = fmt.Sprintf("%d labels for the %d points of %s", f.Count, f.CloudPoints, f.Cloud)
				found.Expected, found.Actual = fmt.Sprintf("%d labels", f.CloudPoints), fmt.Sprintf("%d labels", f.Count)
			default:
				return
			}
			c.Report(found)
		})},
	},
}
