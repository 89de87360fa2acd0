package kitti

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A Pose is one line of an odometry poses file: camera 0 of that frame in the
// frame of camera 0 at the start.
type Pose struct {
	Place  rule.Place
	Matrix [12]float64 // 3x4, row by row
}

// parsePoses reads a poses file and gives its number of lines. Sound lines are
// emitted as *Pose, others as Faults.
func parsePoses(path string, b []byte, e rule.Emitter) (rows int) {
	for n, line := range lines(b) {
		rows = n
		p := &Pose{Place: rule.Place{Path: path, Line: n, Frame: fmt.Sprintf("%06d", n-1)}}
		count, bad := 0, false
		for column, word := range words(line) {
			v, ok := parseFloat(word)
			if !ok {
				f := rule.Fault{Slug: "poses-row", Message: fmt.Sprintf("value %d is %q, not a finite number", count+1, human.Clip(word, 40)), Place: p.Place}
				f.Column = column
				e.Emit(f)
				bad = true
				break
			}
			if count < len(p.Matrix) {
				p.Matrix[count] = v
			}
			count++
		}
		switch {
		case bad:
		case count != len(p.Matrix):
			e.Emit(rule.Fault{
				Slug: "poses-row", Message: fmt.Sprintf("%d values instead of 12", count), Place: p.Place,
				Expected: "12", Actual: strconv.Itoa(count),
			})
		default:
			e.Emit(p)
		}
	}
	return rows
}

// A Times is the times.txt of an odometry sequence.
type Times struct {
	Path string
	NS   []int64 // ns since the first frame; entry k is line k+1
}

// Place gives the place of entry k.
func (t *Times) Place(k int) rule.Place {
	return rule.Place{Path: t.Path, Line: k + 1, Frame: fmt.Sprintf("%06d", k)}
}

// Rising reports whether the times begin at 0 and grow.
func (t *Times) Rising() bool {
	for k, ns := range t.NS {
		if k == 0 && ns != 0 || k > 0 && ns <= t.NS[k-1] {
			return false
		}
	}
	return true
}

// parseTimes reads a times.txt. ok is false where a line is no time; those
// lines are emitted as Faults.
func parseTimes(path string, b []byte, e rule.Emitter) (t *Times, ok bool) {
	t, ok = &Times{Path: path}, true
	for n, line := range lines(b) {
		ns, err := parseSeconds(bytes.TrimSpace(line))
		if err != nil {
			ok = false
			e.Emit(rule.Fault{
				Slug: "times-txt", Message: fmt.Sprintf("%q is no time in seconds: %v", human.Clip(line, 40), err),
				Place: rule.Place{Path: path, Line: n, Frame: fmt.Sprintf("%06d", n-1)},
			})
		}
		t.NS = append(t.NS, ns)
	}
	return t, ok
}

// parseSeconds reads decimal seconds, with or without an exponent
// ("1.037875e-01"), as nanoseconds, in integers alone. Digits below a
// nanosecond are rounded half up.
func parseSeconds(s []byte) (int64, error) {
	if _, ok := parseFloat(s); !ok {
		return 0, errors.New("not a finite number")
	}
	sign := int64(1)
	switch s[0] {
	case '-':
		sign = -1
		s = s[1:]
	case '+':
		s = s[1:]
	}
	exp := 0
	if i := bytes.IndexAny(s, "eE"); i >= 0 {
		var err error
		if exp, err = strconv.Atoi(string(s[i+1:])); err != nil {
			return 0, errors.New("its exponent is out of range")
		}
		s = s[:i]
	}
	whole, fraction, _ := bytes.Cut(s, []byte{'.'})
	digits := bytes.TrimLeft(append(bytes.Clone(whole), fraction...), "0")
	if len(digits) == 0 {
		return 0, nil
	}
	shift := exp + 9 - len(fraction) // value in ns = digits × 10^shift
	if shift < 0 {
		if -shift > len(digits) {
			return 0, nil
		}
		cut := len(digits) + shift
		up := digits[cut] >= '5'
		n, err := strconv.ParseInt("0"+string(digits[:cut]), 10, 64)
		if err != nil || n > 1<<62 {
			return 0, errors.New("it leaves 64-bit nanoseconds")
		}
		if up {
			n++
		}
		return sign * n, nil
	}
	if shift > 19 {
		return 0, errors.New("it leaves 64-bit nanoseconds")
	}
	n, err := strconv.ParseInt(string(digits)+"0000000000000000000"[:shift], 10, 64)
	if err != nil || n > 1<<62 {
		return 0, errors.New("it leaves 64-bit nanoseconds")
	}
	return sign * n, nil
}
