package kitti

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

const oxtsLine = "49.015 8.434 116.43 0.0357 0.009 -2.6087 -6.8 -11.2 13.17 -0.12 -0.03 -0.44 0.04 10.2 -0.34 -0.31 10.2 0.009 -0.02 -0.01 0.008 -0.02 -0.01 0.027 0.012 4 11 6 6 6"

func oxtsAt(i int) rule.Place { return rule.Place{Path: "oxts.txt"} }

func TestParseOxts(t *testing.T) {
	e := &ruletest.Emitter{}
	if n := parseOxts("oxts.txt", []byte(oxtsLine+"\n"+oxtsLine+"\n\n"), e, oxtsAt, 0); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
	rows := ruletest.Items[*Oxts](e)
	if len(rows) != 2 || len(e.Faults) > 0 {
		t.Fatalf("rows %v, faults %v", rows, e.Faults)
	}
	if o := rows[1]; o.Values[1] != 8.434 || o.Values[29] != 6 || o.At(1).Column != 8 || o.Place.Line != 2 {
		t.Errorf("got %+v", o)
	}

	for name, c := range map[string]struct {
		in     string
		want   int
		column int
		part   string
	}{
		"too few":   {strings.TrimSuffix(oxtsLine, " 6"), 1, 0, "29 values"},
		"too many":  {oxtsLine + " 6", 1, 0, "31 values"},
		"empty":     {"\n\n", 1, 0, "no line"},
		"nan":       {"nan" + oxtsLine[6:], 1, 1, "not a finite number"},
		"overflow":  {"1e999" + oxtsLine[6:], 1, 1, "not a finite number"},
		"float":     {strings.TrimSuffix(oxtsLine, "6") + "6.0", 1, len(oxtsLine), "not an integer"},
		"two lines": {oxtsLine + "\n" + oxtsLine, 1, 0, "more than 1 line"},
	} {
		e := &ruletest.Emitter{}
		parseOxts("oxts.txt", []byte(c.in), e, oxtsAt, c.want)
		if len(e.Faults) != 1 || !strings.Contains(e.Faults[0].Message, c.part) || e.Faults[0].Column != c.column || e.Faults[0].Slug != "oxts-fields" {
			t.Errorf("%s: %+v, want …%s… at column %d", name, e.Faults, c.part, c.column)
		}
	}
}

// FuzzParseOxts: each line is an item, or a fault and a skip.
func FuzzParseOxts(f *testing.F) {
	f.Add([]byte(oxtsLine))
	f.Add([]byte("\n\n" + oxtsLine + " 1\n\x00"))
	f.Add([]byte("1 2 nan 0x1p-2"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e := &ruletest.Emitter{}
		n := parseOxts("oxts.txt", b, e, oxtsAt, 0)
		if len(e.Items) != max(n, 1)-len(e.Faults) || len(e.Faults) != len(e.Skips) {
			t.Errorf("%d rows: %d items, %d faults, %d skips", n, len(e.Items), len(e.Faults), len(e.Skips))
		}
		if n > bytes.Count(b, []byte("\n"))+1 {
			t.Errorf("%d rows", n)
		}
	})
}
