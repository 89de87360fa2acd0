package nuscenes

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

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
	var e ruletest.Emitter
	tables, err := load(t.Context(), open(t, dir, dataset.Lyft, "v1.01-train"), 2, &e)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Said(); got != "" {
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
			t.Errorf("calibrated sensor of %s", tables.Name(r.Filename))
		}
	}
}

// TestStoppable ends in the midst of a table that holds no record at which the
// reader could ask.
func TestStoppable(t *testing.T) {
	dir := t.TempDir()
	blank := append([]byte("["), bytes.Repeat([]byte{' '}, 1<<20)...)
	if err := os.MkdirAll(filepath.Join(dir, "v"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "v/sample.json"), append(blank, ']'), 0o644); err != nil {
		t.Fatal(err)
	}
	ds := open(t, dir, dataset.NuScenes, "v")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var e ruletest.Emitter
	l := newLoader(ctx, ds, 1, &e).table("sample")
	f := l.open(mandatory)
	defer f.Close()
	if err := readTable(l, &Table[Sample]{}, sampleColumns, f); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if got := e.Said(); got != "" {
		t.Errorf("faults:\n%s", got)
	}
}
