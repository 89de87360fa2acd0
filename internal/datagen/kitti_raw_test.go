package datagen

import (
	"bytes"
	"fmt"
	"maps"
	"testing"
)

// TestKITTIRawDeterministic: a seed makes the same bytes every time, and
// another seed others.
func TestKITTIRawDeterministic(t *testing.T) {
	makers := map[string]func(seed uint64) func(sink) error{
		"raw":           func(seed uint64) func(sink) error { return KITTIRaw{Seed: seed, Frames: 3}.write },
		"odometry":      func(seed uint64) func(sink) error { return KITTIOdometry{Seed: seed, Frames: 3}.write },
		"semantickitti": func(seed uint64) func(sink) error { return KITTIOdometry{Seed: seed, Frames: 3, Labels: true}.write },
	}
	for name, of := range makers {
		a, b, c := written(t, of(1)), written(t, of(1)), written(t, of(2))
		if !maps.EqualFunc(a, b, bytes.Equal) {
			t.Errorf("%s: the same seed makes other files", name)
		}
		if maps.EqualFunc(a, c, bytes.Equal) {
			t.Errorf("%s: another seed makes the same files", name)
		}
	}
}

// TestKITTIRawCloud: raw and object of one seed hold the same scan of the
// same frame.
func TestKITTIRawCloud(t *testing.T) {
	raw, object := written(t, KITTIRaw{Seed: 7, Frames: 6}.write), written(t, KITTIObject{Seed: 7}.write)
	for i, s := range kittiSources(7, 6) {
		scan := fmt.Sprintf("%s/%s_sync/velodyne_points/data/%010d.bin", kittiDate, kittiDrive(kittiDrives[s.Drive]), s.Frame)
		if got := object[fmt.Sprintf("training/velodyne/%06d.bin", i)]; len(got) == 0 || !bytes.Equal(got, raw[scan]) {
			t.Errorf("object %06d is not %s", i, scan)
		}
	}
}

func written(t *testing.T, write func(sink) error) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	if err := write(func(name string, content []byte) error { all[name] = bytes.Clone(content); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}
