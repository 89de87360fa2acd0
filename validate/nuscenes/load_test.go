package nuscenes

import (
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A recorder is an emitter that remembers.
type recorder struct {
	mu      sync.Mutex
	faults  []rule.Fault
	items   []any
	broken  map[string]string
	skipped []string
}

func (r *recorder) Emit(item any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f, ok := item.(rule.Fault); ok {
		r.faults = append(r.faults, f)
		return
	}
	r.items = append(r.items, item)
}

func (r *recorder) Skip(_ any, slug, _ string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skipped = append(r.skipped, slug)
}

func (r *recorder) Break(input, slug, path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken == nil {
		r.broken = map[string]string{}
	}
	r.broken[input] = slug
}
func (r *recorder) Wants(any) bool       { return true }
func (r *recorder) Selected(string) bool { return true }
func (r *recorder) Params() *rule.Params { return rule.DefaultParams() }
func (r *recorder) Expect(int)           {}
func (r *recorder) Advance(int)          {}

// said gives the faults as "slug: message" lines, sorted.
func (r *recorder) said() string {
	var out []string
	for _, f := range r.faults {
		out = append(out, f.Slug+": "+f.Message)
	}
	sort.Strings(out)
	return strings.Join(out, "\n")
}

// open makes a data set of a folder.
func open(t testing.TB, dir string, s dataset.Schema, tables string) *dataset.Dataset {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	ds, err := dataset.New(t.Context(), dir, s, root)
	if err != nil {
		t.Fatal(err)
	}
	ds.Tables = tables
	t.Cleanup(func() { ds.Close() })
	return ds
}

func TestRealLyft(t *testing.T) {
	dir := filepath.Join(shareddata.Dir(t), "open-mmlab+mmdetection3d/tests/data/lyft/v1.01-train")
	var e recorder
	tables, err := load(t.Context(), open(t, dir, dataset.Lyft, "v1.01-train"), 2, &e)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.said(); got != "" {
		t.Errorf("faults:\n%s", got)
	}
	s := tables.Sample.Rows[0]
	if s.Timestamp != 1556675185903083200 {
		t.Errorf("timestamp %d", s.Timestamp)
	}
	if got := tables.Text(s.Token); got != "199e3146d98e6a2047bafbc222b92f5b67c4640a69b0d1d35b710242de816679" {
		t.Errorf("token %s", got)
	}
	if n := len(tables.SampleData.Rows); n != 10 {
		t.Errorf("%d rows of sample_data", n)
	}
	for _, r := range tables.SampleData.Rows {
		if i, ok := tables.CalibratedSensor.Find(r.Calibrated); !ok || !tables.CalibratedSensor.Sound(i) {
			t.Errorf("calibrated sensor of %s", r.Filename)
		}
	}
}
