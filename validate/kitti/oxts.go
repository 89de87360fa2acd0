package kitti

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/mmaudit/mmaudit/internal/human"
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

// parseOxts reads the lines of a file and emits each as *Oxts, or a Fault and
// a Skip where it is not 30 sound numbers. at gives the place of reading i, its
// line left open. want is the number of lines that the file must have, 0 for
// any. Blank lines are passed over at the end of the file alone.
func parseOxts(name string, b []byte, e rule.Emitter, at func(i int) rule.Place, want int) (rows int) {
	for n, line := range lines(bytes.TrimRight(b, "\r\n")) {
		p := at(rows)
		p.Line = n
		if rows++; want > 0 && rows > want {
			e.Emit(rule.Fault{Slug: "oxts-fields", Message: fmt.Sprintf("more than %d line of values", want), Place: p})
			break
		}
		if o := parseOxtsLine(line, p, e); o != nil {
			e.Emit(o)
		} else {
			e.Skip((*Oxts)(nil), "oxts-fields", name)
		}
	}
	if rows == 0 {
		e.Emit(rule.Fault{Slug: "oxts-fields", Message: "no line of values", Place: at(0)})
		e.Skip((*Oxts)(nil), "oxts-fields", name)
	}
	return rows
}

// parseOxtsLine reads one line; it emits a Fault and gives nil for one that is
// not 30 sound numbers.
func parseOxtsLine(line []byte, at rule.Place, e rule.Emitter) *Oxts {
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
			fault(column, "%s (value %d) is %q, not a finite number", OxtsFields[i], n, human.Clip(word, 40))
			return nil
		}
		if i >= oxtsInts {
			if _, err := strconv.ParseInt(string(word), 10, 32); err != nil {
				fault(column, "%s (value %d) is %q, not an integer", OxtsFields[i], n, human.Clip(word, 40))
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
