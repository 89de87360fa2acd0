package kitti

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

const car = "Car 0.00 0 1.85 387.63 181.54 423.81 203.12 1.67 1.87 3.69 -16.53 2.39 58.49 1.57"

func TestParseLabels(t *testing.T) {
	for _, c := range []struct {
		name     string
		tracking bool
		text     string
		rows     int
		faults   []string // slug:line:column
	}{
		{"empty", false, "", 0, nil},
		{"one", false, car + "\n", 1, nil},
		{"no final newline", false, car, 1, nil},
		{"carriage return", false, car + "\r\n", 1, nil},
		{"byte order mark", false, "\xef\xbb\xbf" + car + "\n", 1, nil},
		{"score", false, car + " 0.5\n", 1, nil},
		{"blank row", false, car + "\n\n", 1, []string{"label-columns:2:0"}},
		{"14 columns", false, "Car 0 0 0 0 0 0 0 0 0 0 0 0 0\n" + car, 1, []string{"label-columns:1:0"}},
		{"17 columns", false, car + " 1 2\n", 0, []string{"label-columns:1:0"}},
		{"tracking in object", false, "0 1 " + car + "\n", 0, []string{"label-columns:1:0"}},
		{"nan", false, strings.Replace(car, "1.85", "NaN", 1), 0, []string{"label-number:1:12"}},
		{"inf by overflow", false, strings.Replace(car, "1.85", "1e999", 1), 0, []string{"label-number:1:12"}},
		{"hexadecimal", false, strings.Replace(car, "1.85", "0x1p0", 1), 0, []string{"label-number:1:12"}},
		{"underscore", false, strings.Replace(car, "1.85", "1_0", 1), 0, []string{"label-number:1:12"}},
		{"comma", false, strings.Replace(car, "1.85", "1,85", 1), 0, []string{"label-number:1:12"}},
		{"exponent", false, strings.Replace(car, "1.85", "185e-2", 1), 1, nil},
		{"occluded 0.0", false, strings.Replace(car, " 0 ", " 0.0 ", 1), 1, []string{"label-int-literal:1:10"}},
		{"occluded 0.5", false, strings.Replace(car, " 0 ", " 0.5 ", 1), 0, []string{"label-int-literal:1:10"}},
		{"occluded word", false, strings.Replace(car, " 0 ", " no ", 1), 0, []string{"label-number:1:10"}},
		{"two spaces", false, strings.Replace(car, " ", "  ", 1), 1, []string{"label-separator:1:5"}},
		{"tab", false, strings.Replace(car, " ", "\t", 1), 1, []string{"label-separator:1:4"}},
		{"leading", false, " " + car, 1, []string{"label-separator:1:1"}},
		{"trailing", false, car + " ", 1, []string{"label-separator:1:" + num(len(car)+1)}},
		{"two faults", false, strings.Replace(strings.Replace(car, "1.85", "x", 1), " 0 ", " 0.0 ", 1), 0, []string{"label-int-literal:1:10", "label-number:1:14"}},
		{"tracking", true, "3 1 " + car, 1, nil},
		{"tracking score", true, "3 1 " + car + " 7", 1, nil},
		{"object in tracking", true, car, 0, []string{"label-columns:1:0"}},
		{"frame 3.0", true, "3.0 1 " + car, 1, []string{"label-int-literal:1:1"}},
		{"track 1.5", true, "3 1.5 " + car, 0, []string{"label-int-literal:1:3"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e ruletest.Emitter
			f := parseLabels([]byte(c.text), LabelRow{Path: "x.txt", tracking: c.tracking}, &e)
			var faults []string
			for _, x := range e.Faults {
				faults = append(faults, x.Slug+":"+num(x.Line)+":"+num(x.Column))
			}
			if len(f.Rows) != c.rows || !slices.Equal(faults, c.faults) {
				t.Errorf("%d rows, faults %q; want %d, %q", len(f.Rows), faults, c.rows, c.faults)
			}
			if lost := len(e.Skips) > 0; lost == (len(slices.Collect(rowsOf(c.text))) == c.rows) {
				t.Errorf("skips %q with %d of the rows read", e.Skips, c.rows)
			}
		})
	}
}

func rowsOf(text string) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for _, l := range lines([]byte(text)) {
			if !yield(l) {
				return
			}
		}
	}
}

