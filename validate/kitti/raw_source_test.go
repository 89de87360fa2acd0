package kitti

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
)

// open makes a data set of a folder without detection.
func open(t testing.TB, dir string, schema dataset.Schema) *dataset.Dataset {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	ds, err := dataset.New(t.Context(), dir, schema, root)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

// TestRawSourceReal recomputes the offsets that the key of the sample data
// gives for two frames of 2011_09_26_drive_0001.
func TestRawSourceReal(t *testing.T) {
	dir := filepath.Join(shareddata.Dir(t), "JarnoRalli+python_camera_library", "test_data", "kitti")
	src := OpenRaw(open(t, dir, dataset.KITTIRaw))
	if len(src.Drives) != 1 || len(src.Dates) != 1 || len(src.Dates[0].Dirs) != 2 {
		t.Fatalf("drives %v, dates %v", src.Drives, src.Dates)
	}
	for frame, want := range map[int]map[string]int64{
		1: {"image_00": 0, "image_02": -6135296, "image_03": -6619392, "velodyne": -16638787, "oxts": 3427168},
		4: {"image_00": 0, "image_02": -6102528, "image_03": -6738432, "velodyne": -16674600, "oxts": 4227778},
	} {
		m, err := src.Frame("2011_09_26", "0001", frame)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int64{}
		for _, o := range m.Channels {
			ns, ok := m.Offset(o)
			if !ok {
				t.Errorf("frame %d: no offset of %s", frame, o.Channel)
			}
			got[o.Channel] = ns
		}
		for ch, ns := range want {
			if got[ch] != ns {
				t.Errorf("frame %d %s: offset %d, want %d", frame, ch, got[ch], ns)
			}
		}
	}
	n, files := 0, 0
	err := src.Moments(func(m *moment.Moment) bool {
		n++
		for _, o := range m.Channels {
			if o.File != "" {
				files++
			}
		}
		return true
	})
	if err != nil || n != 108 || files != 6 {
		t.Errorf("%d moments with %d files, %v; want 108 with 6", n, files, err)
	}
	if _, err := src.Frame("2011_09_26", "0001", 108); err == nil {
		t.Error("frame 108 exists")
	}
}
