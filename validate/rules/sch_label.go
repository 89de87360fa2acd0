package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/suggest"
	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var schLabel = []Rule{
	{
		ID: "SCH023", Slug: "label-columns", Severity: rule.Error,
		Formats: formats{kittiObject, kittiTracking},
		Summary: "Each row of a label file has 15 columns (tracking: 17), one more where it ends with a score.",
		Why:     "Readers take columns by position: a row that is one short ends a training run, or shifts every value.",
		Example: "\"Car 0.00 0 1.57 600.00 170.00 700.00 250.00\" stops after the 2D box",
		Hint:    "write every column, with the defaults -1, -1000 and -10 for unknown values; a frame without objects has an empty file, not a blank row",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH024", Slug: "label-number", Severity: rule.Error,
		Formats: formats{kittiObject, kittiTracking},
		Summary: "Every column of a label but the type is a finite decimal number.",
		Why:     "A word in place of a number ends the reader; nan passes it, and then spoils the loss of a whole batch.",
		Example: "\"Car 0.00 0 nan 600.00 …\"",
		Hint:    "find the converter that wrote the value; there is no decimal comma and no nan",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH025", Slug: "label-separator", Severity: rule.Warning,
		Formats: formats{kittiObject},
		Summary: "The columns of a label are separated by one space each, with no blank before or behind.",
		Why:     "Common readers split at every single space (line.split(' ')) and read an empty column between two of them.",
		Example: "\"Car  0.00 0 …\" with two spaces, or with tabs",
		Hint:    "run `mmvalidate fix --write`, which writes single spaces",
		Checks:  []Check{rule.FromReader()},
		Fix:     func(_ string, b []byte) ([]byte, error) { return kitti.MendSeparators(b), nil },
	},
	{
		ID: "SCH026", Slug: "label-int-literal", Severity: rule.Error,
		Formats: formats{kittiObject, kittiTracking},
		Summary: "The column occluded, and in tracking frame and track_id, is written as an integer without a point.",
		Why:     "Readers call int(\"0.0\"), which fails; other readers do not, so that the fault shows only at a partner's site.",
		Example: "\"Car 0.00 0.0 1.57 …\"",
		Hint:    "run `mmvalidate fix --write`, which writes 0.0 as 0",
		Checks:  []Check{rule.FromReader()},
		Fix:     func(_ string, b []byte) ([]byte, error) { return kitti.MendIntegers(b), nil },
	},
	{
		ID: "SCH027", Slug: "label-class", Severity: rule.Error,
		Formats: formats{kittiObject, kittiTracking},
		Summary: "The type of a label is one of the classes of KITTI, in exact spelling, or a class that the configuration names.",
		Why:     "Evaluation compares names byte by byte: a \"car\" is neither a hit nor a miss, it vanishes.",
		Example: "\"car 0.00 0 1.57 …\"",
		Hint:    "correct the name, or name the class under `class:` in mmvalidate.yaml if it is your own",
		Checks:  []Check{rule.On(checkLabelClass)},
	},
	{
		ID: "SCH028", Slug: "label-score-in-gt", Severity: rule.Warning,
		Formats: formats{kittiObject},
		Summary: "The labels of the training part have no score.",
		Why:     "A 16th column is what a detector writes. Its output among the annotations teaches the next model the errors of the last.",
		Example: "training/label_2/000012.txt: \"Car … -1.57 0.93\"",
		Hint:    "restore the annotations, or drop the column if the labels are yours",
		Checks: []Check{rule.On(func(c *Ctx, f *kitti.LabelFile) {
			if f.Split != "training" {
				return
			}
			scored := 0
			var first *kitti.LabelRow
			for _, r := range f.Rows {
				if r.Scored {
					if scored++; first == nil {
						first = r
					}
				}
			}
			if scored > 0 {
				c.Report(Finding{
					Message: fmt.Sprintf("%d of %d rows carry a score, as results do", scored, len(f.Rows)),
					Place:   first.At(kitti.FieldScore), Expected: "15 columns", Actual: "16 columns", Key: "score",
				})
			}
		})},
	},
}

// kittiClasses are the types that the owner documents.
var kittiClasses = []string{"Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", "Misc", "DontCare"}

// trackingClasses are those of the tracking data set, whose files say Person
// for who sits.
var trackingClasses = append([]string{"Person"}, kittiClasses...)

func checkLabelClass(c *Ctx, r *kitti.LabelRow) {
	known := kittiClasses
	if r.Tracking() {
		known = trackingClasses
	}
	if _, custom := c.Params.Classes[r.Type]; custom || slices.Contains(known, r.Type) {
		return
	}
	f := Finding{
		Message: fmt.Sprintf("unknown class %q", r.Type), Place: r.At(kitti.FieldType),
		Expected: strings.Join(known, ", "), Actual: r.Type, Key: r.Text,
	}
	if near := suggest.Nearest(r.Type, known); near != "" {
		f.Hint = "write " + near
	}
	c.Report(f)
}
