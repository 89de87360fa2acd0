package rules

import (
	"math"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/validate/nuscenes"
)

func TestSameDay(t *testing.T) {
	date := time.Date(2018, 7, 24, 0, 0, 0, 0, time.UTC)
	singapore := time.FixedZone("", 8*3600)
	for _, c := range []struct {
		at   string
		zone *time.Location
		want bool
	}{
		{"2018-07-24T00:00:00+08:00", singapore, true},
		{"2018-07-23T23:59:59+08:00", singapore, false},
		{"2018-07-24T23:59:59+08:00", singapore, true},
		{"2018-07-25T05:59:59+08:00", singapore, true}, // the night after
		{"2018-07-25T06:00:00+08:00", singapore, false},
		{"2018-07-23T10:00:00Z", nil, true}, // the 24th in UTC+14
		{"2018-07-23T09:59:59Z", nil, false},
		{"2018-07-25T11:59:59Z", nil, true}, // the 24th in UTC-12
		{"2018-07-25T18:00:00Z", nil, false},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if sameDay(at, date, c.zone) != c.want {
			t.Errorf("%s: %v", c.at, !c.want)
		}
	}
}

func TestStampTexts(t *testing.T) {
	for ns, want := range map[int64]string{
		7_000: "7 µs after", -1_500_000: "1.5 ms before", 83_200: "83.2 µs after", 12_000_000_000: "12.000 s after",
	} {
		if got := apart(ns, 0); got != want {
			t.Errorf("apart(%d) is %q, want %q", ns, got, want)
		}
	}
	for ns, want := range map[int64]string{ // hostile stamps overflow in no difference
		1: "9223372036.855 s before", -1: "9223372036.855 s before", 1 << 62: "9223372036.855 s before",
	} {
		if got := apart(math.MinInt64, ns); got != want {
			t.Errorf("apart(least, %d) is %q, want %q", ns, got, want)
		}
	}
	for ns, want := range map[int64]string{
		math.MaxInt64: "beyond 64-bit nanoseconds", math.MinInt64: "beyond 64-bit nanoseconds", -1_025: "-1.025", -2_000: "-2",
		1532402927647951_000: "1532402927647951", 1556675185903083_200: "1556675185903083.2", 1_025: "1.025",
	} {
		if got := micros(ns); got != want {
			t.Errorf("micros(%d) is %q, want %q", ns, got, want)
		}
	}
}

func TestOfficial(t *testing.T) {
	for _, c := range []struct {
		version, scene string
		want           bool
	}{
		{"v1.0-mini", "scene-0061", true},
		{"v1.0-mini", "scene-0062", false},
		{"v1.0-trainval", "scene-0062", true},
		{"v1.0-trainval", "scene-1110", true},
		{"v1.0-trainval", "scene-1111", false},
		{"v1.0-trainval", "scene-0000", false},
		{"v1.0-trainval", "scene-62", false},
		{"v1.0-test", "my-scene-0062", false},
	} {
		if official(c.version, c.scene) != c.want {
			t.Errorf("%s %s: %v", c.version, c.scene, !c.want)
		}
	}
}

func TestOverlapping(t *testing.T) {
	splits := map[string][]string{"train": {"a", "b"}, "val": {"b", "c"}, "mini": {"a"}, "all": {"a", "b", "c"}}
	for _, c := range []struct {
		of   []string
		want string
	}{
		{[]string{"all", "train", "val"}, "train and val"},
		{[]string{"all", "mini", "train"}, ""},
		{nil, ""},
	} {
		if got := overlapping(splits, c.of); got != c.want {
			t.Errorf("%v: %q, want %q", c.of, got, c.want)
		}
	}
}

func TestCANPoseAt(t *testing.T) {
	q := func(yaw float64) [4]float64 {
		half := yaw / 2
		return [4]float64{math.Cos(half), 0, 0, math.Sin(half)}
	}
	poses := []nuscenes.CANPose{
		{Time: 0, Position: [3]float64{0, 0, 0}, Rotation: q(3.1)},
		{Time: 100e6, Position: [3]float64{2, 4, 0}, Rotation: q(-3.1)}, // over the seam at ±π
		{Time: 300e6, Position: [3]float64{6, 4, 0}, Rotation: q(-3.1)},
	}
	for _, c := range []struct {
		ns   int64
		x, y float64
		ok   bool
	}{
		{-1, 0, 0, false},
		{0, 0, 0, true},
		{50e6, 1, 2, true},
		{100e6, 2, 4, true},
		{200e6, 0, 0, false}, // 0.2 s between the rows
		{300e6, 6, 4, true},
		{301e6, 0, 0, false},
	} {
		at, yaw, ok := canPoseAt(poses, c.ns)
		if ok != c.ok || ok && (math.Abs(at[0]-c.x) > 1e-9 || math.Abs(at[1]-c.y) > 1e-9) {
			t.Errorf("%d: %v, %v", c.ns, at, ok)
		}
		if c.ns == 50e6 && math.Abs(math.Sin(yaw)) > 1e-9 {
			t.Errorf("yaw %v between 3.1 and -3.1", yaw)
		}
	}
}
