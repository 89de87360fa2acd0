package annotate_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate"
	"github.com/mmaudit/mmaudit/validate/annotate"
	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// TestRealOffsets annotates object frames through the devkit's mapping and the
// real stamps of 2011_09_26_drive_0001, and wants the offsets of the sample
// data's key.
func TestRealOffsets(t *testing.T) {
	shared := shareddata.Dir(t)
	root := t.TempDir()
	o := validate.Options{Params: rule.DefaultParams()}
	o.Params.Mapping = filepath.Join(shared, "xiaoliangabc+devkit_object", "mapping")

	// The 51 training frames that were taken from the drive.
	var ids []string
	probe := sources(t, o, objectWith(t, root, "000000"))[0].(*kitti.ObjectSource)
	for i := range 7481 {
		id := fmt.Sprintf("%06d", i)
		if r, ok := probe.Raw("training", id); ok && r.Drive() == "2011_09_26_drive_0001" {
			ids = append(ids, id)
		}
	}
	if len(ids) != 51 {
		t.Fatalf("%d frames of the drive, want 51", len(ids))
	}
	if err := os.RemoveAll(filepath.Join(root, "training")); err != nil {
		t.Fatal(err)
	}
	objectWith(t, root, ids...)

	raw := sources(t, o, filepath.Join(shared, "JarnoRalli+python_camera_library", "test_data", "kitti"))[0].(*kitti.RawSource)
	p, err := annotate.New(t.Context(), sources(t, o, root), annotate.Options{Raw: raw})
	if err != nil {
		t.Fatal(err)
	}
	if p.Moments != 51 || p.Records != 153 {
		t.Errorf("%d records of %d moments, want 153 of 51", p.Records, p.Moments)
	}
	if err := p.Write(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(root, ".mm", "kitti_v2.1", "training.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{
		"training/002364 image_02": -6135296, "training/002364 image_03": -6619392, "training/002364 velodyne": -16638787,
		"training/002335 image_02": -6102528, "training/002335 image_03": -6738432, "training/002335 velodyne": -16674600,
	}
	for line := range strings.Lines(string(b)) {
		var r struct {
			Sample  string      `json:"sample"`
			Channel string      `json:"channel"`
			ID      string      `json:"sensor_sync_id"`
			Offset  json.Number `json:"temporal_offset_ns"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		key := r.Sample + " " + r.Channel
		if ns, ok := want[key]; ok {
			if r.Offset.String() != fmt.Sprint(ns) {
				t.Errorf("%s: offset %s, want %d", key, r.Offset, ns)
			}
			delete(want, key)
		}
		if r.Sample == "training/002364" && r.ID != "befdbd7e-78bc-5f67-85e2-27733c527cfd" {
			t.Errorf("%s: id %s is not that of raw frame 1", key, r.ID)
		}
	}
	for key := range want {
		t.Errorf("no record of %s", key)
	}

	// What annotate wrote is what the rules want. They notice, as is true, that
	// image_00 of this drive fires up to 2.7 ms late in six of the 51 frames.
	o.Selected = func(r *rule.Rule) bool { return r.Group() == "UMM" && !r.Statistic }
	rep, err := validate.Run(t.Context(), []string{root}, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range rep.Findings {
		if f.Rule != "UMM030" || !strings.Contains(f.Message, "the reference image_00 itself is off") {
			t.Errorf("%s %s:%d: %s", f.Rule, f.Path, f.Line, f.Message)
		}
	}
	if n := rep.Counts["UMM030"]; n != 6 {
		t.Errorf("%d frames in which the reference is off, want 6", n)
	}
}

// TestRealRaw plans for the raw drive itself, whose only frame with files is
// the first; the folder cannot be written to.
func TestRealRaw(t *testing.T) {
	root := filepath.Join(shareddata.Dir(t), "JarnoRalli+python_camera_library", "test_data", "kitti")
	p, err := annotate.New(t.Context(), sources(t, validate.Options{}, root), annotate.Options{LearnWindows: true})
	if err != nil {
		t.Fatal(err)
	}
	if p.Moments != 1 || p.Records != 6 || p.Pending() != 2 {
		t.Errorf("%d records of %d moments in %d files", p.Records, p.Moments, p.Pending())
	}
	for ch, w := range p.Windows {
		if w[0] >= w[1] {
			t.Errorf("%s: window %v", ch, w)
		}
	}
	if len(p.Windows) != 5 {
		t.Errorf("windows %v", p.Windows)
	}
}

// objectWith makes training frames with the files that annotate names.
func objectWith(t *testing.T, root string, ids ...string) string {
	t.Helper()
	for _, id := range ids {
		for _, name := range []string{"image_2/%s.png", "image_3/%s.png", "velodyne/%s.bin"} {
			file := filepath.Join(root, "training", fmt.Sprintf(name, id))
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte("payload"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}
