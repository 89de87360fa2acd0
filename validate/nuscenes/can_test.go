package nuscenes

import (
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

func parseCAN(t testing.TB, message, text string) (*CANFile, *ruletest.Emitter, string) {
	t.Helper()
	c, r := &CANFile{Path: "can_bus/scene-0061_" + message + ".json", Message: message}, &ruletest.Emitter{}
	return c, r, c.parse(t.Context(), strings.NewReader(text), r)
}

func TestCANFile(t *testing.T) {
	c, r, slug := parseCAN(t, "pose", `[
{"utime": 1532402927000000, "pos": [1, 2, 0], "orientation": [1, 0, 0, 0]},
{"utime": 1532402926980000, "pos": [1, 2], "orientation": [1, 0, 0, 0]},
{"utime": 1532402927020000.0, "pos": [1, 2, 0], "orientation": [1, 0, 0, 0]},
{"pos": [1, 2, 0]}, {"utime": 1532402926960000}]`)
	if slug != "" || len(r.Faults) != 0 {
		t.Fatalf("slug %q, faults %v", slug, r.Faults)
	}
	if c.Rows != 5 || c.Timed != 3 || c.First != 1532402926960000_000 || c.Last != 1532402927000000_000 {
		t.Errorf("rows %d, timed %d, %d to %d", c.Rows, c.Timed, c.First, c.Last)
	}
	if c.Odd.N != 2 || c.Odd.Text != "1532402927020000.0" || c.Back.N != 2 || c.Back.Text != "1532402926980000" {
		t.Errorf("odd %+v, back %+v", c.Odd, c.Back)
	}
	if len(c.Poses) != 1 || c.Poses[0].Position != [3]float64{1, 2, 0} {
		t.Errorf("poses %v", c.Poses)
	}
}

func TestCANFileFaults(t *testing.T) {
	for _, x := range []struct{ text, slug, faults string }{
		{`[]`, "", ""},
		{`{"pose": 1}`, "json-not-array", "json-not-array"},
		{`[{"utime": 1}, {"utime": `, "json-syntax", "json-syntax"},
		{``, "json-syntax", "json-syntax"},
		{`[{"utime": 1, "utime": 2}]`, "", "json-duplicate-key"},
		{`[{"utime": 1, "value": NaN}]`, "", "json-nonfinite"},
	} {
		_, r, slug := parseCAN(t, "steeranglefeedback", x.text)
		var got []string
		for _, f := range r.Faults {
			got = append(got, f.Slug)
		}
		if slug != x.slug || strings.Join(got, " ") != x.faults {
			t.Errorf("%s: %q and faults %q, want %q and %q", x.text, slug, got, x.slug, x.faults)
		}
	}
}

// FuzzCANFile holds the parser to its promise: no panic, and counts that add up.
func FuzzCANFile(f *testing.F) {
	f.Add(`[{"utime": 1532402927000000, "pos": [1, 2, 0], "orientation": [1, 0, 0, 0]}]`)
	f.Add(`[{"utime": -1e3, "pos": [], "orientation": [1, 0, 0, 0]}, {"utime": 99999999999999999999}]`)
	f.Add(`[{"utime": 1}, {"utime": `)
	f.Add(`[[1.0, 2.0]]`)
	f.Fuzz(func(t *testing.T, text string) {
		c, r, slug := parseCAN(t, "pose", text)
		if c.Timed+c.Odd.N != c.Rows || len(c.Poses) > c.Timed || c.First > c.Last {
			t.Errorf("%+v", c)
		}
		if slug != "" && len(r.Faults) == 0 {
			t.Errorf("%s without a fault", slug)
		}
	})
}
