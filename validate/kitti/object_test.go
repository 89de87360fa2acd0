package kitti

import (
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
)

// moments gathers a source's moments, and checks the order that moment.Source
// promises.
func moments(t *testing.T, s moment.Source) []*moment.Moment {
	t.Helper()
	var out []*moment.Moment
	if err := s.Moments(func(m *moment.Moment) bool { out = append(out, m); return true }); err != nil {
		t.Fatal(err)
	}
	sorted := slices.IsSortedFunc(out, func(a, b *moment.Moment) int {
		return strings.Compare(a.Group+"\x00"+a.Sample, b.Group+"\x00"+b.Sample)
	})
	if !sorted {
		t.Error("moments are not ordered by group and sample")
	}
	n := 0
	if err := s.Moments(func(*moment.Moment) bool { n++; return n < 2 }); err != nil || n != 2 {
		t.Errorf("stopped after %d moments with %v, want 2", n, err)
	}
	return out
}

// TestObjectMoments relates generated object frames to the generated raw
// drives: a training frame has the key of a raw frame that exists, and names
// the same calibration.
func TestObjectMoments(t *testing.T) {
	const seed, frames = 7, 5
	objects, drives := t.TempDir(), t.TempDir()
	if err := (datagen.KITTIObject{Seed: seed, Frames: frames, Testing: 2}).Write(objects); err != nil {
		t.Fatal(err)
	}
	if err := (datagen.KITTIRaw{Seed: seed, Frames: frames}).Write(drives); err != nil {
		t.Fatal(err)
	}
	src, err := OpenObject(open(t, objects, dataset.KITTIObject), "")
	if err != nil {
		t.Fatal(err)
	}
	raw := map[string]bool{}
	for _, m := range moments(t, OpenRaw(open(t, drives, dataset.KITTIRaw))) {
		raw[m.Key] = true
	}
	seen := map[string]bool{}
	all := moments(t, src)
	for _, m := range all {
		var channels []string
		for _, o := range m.Channels {
			channels = append(channels, o.Channel)
			if o.Timed || !src.ds.Tree.HasFile(o.File) {
				t.Errorf("%s: %+v", m.Sample, o)
			}
		}
		if !slices.Equal(channels, []string{"image_02", "image_03", "velodyne"}) {
			t.Errorf("%s has %q", m.Sample, channels)
		}
		if m.Group == "testing" && m.Key != "kitti-object/"+m.Sample {
			t.Errorf("%s has the key %s", m.Sample, m.Key)
		}
		if m.Group == "training" && (!raw[m.Key] || seen[m.Key]) {
			t.Errorf("%s has the key %s, of no raw frame of its own", m.Sample, m.Key)
		}
		seen[m.Key] = true
	}
	if len(all) != frames+2 {
		t.Errorf("%d moments, want %d", len(all), frames+2)
	}
	src.Mapping = nil
	if m := moments(t, src)[2]; m.Key != "" || m.Sample != "training/000000" {
		t.Errorf("without a mapping: %s has the key %s", m.Sample, m.Key)
	}
}

func TestTrackingMoments(t *testing.T) {
	root := t.TempDir()
	if err := (datagen.KITTITracking{Seed: 7, Frames: 2}).Write(root); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range moments(t, OpenTracking(open(t, root, dataset.KITTITracking))) {
		got = append(got, m.Group+" "+m.Key)
		if len(m.Channels) != 3 {
			t.Errorf("%s: %+v", m.Sample, m.Channels)
		}
	}
	want := []string{
		"testing/0000 kitti-tracking/testing/0000/000000", "testing/0000 kitti-tracking/testing/0000/000001",
		"training/0000 kitti-tracking/training/0000/000000", "training/0000 kitti-tracking/training/0000/000001",
		"training/0001 kitti-tracking/training/0001/000000", "training/0001 kitti-tracking/training/0001/000001",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestListFrames(t *testing.T) {
	tree := &dataset.Tree{Dirs: map[string][]dataset.Entry{"d": {
		{Name: ".DS_Store"},
		{Name: "000002.png"},
		{Name: "000010.JPG"},
		{Name: "000030_10.png"},
		{Name: "12.png"},
		{Name: "1234567.png"},
		{Name: "99999999999999999999.png"},
		{Name: "notes.md"},
		{Name: "x.png"},
	}}}
	f := listFrames(tree, "d", 6, frameSpec{name: "image_2", ext: imageExt})
	var odd []string
	for _, file := range f.Files {
		if file.Odd {
			odd = append(odd, file.ID)
		}
	}
	slices.Sort(odd)
	if want := []string{"000030_10", "12", "1234567", "99999999999999999999", "x"}; !slices.Equal(odd, want) {
		t.Errorf("odd names %q, want %q", odd, want)
	}
	if want := []int{2, 10, 12, 30, 1234567}; !slices.Equal(f.Numbers(), want) {
		t.Errorf("numbers %v, want %v", f.Numbers(), want)
	}
	for id, want := range map[string]string{"000010": "d/000010.JPG", "000030_10": "d/000030_10.png", "000030": "", "x": "d/x.png", "": ""} {
		if got, _ := f.File(id); got != want {
			t.Errorf("file of %q is %q, want %q", id, got, want)
		}
	}
	if f.Missing || !func() bool { m := listFrames(tree, "e", 6, frameSpec{}); return m.Missing }() {
		t.Error("d is there, e is missing")
	}
}
