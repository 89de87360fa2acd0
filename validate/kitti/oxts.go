package kitti

import (
	"fmt"
	"strconv"

	"github.com/mmaudit/mmaudit/validate/rule"
)

// OxtsFields names the 30 values of the GPS/IMU unit in their order.
var OxtsFields = [30]string{
	"lat", "lon", "alt", "roll", "pitch", "yaw",
	"vn", "ve", "vf", "vl", "vu",
	"ax", "ay", "az", "af", "al", "au",
	"wx", "wy", "wz", "wf", "wl", "wu",
	"pos_accuracy", "vel_accuracy",
	"navstat", "numsats", "posmode", "velmode", "orimode",
}

// oxtsInts is the first field that is an integer; all behind it are, too.
const oxtsInts = 25

// Oxts is one reading of the GPS/IMU unit: a file of its own in the raw data
// set, a line in the tracking data set.
type Oxts struct {
	Place   rule.Place
	Values  [30]float64 // in the order of OxtsFields, in the units of dataformat.txt
	Columns [30]int     // where each begins in its line, in bytes from 1
}

// At gives the place of a field.
func (o *Oxts) At(field int) rule.Place {
	p := o.Place
	p.Column = o.Columns[field]
	return p
}

// parseOxts reads one line. A line that is not 30 sound numbers is emitted as
// a Fault, and nil is returned.
func parseOxts(line []byte, at rule.Place, e rule.Emitter) *Oxts {
	o := &Oxts{Place: at}
	n := 0
	fault := func(column int, format string, args ...any) {
		f := rule.Fault{Slug: "oxts-fields", Message: fmt.Sprintf(format, args...), Place: at}
		f.Column = column
		e.Emit(f)
	}
	for column, word := range words(line) {
		if n++; n > len(o.Values) {
			continue
		}
		i := n - 1
		o.Columns[i] = column
		var ok bool
		if o.Values[i], ok = parseFloat(word); !ok {
			fault(column, "%s (value %d) is %q, not a finite number", OxtsFields[i], n, clip(word))
			return nil
		}
		if i >= oxtsInts {
			if _, err := strconv.ParseInt(string(word), 10, 32); err != nil {
				fault(column, "%s (value %d) is %q, not an integer", OxtsFields[i], n, clip(word))
				return nil
			}
		}
	}
	if n != len(o.Values) {
		f := rule.Fault{Slug: "oxts-fields", Message: fmt.Sprintf("%d values instead of 30", n), Place: at, Expected: "30", Actual: strconv.Itoa(n)}
		e.Emit(f)
		return nil
	}
	return o
}

// clip shortens what a message quotes of a file.
func clip(word []byte) string {
	if len(word) > 40 {
		return string(word[:40]) + "…"
	}
	return string(word)
}
