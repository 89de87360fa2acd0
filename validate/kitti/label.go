package kitti

import (
	"bytes"
	"fmt"
	"math"
	"strconv"

	"github.com/mmaudit/mmaudit/validate/rule"
)

// A Field is a column of a label row, in the order of the object data set.
type Field int

const (
	FieldType Field = iota
	FieldTruncated
	FieldOccluded
	FieldAlpha
	FieldLeft
	FieldTop
	FieldRight
	FieldBottom
	FieldHeight
	FieldWidth
	FieldLength
	FieldX
	FieldY
	FieldZ
	FieldRotationY
	FieldScore // of results only
	objectFields
)

var fieldNames = [...]string{
	"type", "truncated", "occluded", "alpha", "bbox left", "bbox top", "bbox right", "bbox bottom",
	"height", "width", "length", "x", "y", "z", "rotation_y", "score",
}

func (f Field) String() string {
	switch f {
	case fieldFrame:
		return "frame"
	case fieldTrack:
		return "track_id"
	}
	return fieldNames[f]
}

// The two columns that tracking puts before those of the object data set.
const (
	fieldFrame Field = -2
	fieldTrack Field = -1
)

// A LabelRow is one row of a label file of which every column could be read.
// Angles are in rad, lengths in m, in the frame of the rectified camera 0 (x
// right, y down, z forward); the location is the bottom centre of the box.
type LabelRow struct {
	Path     string
	Line     int
	Text     string // the row as written
	Split    string // "training"
	Sequence string // tracking: "0001"
	Frame    string // id of the frame, also in tracking: "000123"

	Number int // frame number, in tracking alone
	Track  int // track_id, in tracking alone; -1 for DontCare

	Type                     string
	Truncated                float64
	Occluded                 int
	Alpha                    float64
	Left, Top, Right, Bottom float64 // px, 0-based
	Height, Width, Length    float64
	X, Y, Z                  float64
	RotationY                float64
	Score                    float64
	Scored                   bool // the row has the column score of a detector's results

	Image Image // left colour image of the frame

	tracking bool
	columns  [objectFields + 2]int // of each word, from 1
}

// An Image is a picture and its size as its header gives it.
type Image struct {
	Path          string // "" if the frame has none
	Width, Height int    // px; 0 if the header could not be read
}

// DontCare reports whether the row marks a region without labels.
func (r *LabelRow) DontCare() bool { return r.Type == "DontCare" }

// Boxed reports whether the row gives a 3D box. Rows of 2D data sets have -1
// for all three lengths.
func (r *LabelRow) Boxed() bool {
	return !r.DontCare() && (r.Height != -1 || r.Width != -1 || r.Length != -1)
}

// Tracking reports whether the row is of the tracking data set.
func (r *LabelRow) Tracking() bool { return r.tracking }

// At gives the place of a field.
func (r *LabelRow) At(f Field) rule.Place {
	if r.tracking {
		f += 2
	}
	return rule.Place{Path: r.Path, Line: r.Line, Column: r.columns[f], Frame: r.Frame}
}

// A LabelFile is a label file with the rows of it that could be read, in
// order.
type LabelFile struct {
	Path     string
	Split    string
	Sequence string // tracking
	Rows     []*LabelRow
	Frames   []int // tracking: the numbers of the sequence's frames, sorted; nil if there are none to compare with
}

// Bounds of the bytes of one label file: of a frame, where the owner's largest
// has 4 kB, and of a sequence, 2 MB.
const (
	maxLabels = 1 << 20
	maxTracks = 32 << 20
)

// parseLabels reads a label file of the object data set (15 columns, 16 with a
// score) or, in tracking, of a sequence (17 or 18). What is wrong in a row is
// emitted as a Fault; such a row is skipped. head gives what the rows have in
// common.
func parseLabels(b []byte, head LabelRow, e rule.Emitter) *LabelFile {
	f := &LabelFile{Path: head.Path, Split: head.Split, Sequence: head.Sequence}
	for n, line := range lines(b) {
		r := head
		r.Line, r.Text = n, string(line)
		if slug := r.parse(line, e); slug != "" {
			e.Skip((*LabelRow)(nil), slug, head.Path)
			continue
		}
		f.Rows = append(f.Rows, &r)
	}
	return f
}

