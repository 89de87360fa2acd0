package nuscenes

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/payload"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

// generate makes a data set and reads it.
func generate(t *testing.T, write func(string) error, s dataset.Schema, name, tables string) (moment.Source, *ruletest.Emitter) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	e := &ruletest.Emitter{}
	src, err := Read(t.Context(), open(t, dir, s, tables), 2, e)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Said(); got != "" {
		t.Errorf("faults:\n%s", got)
	}
	return src, e
}

func TestReadNuScenes(t *testing.T) {
	src, e := generate(t, datagen.NuScenes{Seed: 1, Lidarseg: true}.Write, dataset.NuScenes, "data", "v1.0-mini")
	files, streams, labels := 0, map[string]*moment.Stream{}, 0
	for _, item := range e.Items {
		switch item := item.(type) {
		case *moment.Stream:
			streams[item.Group+" "+item.Channel] = item
			if !slices.IsSorted(item.Times) || !item.Epoch {
				t.Errorf("%s %s: %v", item.Group, item.Channel, item.Times)
			}
			if p := item.At(1); p.Table != "sample_data" || p.Token == "" || p.ByteOffset == 0 || p.Channel != item.Channel {
				t.Errorf("%s %s: %+v", item.Group, item.Channel, p)
			}
		case *payload.ImageFile, *payload.CloudFile:
			files++
		case *payload.LabelFile:
			labels++
			if item.Kind == payload.Labels && item.Count != item.CloudPoints {
				t.Errorf("%s: %d labels for %d points of %s", item.Path, item.Count, item.CloudPoints, item.Cloud)
			}
		}
	}
	if len(streams) != 6 || streams["scene-0061 RADAR_FRONT"].Hz != 13 {
		t.Errorf("streams %v", streams)
	}
	if files < 100 || labels == 0 {
		t.Errorf("%d files, %d labels", files, labels)
	}
	n := 0
	for range 2 { // it may be ranged over again
		last := ""
		if err := src.Moments(func(m *moment.Moment) bool {
			n++
			if m.Group < last || m.Reference != "LIDAR_TOP" || m.Key != "nuscenes/"+m.Sample || len(m.Sample) != 32 {
				t.Errorf("moment %+v", m)
			}
			last = m.Group
			ref, ok := m.Ref()
			if !ok || !ref.Timed || ref.Place.Token == "" {
				t.Errorf("reference %+v", ref)
			}
			for _, o := range m.Channels {
				ns, ok := m.Offset(o)
				if !ok || ns%1000 != 0 || o.Tolerance != 0 || o.Resolution != 1000 || ns < -60e6 || ns > 60e6 {
					t.Errorf("%s: %d", o.Channel, ns)
				}
				if !src.Dataset().Tree.HasFile(o.File) || !strings.HasPrefix(o.File, "samples/"+o.Channel+"/") {
					t.Errorf("%s: file %s", o.Channel, o.File)
				}
			}
			if want := map[string]int{"scene-0061": 4, "scene-0655": 2}[m.Group]; len(m.Channels) != want {
				t.Errorf("%s: %d channels", m.Group, len(m.Channels))
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
	}
	if n != 20 {
		t.Errorf("%d moments", n)
	}
	n = 0
	if err := src.Moments(func(*moment.Moment) bool { n++; return false }); err != nil || n != 1 {
		t.Errorf("stopped after %d, %v", n, err)
	}
}

func TestReadLyft(t *testing.T) {
	src, _ := generate(t, datagen.Lyft{Seed: 1}.Write, dataset.Lyft, "data", "v1.01-train")
	if err := src.Moments(func(m *moment.Moment) bool {
		ref, _ := m.Ref()
		if m.Key != "lyft/"+m.Sample || len(m.Sample) != 64 || ref.Tolerance != 250 || ref.Time%50 != 0 {
			t.Errorf("moment %+v", m)
		}
		return true
	}); err != nil {
		t.Fatal(err)
	}
}

func TestReadT4(t *testing.T) {
	for name, want := range map[string]string{"db_demo": "t4/db_demo/", "db_other/3": "t4/db_other/"} {
		dir := filepath.Join(t.TempDir(), filepath.FromSlash(name))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := (datagen.T4{Seed: 1}).Write(dir); err != nil {
			t.Fatal(err)
		}
		src, err := Read(t.Context(), open(t, dir, dataset.T4, "annotation"), 2, &ruletest.Emitter{})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := src.Moments(func(m *moment.Moment) bool {
			n++
			if m.Key != want+m.Sample || m.Reference != "LIDAR_TOP" {
				t.Errorf("moment %+v", m)
			}
			return true
		}); err != nil || n != 5 {
			t.Errorf("%s: %d moments, %v", name, n, err)
		}
	}
}

// TestReadBroken: without a table that everything hangs on, there are no
// moments, and what is missing is said.
func TestReadBroken(t *testing.T) {
	dir := t.TempDir()
	if err := (datagen.NuScenes{Seed: 1}).Write(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "v1.0-mini/sample_data.json"), []byte(`[{"token": "x"`), 0o644); err != nil {
		t.Fatal(err)
	}
	e := &ruletest.Emitter{}
	src, err := Read(t.Context(), open(t, dir, dataset.NuScenes, "v1.0-mini"), 2, e)
	if err != nil || src != nil {
		t.Errorf("%v, %v", src, err)
	}
	if e.Broken["sample_data"] != "json-syntax" || len(e.Skips) == 0 {
		t.Errorf("broken %v, skipped %v", e.Broken, e.Skips)
	}
	if want := "json-syntax: the file ends inside row 1; 0 rows were read"; e.Said() != want {
		t.Errorf("said %s", e.Said())
	}
}

// TestReadRefused: a channel with a link that cannot be read is no stream; the
// others are.
func TestReadRefused(t *testing.T) {
	dir := t.TempDir()
	if err := (datagen.NuScenes{Seed: 1}).Write(dir); err != nil {
		t.Fatal(err)
	}
	d := &datagen.Dir{Root: dir}
	if err := d.EditRow("sample_data", func(r *datagen.Record) bool { return strings.HasPrefix(r.Str("filename"), "sweeps/CAM_BACK/") }, func(r *datagen.Record) {
		r.SetLiteral("next", "17")
	}); err != nil {
		t.Fatal(err)
	}
	e := &ruletest.Emitter{}
	src, err := Read(t.Context(), open(t, dir, dataset.NuScenes, "v1.0-mini"), 2, e)
	if err != nil || src == nil {
		t.Fatal(src, err)
	}
	var streams []string
	for _, item := range e.Items {
		if s, ok := item.(*moment.Stream); ok {
			streams = append(streams, s.Group+" "+s.Channel)
		}
	}
	if want := []string{"scene-0061 CAM_FRONT", "scene-0061 LIDAR_TOP", "scene-0061 RADAR_FRONT", "scene-0655 CAM_FRONT", "scene-0655 LIDAR_TOP"}; !slices.Equal(streams, want) {
		t.Errorf("streams %q", streams)
	}
	if !slices.Equal(e.Skips, []string{"field-type on v1.0-mini/sample_data.json"}) {
		t.Errorf("skipped %q", e.Skips)
	}
}
