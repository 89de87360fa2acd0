package kitti

import (
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

func TestParseSeconds(t *testing.T) {
	for _, c := range []struct {
		in   string
		want int64
		bad  bool
	}{
		{in: "0.000000e+00", want: 0},
		{in: "1.037875e-01", want: 103787500},
		{in: "4.714832e+02", want: 471483200000},
		{in: "+12", want: 12_000_000_000},
		{in: "-1.5", want: -1_500_000_000},
		{in: "0.0000000004", want: 0},
		{in: "0.0000000005", want: 1},
		{in: ".5", want: 500_000_000},
		{in: "1e-30", want: 0},
		{in: "1e10", bad: true},
		{in: "1e300", bad: true},
		{in: "9e9999", bad: true},
		{in: "", bad: true},
		{in: "nan", bad: true},
		{in: "1,5", bad: true},
		{in: "0x10", bad: true},
		{in: "1 2", bad: true},
	} {
		got, err := parseSeconds([]byte(c.in))
		if (err != nil) != c.bad || got != c.want {
			t.Errorf("parseSeconds(%q) = %d, %v; want %d", c.in, got, err, c.want)
		}
	}
}

// FuzzParseSeconds holds the integer arithmetic to exact rationals.
func FuzzParseSeconds(f *testing.F) {
	for _, s := range []string{"1.037875e-01", "4.714832e+02", "-0.0000000005", "1e-30", "+.5e1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := parseSeconds([]byte(s))
		if err != nil {
			return
		}
		if i := strings.IndexAny(s, "eE"); i >= 0 && len(s)-i > 5 {
			return // big spells such powers out
		}
		exact, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatalf("%q is %d ns, but no number to math/big", s, got)
		}
		exact.Mul(exact, big.NewRat(1e9, 1))
		diff := new(big.Rat).Sub(exact, new(big.Rat).SetInt64(got))
		if diff.Abs(diff).Cmp(big.NewRat(1, 2)) > 0 {
			t.Errorf("%q became %d ns", s, got)
		}
	})
}

func TestParseTimes(t *testing.T) {
	e := &ruletest.Emitter{}
	got, ok := parseTimes("times.txt", []byte("0.0\n1.0e-01\n2.0e-01\n"), e)
	if !ok || !got.Rising() || !slices.Equal(got.NS, []int64{0, 1e8, 2e8}) {
		t.Errorf("got %v, %v", got, ok)
	}
	if _, ok := parseTimes("times.txt", []byte("0.0\n\n2.0e-01\n"), e); ok || len(e.Faults) != 1 || e.Faults[0].Line != 2 {
		t.Errorf("a blank line: %v", e.Faults)
	}
	for _, in := range []string{"1.0\n", "0\n0\n", "0\n2\n1\n"} {
		if got, _ := parseTimes("times.txt", []byte(in), e); got.Rising() {
			t.Errorf("%q rises", in)
		}
	}
}

// FuzzParsePoses: each line is a pose or a fault.
func FuzzParsePoses(f *testing.F) {
	f.Add([]byte("1 0 0 0 0 1 0 0 0 0 1 0\n"))
	f.Add([]byte("1 0 0 0 0 1 0 0 0 0 1\n\nx\n1e999 0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e := &ruletest.Emitter{}
		if n := parsePoses("poses.txt", b, e); len(e.Items)+len(e.Faults) != n {
			t.Errorf("%d rows: %d poses, %d faults", n, len(e.Items), len(e.Faults))
		}
	})
}

func FuzzParseTimes(f *testing.F) {
	f.Add([]byte("0.000000e+00\n1.037875e-01\n"))
	f.Add([]byte("\n1e999\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e := &ruletest.Emitter{}
		got, ok := parseTimes("times.txt", b, e)
		if ok != (len(e.Faults) == 0) || len(e.Faults) > len(got.NS) {
			t.Errorf("ok %v with %d faults in %d lines", ok, len(e.Faults), len(got.NS))
		}
	})
}
