package kitti

import (
	"errors"
	"fmt"
	"time"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// Stamps is a timestamps file of KITTI raw: one entry for each line, so that
// entry k is line k+1 and, in a synchronised drive, frame k.
type Stamps struct {
	Path  string // relative to the data set's root
	Lines []Stamp
}

// A Stamp is one line of a timestamps file.
type Stamp struct {
	Time int64 // ns since the Unix epoch, the wall clock taken as UTC; valid if State is Stamped
	StampState
}

// StampState says what a line of a timestamps file holds.
type StampState uint8

const (
	Stamped   StampState = iota
	Blank                // an empty line: the frame is declared missing
	Malformed            // anything else; reported as timestamp-format
)

// Frame gives the stamp of frame k; ok is false where the file has none.
func (s *Stamps) Frame(k int) (ns int64, ok bool) {
	if s == nil || k < 0 || k >= len(s.Lines) || s.Lines[k].StampState != Stamped {
		return 0, false
	}
	return s.Lines[k].Time, true
}

// Place gives the place of entry k.
func (s *Stamps) Place(k int) rule.Place { return rule.Place{Path: s.Path, Line: k + 1} }

// maxStamps bounds the bytes of one timestamps file: seven hours at 10 Hz.
const maxStamps = 8 << 20

// ReadStamps reads a timestamps file of KITTI raw, such as
// "2011_09_26/2011_09_26_drive_0001_sync/oxts/timestamps.txt".
func ReadStamps(ds *dataset.Dataset, name string) (*Stamps, error) {
	b, err := ds.ReadFile(name, maxStamps)
	if err != nil {
		return nil, err
	}
	return parseStamps(name, b, nil), nil
}

// parseStamps reads stamps line by line. A final line end begins no line. bad,
// if not nil, is called for each line that is neither a stamp nor blank.
func parseStamps(name string, b []byte, bad func(line int, text []byte, err error)) *Stamps {
	s := &Stamps{Path: name}
	for n, line := range lines(b) {
		if len(line) == 0 {
			s.Lines = append(s.Lines, Stamp{StampState: Blank})
			continue
		}
		ns, err := ParseStamp(string(line))
		if err != nil {
			s.Lines = append(s.Lines, Stamp{StampState: Malformed})
			if bad != nil {
				bad(n, line, err)
			}
			continue
		}
		s.Lines = append(s.Lines, Stamp{Time: ns})
	}
	return s
}

// ParseStamp reads "2011-09-26 13:02:25.594360375" as int64 nanoseconds since
// the Unix epoch, taking the wall clock as UTC. The form is exact, nine
// fraction digits included, and the value never passes through float64.
func ParseStamp(s string) (int64, error) {
	const form = "dddd-dd-dd dd:dd:dd.ddddddddd"
	for i := range min(len(s), len(form)) {
		if digit := s[i] >= '0' && s[i] <= '9'; (form[i] == 'd') != digit || !digit && s[i] != form[i] {
			if i > len("dddd-dd-dd dd:dd:dd.") && !digit {
				return 0, fmt.Errorf("has %q at column %d where a fraction digit was expected", s[i], i+1)
			}
			return 0, fmt.Errorf("has %q at column %d, which does not fit YYYY-MM-DD HH:MM:SS.nnnnnnnnn", s[i], i+1)
		}
	}
	switch frac := len(s) - len("dddd-dd-dd dd:dd:dd."); {
	case frac < 0:
		return 0, errors.New("has no fraction of nine digits")
	case len(s) < len(form):
		return 0, fmt.Errorf("has %d fraction digits instead of 9", frac)
	case len(s) > len(form):
		for _, c := range []byte(s[len(form):]) {
			if c < '0' || c > '9' {
				return 0, fmt.Errorf("has %q after the nine fraction digits", s[len(form):])
			}
		}
		return 0, fmt.Errorf("has %d fraction digits instead of 9", frac)
	}
	num := func(from, to int) int {
		n := 0
		for _, c := range []byte(s[from:to]) {
			n = 10*n + int(c-'0')
		}
		return n
	}
	y, mo, d := num(0, 4), num(5, 7), num(8, 10)
	h, mi, sec := num(11, 13), num(14, 16), num(17, 19)
	date := time.Date(y, time.Month(mo), d, 0, 0, 0, 0, time.UTC)
	if date.Year() != y || int(date.Month()) != mo || date.Day() != d {
		return 0, fmt.Errorf("names %s, which is no date", s[:10])
	}
	if h > 23 || mi > 59 || sec > 59 {
		return 0, fmt.Errorf("names %s, which is no time of day", s[11:19])
	}
	if y < 1678 || y > 2261 { // beyond, nanoseconds leave int64
		return 0, fmt.Errorf("is of the year %d, beyond 64-bit nanoseconds", y)
	}
	return date.Unix()*1e9 + (int64(h)*3600+int64(mi)*60+int64(sec))*1e9 + int64(num(20, 29)), nil
}