func TestLabelColumns(t *testing.T) {
	var e ruletest.Emitter
	f := parseLabels([]byte("12 34 "+car+" 0.75\n"), LabelRow{tracking: true}, &e)
	r := f.Rows[0]
	got := []float64{float64(r.Number), float64(r.Track), r.Truncated, float64(r.Occluded), r.Alpha, r.Left, r.Top, r.Right, r.Bottom, r.Height, r.Width, r.Length, r.X, r.Y, r.Z, r.RotationY, r.Score}
	want := []float64{12, 34, 0, 0, 1.85, 387.63, 181.54, 423.81, 203.12, 1.67, 1.87, 3.69, -16.53, 2.39, 58.49, 1.57, 0.75}
	if !slices.Equal(got, want) || r.Type != "Car" || r.Frame != "000012" || !r.Scored {
		t.Errorf("%+v", r)
	}
	if p := r.At(FieldAlpha); p.Column != len("12 34 Car 0.00 0 ")+1 || p.Frame != "000012" {
		t.Errorf("alpha is at %+v", p)
	}
}

func TestMendLabels(t *testing.T) {
	for _, c := range []struct{ mend, in, out string }{
		{"separators", "Car\t0  1 \n\n", "Car 0 1\n\n"},
		{"separators", "Car 0 1\r\n", "Car 0 1\r\n"},
		{"integers", strings.Replace(car, " 0 ", " 0.0 ", 1) + "\n", car + "\n"},
		{"integers", strings.Replace(car, " 0 ", "  1.00\t", 1), strings.Replace(car, " 0 ", "  1\t", 1)},
		{"integers", strings.Replace(car, " 0 ", " 0.5 ", 1), strings.Replace(car, " 0 ", " 0.5 ", 1)},
		{"integers", strings.Replace(car, " 0 ", " . ", 1), strings.Replace(car, " 0 ", " . ", 1)},
		{"integers", "3.0 1.0 " + strings.Replace(car, " 0 ", " 2.0 ", 1), "3 1 " + strings.Replace(car, " 0 ", " 2 ", 1)},
		{"integers", "3.0 1.0", "3.0 1.0"},
	} {
		mend := MendSeparators
		if c.mend == "integers" {
			mend = MendIntegers
		}
		if got := string(mend([]byte(c.in))); got != c.out {
			t.Errorf("%s of %q: %q, want %q", c.mend, c.in, got, c.out)
		}
	}
}

// TestRealLabels measures the residual that the key of the sample data states.
func TestRealLabels(t *testing.T) {
	ds := open(t, filepath.Join(shareddata.Dir(t), "kuixu+kitti_object_vis/data/object"), dataset.KITTIObject)
	var e ruletest.Emitter
	if _, err := ReadObject(t.Context(), ds, 2, &e); err != nil {
		t.Fatal(err)
	}
	if len(e.Faults) > 0 {
		t.Errorf("faults: %+v", e.Faults)
	}
	worst, objects := 0.0, 0
	for _, r := range ruletest.Items[*LabelRow](&e) {
		if r.DontCare() {
			continue
		}
		objects++
		worst = max(worst, math.Abs(math.Remainder(r.Alpha-r.RotationY+math.Atan2(r.X, r.Z), 2*math.Pi)))
		if size := [2]int{r.Image.Width, r.Image.Height}; size != [2]int{1224, 370} && size != [2]int{1242, 375} && r.Frame != "000002" {
			t.Errorf("%s: image of %v", r.Frame, size)
		}
	}
	if objects != 6 || worst >= 0.0115 || worst < 0.001 {
		t.Errorf("%d objects, alpha residual %.4f; want 6, 0.001 to 0.011 (rounded)", objects, worst)
	}
}

func FuzzParseLabels(f *testing.F) {
	for _, s := range []string{"", car, car + " 0.5\n", "0 1 " + car + "\n", strings.Replace(car, " 0 ", " 0.0 ", 1), "Car  0\t\n\n", "0 0 0 0 0 0 0 0 0 0 0 0 0 0 \r ", "0 0 \r 0 0 0 0 0 0 0 0 0 0 0 0 0", "\xef\xbb\xbf" + car + "\r\n", "DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10\n"} {
		f.Add([]byte(s), false)
		f.Add([]byte(s), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, tracking bool) {
		var e ruletest.Emitter
		file := parseLabels(b, LabelRow{Path: "x", tracking: tracking}, &e)
		n := 0
		for range lines(b) {
			n++
		}
		if len(file.Rows)+len(e.Skips) != n {
			t.Errorf("%d lines: %d rows, %d skipped", n, len(file.Rows), len(e.Skips))
		}
		if len(e.Skips) > 0 && len(e.Faults) == 0 {
			t.Error("a row vanished without a fault")
		}
		// Mending changes no value, and leaves nothing to mend.
		for _, mend := range []func([]byte) []byte{MendSeparators, MendIntegers} {
			once := mend(b)
			if twice := mend(once); string(twice) != string(once) {
				t.Errorf("%q mends to %q, and that to %q", b, once, twice)
			}
			var again ruletest.Emitter
			if got := parseLabels(once, LabelRow{tracking: tracking}, &again); len(got.Rows) != len(file.Rows) {
				t.Errorf("%q has %d rows, mended %q %d", b, len(file.Rows), once, len(got.Rows))
			}
		}
	})
}
