package kitti

import (
	"bytes"
	"fmt"

	"github.com/mmaudit/mmaudit/validate/rule"
)

// A Plane is the ground of one frame, as planes/000123.txt estimates it:
// a x + b y + c z + d = 0 in the frame of the rectified camera 0, in m.
type Plane struct {
	Path       string
	Line       int
	Frame      string
	A, B, C, D float64
}

// parsePlane reads a plane: three lines of header and one of four numbers.
// Where it cannot, it emits a Fault of the rule planes and gives nil.
func parsePlane(name, frame string, b []byte, e rule.Emitter) *Plane {
	fault := func(line int, expected, format string, args ...any) *Plane {
		e.Emit(rule.Fault{
			Slug: planesSlug, Message: fmt.Sprintf(format, args...), Expected: expected,
			Place: rule.Place{Path: name, Line: line, Frame: frame},
		})
		return nil
	}
	header := []string{"# Matrix", "WIDTH 4", "HEIGHT 1"}
	last := 0
	for n, line := range lines(b) {
		last = n
		if n <= len(header) {
			if got := string(bytes.TrimSpace(line)); got != header[n-1] {
				return fault(n, header[n-1], "line %d of the header is %q", n, got)
			}
			continue
		}
		var v []float64
		for _, word := range words(line) {
			x, ok := parseFloat(word)
			if !ok {
				return fault(n, "4 numbers", "%q is not a number", word)
			}
			v = append(v, x)
		}
		if len(v) != 4 {
			return fault(n, "4 numbers", "the plane has %d numbers", len(v))
		}
		return &Plane{name, n, frame, v[0], v[1], v[2], v[3]}
	}
	return fault(last, "3 lines of header and 1 of 4 numbers", "the file ends after %d lines", last)
}

const planesSlug = "planes"