// parse reads one row. It gives the slug of the rule that the row broke, so
// that it has no values.
func (r *LabelRow) parse(line []byte, e rule.Emitter) (broken string) {
	want, first := int(FieldScore), Field(0)
	if r.tracking {
		want, first = want+2, fieldFrame
	}
	var row [objectFields + 2][]byte
	n := 0
	for column, word := range words(line) {
		if n < len(row) {
			row[n], r.columns[n] = word, column
		}
		n++
	}
	fault := func(slug string, column int, expected, format string, args ...any) {
		broken = slug
		e.Emit(rule.Fault{
			Slug: slug, Message: fmt.Sprintf(format, args...), Expected: expected, Key: r.Text,
			Place: rule.Place{Path: r.Path, Line: r.Line, Column: column, Frame: r.Frame},
		})
	}
	if n != want && n != want+1 {
		what := fmt.Sprintf("the row has %d columns", n)
		if n == 0 {
			what = "the row is blank"
		}
		fault("label-columns", 0, fmt.Sprintf("%d columns, or %d with a score", want, want+1), "%s", what)
		return broken
	}
	if column := oddSeparator(line); column > 0 {
		fault("label-separator", column, "one space between columns", "%s", "columns are not separated by single spaces")
		broken = "" // the row can be read all the same
	}

	var v [objectFields + 2]float64
	for i, word := range row[:n] {
		f := first + Field(i)
		if f == FieldType {
			r.Type = string(word)
			continue
		}
		value, ok := parseFloat(word)
		if !ok {
			fault("label-number", r.columns[i], "a finite decimal number", "%s is %q, not a number", f, word)
			continue
		}
		v[i] = value
		if f == fieldFrame || f == fieldTrack || f == FieldOccluded {
			if _, err := strconv.Atoi(string(word)); err != nil {
				was := broken
				fault("label-int-literal", r.columns[i], "an integer without a point", "%s is %s, not an integer literal", f, word)
				if value == math.Trunc(value) && math.Abs(value) < 1e9 {
					broken = was // its value is beyond doubt
				}
			}
		}
	}
	if broken != "" {
		return broken
	}
	at := func(f Field) float64 { return v[f-first] }
	if r.tracking {
		r.Number, r.Track = int(at(fieldFrame)), int(at(fieldTrack))
		r.Frame = fmt.Sprintf("%06d", r.Number)
	}
	r.Truncated, r.Occluded, r.Alpha = at(FieldTruncated), int(at(FieldOccluded)), at(FieldAlpha)
	r.Left, r.Top, r.Right, r.Bottom = at(FieldLeft), at(FieldTop), at(FieldRight), at(FieldBottom)
	r.Height, r.Width, r.Length = at(FieldHeight), at(FieldWidth), at(FieldLength)
	r.X, r.Y, r.Z, r.RotationY = at(FieldX), at(FieldY), at(FieldZ), at(FieldRotationY)
	if r.Scored = n == want+1; r.Scored {
		r.Score = at(FieldScore)
	}
	return ""
}

// oddSeparator gives the column of the first blank that is not a single space
// between two words; 0 if there is none.
func oddSeparator(line []byte) int {
	for i, c := range line {
		switch {
		case c == '\t':
			return i + 1
		case c == ' ' && (i == 0 || i == len(line)-1 || line[i-1] == ' '):
			return i + 1
		}
	}
	return 0
}

// MendSeparators writes the rows of a label file with one space between
// columns and none around them.
func MendSeparators(b []byte) []byte {
	return mendLines(b, func(line []byte) []byte {
		if bytes.IndexByte(line, '\r') >= 0 {
			return line // a carriage return inside a row could become its end, or a column less
		}
		var row [][]byte
		for _, word := range words(line) {
			row = append(row, word)
		}
		return bytes.Join(row, []byte{' '})
	})
}

// MendIntegers writes the columns of a label file that must be integer
// literals without a point, where that does not change their value.
func MendIntegers(b []byte) []byte {
	return mendLines(b, func(line []byte) []byte {
		var out []byte
		done, n := 0, 0
		for range words(line) {
			n++
		}
		integer := map[int]bool{2: n == 15 || n == 16, 0: n == 17 || n == 18, 1: n == 17 || n == 18, 4: n == 17 || n == 18}
		n = 0
		for column, word := range words(line) {
			out = append(out, line[done:column-1]...)
			done = column - 1 + len(word)
			whole, fraction, point := bytes.Cut(word, []byte{'.'})
			if point && integer[n] && len(bytes.Trim(fraction, "0")) == 0 {
				if _, err := strconv.Atoi(string(whole)); err == nil {
					word = whole
				}
			}
			out = append(out, word...)
			n++
		}
		return append(out, line[done:]...)
	})
}

// mendLines rewrites each line and keeps the line ends as they are.
func mendLines(b []byte, mend func(line []byte) []byte) []byte {
	var out []byte
	for line := range bytes.Lines(b) {
		body := bytes.TrimRight(line, "\r\n")
		out = append(out, mend(body)...)
		out = append(out, line[len(body):]...)
	}
	return out
}
