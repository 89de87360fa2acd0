package metadata

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/report"
)

// scenes is a data set of so many scenes of 40 samples with 12 channels.
type scenes struct {
	ds *dataset.Dataset
	n  int
}

func (s scenes) Dataset() *dataset.Dataset { return s.ds }

func (s scenes) Moments(yield func(*moment.Moment) bool) error {
	for g := range s.n {
		for k := range 40 {
			name := fmt.Sprintf("%032x", g*40+k)
			m := &moment.Moment{Group: fmt.Sprintf("scene-%04d", g), Sample: name, Key: "nuscenes/" + name, Reference: "C0"}
			for c := range 12 {
				m.Channels = append(m.Channels, moment.Observation{
					Channel: fmt.Sprintf("C%d", c), File: fmt.Sprintf("samples/C%d/%s.jpg", c, name),
					Time: int64(k)*500_000_000 + int64(c)*1000, Timed: true, Resolution: 1000,
				})
			}
			if !yield(m) {
				return nil
			}
		}
	}
	return nil
}

func newScenes(t testing.TB, n int) scenes {
	t.Helper()
	dir := t.TempDir()
	s := scenes{&dataset.Dataset{Root: dir, Schema: dataset.NuScenes, Tables: "v1.0-mini"}, n}
	content := map[string][]byte{}
	name := Name(s.ds)
	_ = s.Moments(func(m *moment.Moment) bool {
		file := SidecarPath(name, m.Group)
		if content[file] == nil {
			content[file] = AppendHeader(nil, name, m.Group)
		}
		for _, o := range m.Channels {
			ns, _ := m.Offset(o)
			l := Line{Dataset: name, Sample: m.Sample, Channel: o.Channel, File: o.File, ID: Derive(m.Key), Offset: ns, Schema: "nuscenes_v1.0"}
			content[file] = l.Append(content[file])
		}
		return true
	})
	for file, b := range content {
		p := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	ds, err := dataset.New(t.Context(), dir, dataset.NuScenes, root)
	if err != nil {
		t.Fatal(err)
	}
	ds.Tables = "v1.0-mini"
	s.ds = ds
	return s
}

func TestCoverage(t *testing.T) {
	s := newScenes(t, 3)
	if err := os.Remove(filepath.Join(s.ds.Root, SidecarPath(Name(s.ds), "scene-0001"))); err != nil {
		t.Fatal(err)
	}
	tree, err := dataset.New(t.Context(), s.ds.Root, dataset.NuScenes, mustRoot(t, s.ds.Root))
	if err != nil {
		t.Fatal(err)
	}
	tree.Tables = "v1.0-mini"
	var d report.Dataset
	if err := Read(t.Context(), scenes{tree, 3}, quiet{}, &d); err != nil {
		t.Fatal(err)
	}
	if d.Samples != 120 || len(d.Channels) != 12 {
		t.Fatalf("%d samples, %d channels", d.Samples, len(d.Channels))
	}
	for _, c := range d.Channels {
		if c.Samples != 120 || c.Records != 80 || c.SyncID != 80 || c.Offset != 80 || c.Schema != 80 || len(c.OffsetNs) != 120 {
			t.Errorf("%+v", c)
		}
	}
}

func mustRoot(t testing.TB, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func TestRanks(t *testing.T) {
	var v []int64
	for i := range 10_000 {
		v = append(v, int64(i))
	}
	got := ranks(v, maxPlot)
	if len(got) != maxPlot || got[0] != 0 || got[maxPlot-1] != 9999 {
		t.Errorf("%d values from %d to %d", len(got), got[0], got[len(got)-1])
	}
}

func BenchmarkRead(b *testing.B) {
	s := newScenes(b, 50) // 24000 records
	var size int64
	for _, name := range s.ds.Tree.Names(".mm/"+Name(s.ds), ".jsonl") {
		info, err := s.ds.Stat(".mm/" + Name(s.ds) + "/" + name)
		if err != nil {
			b.Fatal(err)
		}
		size += info.Size()
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		var d report.Dataset
		if err := Read(b.Context(), s, quiet{}, &d); err != nil {
			b.Fatal(err)
		}
	}
}
