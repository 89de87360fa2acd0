package kitti

import (
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate/dataset"
)

func num(n int) string { return strconv.Itoa(n) }

func TestParseCalib(t *testing.T) {
	text := "\xef\xbb\xbfP0: 1 2 3\r\nR_rect 1 0 0 0 1 0 0 0 1\n\nP2 : 1\n  P3:\t4e0  x 5\ncalib_time: 09-Jan-2012 13:57:47\nodd\n\n"
	c := ParseCalib("x", CalibTracking, "0000", []byte(text))
	want := []CalibEntry{
		{Key: "P0", Line: 1, Text: "1 2 3", Values: []float64{1, 2, 3}},
		{Key: "R_rect", Line: 2, Text: "1 0 0 0 1 0 0 0 1", Values: []float64{1, 0, 0, 0, 1, 0, 0, 0, 1}},
		{Key: "P2", Line: 4, Text: "1", Values: []float64{1}},
		{Key: "P3", Line: 5, Text: "4e0  x 5", Values: []float64{4}, Bad: "x", Column: 12},
		{Key: "calib_time", Line: 6, Text: "09-Jan-2012 13:57:47", Bad: "09-Jan-2012", Column: 13},
		{Key: "odd", Line: 7},
	}
	if !reflect.DeepEqual(c.Entries, want) {
		t.Errorf("got  %+v\nwant %+v", c.Entries, want)
	}
	if c.Matrix("R_rect") == nil || c.Matrix("R0_rect") == nil {
		t.Error("R_rect is not found under its name and its alias")
	}
	for _, key := range []string{"P0", "P1", "P2", "P3", "odd", "calib_time"} {
		if m := c.Matrix(key); m != nil {
			t.Errorf("%s is a matrix: %v", key, m)
		}
	}
}

func TestTransform(t *testing.T) {
	c := ParseCalib("x", CalibVeloToCam, "", []byte("R: 1 2 3 4 5 6 7 8 9\nT: 10 11 12\n"))
	if got := c.Transform(); !slices.Equal(got, []float64{1, 2, 3, 10, 4, 5, 6, 11, 7, 8, 9, 12}) {
		t.Errorf("%v", got)
	}
	if got := RotationPart(c.Transform()); got != [9]float64{1, 2, 3, 4, 5, 6, 7, 8, 9} {
		t.Errorf("%v", got)
	}
	if c.Projection(2) != nil {
		t.Error("the file has no camera")
	}
}

func TestMendCalibOrder(t *testing.T) {
	line := func(key string) string { return key + ": " + strings.Repeat("0 ", 11) + "1\n" }
	sorted := line("P0") + line("P1") + line("R0_rect") + line("Tr_velo_to_cam") + "\n"
	for _, c := range []struct{ in, out string }{
		{sorted, sorted},
		{line("R0_rect") + line("P1") + line("P0") + line("Tr_velo_to_cam") + "\n", sorted},
		{line("x") + line("P1") + line("P0"), line("P0") + line("P1") + line("x")},
		{line("P1") + strings.TrimSuffix(line("P0"), "\n"), line("P0") + line("P1")},
		{line("P1") + line("P0") + line("P1"), line("P1") + line("P0") + line("P1")},
		{"", ""},
	} {
		if got := string(MendCalibOrder("x", []byte(c.in))); got != c.out {
			t.Errorf("%q: got %q, want %q", c.in, got, c.out)
		}
	}
}

// TestRealCalib compares object and raw calibration as the key of the sample
// data does: 000001 and 000002 are of 2011_09_26, 000000 is not.
func TestRealCalib(t *testing.T) {
	dir := shareddata.Dir(t)
	object, err := OpenObject(open(t, filepath.Join(dir, "kuixu+kitti_object_vis/data/object"), dataset.KITTIObject), "")
	if err != nil {
		t.Fatal(err)
	}
	raw := OpenRaw(open(t, filepath.Join(dir, "JarnoRalli+python_camera_library/test_data/kitti"), dataset.KITTIRaw))
	cam, velo, imu := raw.Calib("2011_09_26", CalibCamToCam), raw.Calib("2011_09_26", CalibVeloToCam), raw.Calib("2011_09_26", CalibIMUToVelo)
	for i, same := range []bool{false, true, true} {
		c, err := object.ReadCalib("training", fmt.Sprintf("%06d", i))
		if err != nil {
			t.Fatal(err)
		}
		equal := slices.Equal(c.Matrix("R0_rect"), cam.Matrix("R_rect_00")) &&
			slices.Equal(c.Matrix("Tr_velo_to_cam"), velo.Transform()) && slices.Equal(c.Matrix("Tr_imu_to_velo"), imu.Transform())
		for k := range 4 {
			equal = equal && slices.Equal(c.Projection(k), cam.Projection(k))
		}
		if equal != same {
			t.Errorf("%06d: equal to 2011_09_26 is %t, want %t", i, equal, same)
		}
	}
}

func FuzzParseCalib(f *testing.F) {
	for _, s := range []string{"", "P0: 1 2 3\n\n", "R_rect 1 0 0\n", ":\n", "P1:P0: 1", "a b: c\nP0: 1\nP0: 2\n", "calib_time: 09-Jan-2012 13:57:47\n", "R0_rect: 1\nP0: 2"} {
		for k := range 6 {
			f.Add([]byte(s), byte(k+1))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, kind byte) {
		c := ParseCalib("x", CalibKind(kind), "", b)
		for _, k := range c.Kind.Keys() {
			if m := c.Matrix(k.Name); m != nil && len(m) != k.Values {
				t.Errorf("%s has %d values, not %d", k.Name, len(m), k.Values)
			}
		}
		c.Transform()
		for i := range 4 {
			c.Projection(i)
		}
		mended := MendCalibOrder("x", b)
		if again := MendCalibOrder("x", mended); string(again) != string(mended) {
			t.Errorf("%q mends to %q, and that to %q", b, mended, again)
		}
	})
}
