package nuscenes

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

// filesOf compares the names with the files of a folder.
func filesOf(t *testing.T, dir string, s dataset.Schema, names ...string) *Files {
	t.Helper()
	tables := &Tables{Dataset: open(t, dir, s, "v1.0-mini"), texts: &texts{}}
	for _, n := range names {
		tables.SampleData.Rows = append(tables.SampleData.Rows, SampleData{Filename: tables.name(n)})
	}
	return tables.Files()
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"samples/A/1.jpg", "samples/A/2.jpg", "sweeps/A/3.jpg", "sweeps/A/deep/4.jpg", "maps/m.png"} {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(n)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, n), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/elsewhere", filepath.Join(dir, "samples", "B")); err != nil {
		t.Fatal(err)
	}
	f := filesOf(t, dir, dataset.NuScenes,
		"samples/A/1.jpg", "samples/A/1.jpg", // twice
		"sweeps/A/9.jpg", "samples/C/1.jpg", "samples/A", "", // not there, and no file
		"samples/B/1.jpg",                        // behind a link that cannot be followed: not to be told
		"../samples/A/2.jpg", "/samples/A/2.jpg", // outside: a rule of its own
		"./sweeps//A/3.jpg", // the same file, spelt otherwise
	)
	if got := fmt.Sprint(f.Missing); got != "[{2 sweeps/A/9.jpg false} {3 samples/C/1.jpg false} {4 samples/A false} {5  false}]" {
		t.Errorf("missing %s", got)
	}
	if got := fmt.Sprint(f.Again); got != "[[0 1]]" {
		t.Errorf("again %s", got)
	}
	if got := fmt.Sprint(f.Stray); got != "[samples/A/2.jpg sweeps/A/deep/4.jpg]" {
		t.Errorf("stray %s", got)
	}
	// Folders that could not be listed say nothing about what is in them.
	tables := &Tables{Dataset: open(t, dir, dataset.NuScenes, "v1.0-mini"), texts: &texts{}}
	tables.SampleData.Rows = []SampleData{{Filename: tables.name("samples/C/1.jpg")}}
	tables.Dataset.Tree.Errors = append(tables.Dataset.Tree.Errors, &os.PathError{Op: "list", Path: "samples", Err: os.ErrPermission})
	if f := tables.Files(); len(f.Missing) != 0 {
		t.Errorf("missing %v", f.Missing)
	}
}

func TestInside(t *testing.T) {
	for name, want := range map[string]bool{
		"samples/A/1.jpg": true, "samples/A/1..jpg": true, "": true,
		"/etc/passwd": false, "../x": false, "samples/../../x": false, `samples\A`: false, "a\x00b": false, "..": false,
	} {
		if Inside(name) != want {
			t.Errorf("Inside(%q) is %v", name, !want)
		}
	}
}

// TestRealMissing finds what the real slice lacks by design.
func TestRealMissing(t *testing.T) {
	dir := filepath.Join(shareddata.Dir(t), "open-mmlab+mmdetection3d/tests/data/lyft")
	r := &ruletest.Emitter{}
	tables, err := load(t.Context(), open(t, dir, dataset.Lyft, "v1.01-train/v1.01-train"), 1, r)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(tables.Files().Missing); n != 10 {
		t.Errorf("%d files are missing, want 10", n)
	}
	if n := len(tables.Files().Again); n != 0 {
		t.Errorf("%d files are named twice", n)
	}
}
