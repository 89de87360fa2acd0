package kitti

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseStamp(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int64
		err  string // part of the error
	}{
		{in: "2011-09-26 13:02:25.967790592", want: 1317042145967790592},
		{in: "1970-01-01 00:00:00.000000000", want: 0},
		{in: "1969-12-31 23:59:59.999999999", want: -1},
		{in: "2012-02-29 00:00:00.000000001", want: time.Date(2012, 2, 29, 0, 0, 0, 1, time.UTC).UnixNano()},
		{in: "2011-02-29 00:00:00.000000001", err: "2011-02-29, which is no date"},
		{in: "2011-13-01 00:00:00.000000001", err: "no date"},
		{in: "2011-09-26 24:00:00.000000000", err: "no time of day"},
		{in: "2011-09-26 13:02:60.000000000", err: "no time of day"},
		{in: "2011-09-26 13:02:25.967790", err: "6 fraction digits"},
		{in: "2011-09-26 13:02:25.9677905921", err: "10 fraction digits"},
		{in: "2011-09-26 13:02:25", err: "no fraction"},
		{in: "2011-09-26T13:02:25.967790592", err: "column 11"},
		{in: "2011-09-26 13:02:25.967790592Z", err: "after the nine"},
		{in: "2011-09-26 13:02:25,967790592", err: "column 20"},
		{in: " 2011-09-26 13:02:25.967790592", err: "column 1"},
		{in: "1317042145.967790592", err: "column 5"},
		{in: "9999-09-26 13:02:25.967790592", err: "64-bit"},
	} {
		got, err := ParseStamp(c.in)
		if c.err == "" && (err != nil || got != c.want) {
			t.Errorf("ParseStamp(%q) = %d, %v; want %d", c.in, got, err, c.want)
		}
		if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("ParseStamp(%q): error %v, want …%s…", c.in, err, c.err)
		}
	}
}

func TestParseStampsKeepsLines(t *testing.T) {
	in := "1970-01-01 00:00:00.000000007\n\nx\n" + strings.Repeat("9", 5000) + "\n1970-01-01 00:00:00.000000009"
	var bad []int
	got := parseStamps("timestamps.txt", []byte(in), func(line int, _ []byte, _ error) { bad = append(bad, line) })
	want := []Stamp{{Time: 7}, {StampState: Blank}, {StampState: Malformed}, {StampState: Malformed}, {Time: 9}}
	if !slices.Equal(got.Lines, want) || !slices.Equal(bad, []int{3, 4}) {
		t.Errorf("got %v, bad lines %v", got, bad)
	}
}

// FuzzParseStamp holds the parser to the standard library: what it accepts,
// time.Parse reads as the same instant, and prints back byte for byte.
func FuzzParseStamp(f *testing.F) {
	f.Add("2011-09-26 13:02:25.967790592")
	f.Add("1969-12-31 23:59:59.999999999")
	f.Add("2011-09-26 13:02:25")
	f.Add("0000-00-00 00:00:00.000000000")
	f.Fuzz(func(t *testing.T, s string) {
		const layout = "2006-01-02 15:04:05.000000000"
		ns, err := ParseStamp(s)
		if err != nil {
			return
		}
		if back := time.Unix(0, ns).UTC().Format(layout); back != s {
			t.Errorf("%q became %q", s, back)
		}
	})
}

func FuzzParseStamps(f *testing.F) {
	f.Add([]byte("2011-09-26 13:02:25.967790592\n\n2011-09-26 13:02:26.070000000\r\n"))
	f.Add([]byte("\n\n\x00\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got := parseStamps("timestamps.txt", b, nil)
		b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
		if n := len(bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))); len(b) > 0 && len(got.Lines) != n {
			t.Errorf("%d entries for %d lines", len(got.Lines), n)
		}
	})
}
