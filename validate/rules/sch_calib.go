package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// kittiCalibrated are the formats with calibration files of keys and values.
var kittiCalibrated = formats{kittiObject, kittiTracking, kittiOdometry, semanticKITTI, kittiRaw}

var schCalib = []Rule{
	{
		ID: "SCH029", Slug: "calib-key-missing", Severity: rule.Error,
		Formats: kittiCalibrated,
		Summary: "A calibration file has every key that the format documents.",
		Why:     "Without a matrix nothing can be projected; readers that count lines take the next one in its place.",
		Example: "calib/000000.txt ends after Tr_velo_to_cam",
		Hint:    "take the file from the release again; a converter that knows no IMU writes Tr_imu_to_velo as the identity",
		Checks: []Check{rule.On(func(c *Ctx, f *kitti.Calib) {
			for _, k := range f.Kind.Keys() {
				if f.Entry(k.Name) != nil {
					continue
				}
				severity := rule.AsRule
				if k.Lenient {
					severity = rule.Warning
				}
				c.Report(Finding{
					Severity: severity, Message: fmt.Sprintf("key %s is missing", k.Name),
					Place: calibPlace(f, nil), Key: k.Name,
				})
			}
		})},
	},
	{
		ID: "SCH030", Slug: "calib-shape", Severity: rule.Error,
		Formats: kittiCalibrated,
		Summary: "Each key of a calibration file has as many finite numbers as its matrix has elements.",
		Why:     "Eleven numbers do not make a 3x4 matrix; a reader that pads or reshapes them gets another camera.",
		Example: "\"P2:\" with 11 numbers",
		Hint:    "take the file from the release again",
		Checks:  []Check{rule.On(checkCalibShape)},
	},
	{
		ID: "SCH031", Slug: "calib-order", Severity: rule.Warning,
		Formats: formats{kittiObject},
		Summary: "The keys come in the order P0, P1, P2, P3, R0_rect, Tr_velo_to_cam, Tr_imu_to_velo.",
		Why:     "The readers in use take the first seven lines by position and never look at the keys.",
		Example: "R0_rect stands before P0",
		Hint:    "run `mmvalidate fix --write`, which puts the lines in order",
		Checks:  []Check{rule.On(checkCalibOrder)},
		Fix:     func(name string, b []byte) ([]byte, error) { return kitti.MendCalibOrder(name, b), nil },
	},
	{
		ID: "SCH032", Slug: "calib-extra", Severity: rule.Info,
		Formats: kittiCalibrated,
		Summary: "A calibration file has no key twice (an error), and, in the object data set, none that the format does not document.",
		Why:     "Of a key that is there twice each reader believes another one. An unknown key shifts the lines for readers that count, as those of the object data set do.",
		Example: "R_rect, the name of the tracking data set, in place of R0_rect",
		Hint:    "remove the line, or rename the key as documented",
		Checks:  []Check{rule.On(checkCalibExtra)},
	},
}

// calibPlace is the place of an entry, or of the file if e is nil.
func calibPlace(f *kitti.Calib, e *kitti.CalibEntry) Place {
	p := Place{Path: f.Path}
	if f.Kind == kitti.CalibObject {
		p.Frame = f.Name
	}
	if e != nil {
		p.Line = e.Line
	}
	return p
}

func checkCalibShape(c *Ctx, f *kitti.Calib) {
	for i := range f.Entries {
		e := &f.Entries[i]
		k, known := f.Known(e.Key)
		if !known || f.Entry(e.Key) != e { // another rule speaks about repeated keys
			continue
		}
		p := calibPlace(f, e)
		switch {
		case k.Values == 0:
			if e.Text == "" {
				c.Report(Finding{Message: fmt.Sprintf("%s has no value", e.Key), Place: p, Key: e.Key})
			}
		case e.Bad != "":
			p.Column = e.Column
			c.Report(Finding{
				Message: fmt.Sprintf("value %d of %s is %q, not a finite number", len(e.Values)+1, e.Key, e.Bad), Place: p,
				Expected: "a finite decimal number", Actual: e.Bad, Key: e.Key,
			})
		case len(e.Values) != k.Values:
			c.Report(Finding{
				Message: fmt.Sprintf("%s has %d values", e.Key, len(e.Values)), Place: p,
				Expected: fmt.Sprint(k.Values), Actual: fmt.Sprint(len(e.Values)), Key: e.Key,
			})
		}
	}
}

// checkCalibOrder compares the documented keys among themselves: one that is
// missing or unknown is another rule's finding.
func checkCalibOrder(c *Ctx, f *kitti.Calib) {
	var order []string
	line := 0
	last := -1
	keys := f.Kind.Keys()
	for i := range f.Entries {
		e := &f.Entries[i]
		k, known := f.Known(e.Key)
		if !known || f.Entry(e.Key) != e {
			continue
		}
		order = append(order, e.Key)
		at := slices.IndexFunc(keys, func(o kitti.CalibKey) bool { return o.Name == k.Name })
		if at < last && line == 0 {
			line = e.Line
		}
		last = max(last, at)
	}
	if line == 0 {
		return
	}
	documented := make([]string, len(keys))
	for i, k := range keys {
		documented[i] = k.Name
	}
	p := calibPlace(f, nil)
	p.Line = line
	c.Report(Finding{
		Message: "the keys are not in the documented order", Place: p, Key: "order",
		Expected: strings.Join(documented, " "), Actual: strings.Join(order, " "),
	})
}

func checkCalibExtra(c *Ctx, f *kitti.Calib) {
	for i := range f.Entries {
		e := &f.Entries[i]
		k, known := f.Known(e.Key)
		p := calibPlace(f, e)
		switch first := f.Entry(e.Key); {
		case first != e:
			c.Report(Finding{
				Severity: rule.Error, Message: fmt.Sprintf("key %q is also on line %d", e.Key, first.Line), Place: p, Key: e.Key,
				Hint: "keep the line that is right and remove the other",
			})
		case f.Kind != kitti.CalibObject: // read by key: what is beyond the documented ones is never seen
		case !known:
			c.Report(Finding{Message: fmt.Sprintf("key %q is not documented", e.Key), Place: p, Key: e.Key})
		case k.Name != e.Key:
			c.Report(Finding{
				Message: fmt.Sprintf("key %s is named as in another data set of KITTI", e.Key), Place: p, Key: e.Key,
				Expected: k.Name, Actual: e.Key, Hint: "write " + k.Name,
			})
		}
	}
}
