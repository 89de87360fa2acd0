package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
)

func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "drive")
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"", 2, "no command"},
		{"nwe", 2, `no command "nwe"`},
		{"new", 2, "needs one folder"},
		{"new -format kity DIR", 2, `no format "kity"`},
		{"new -frames -1 DIR", 2, "-frames -1"},
		{"new -format lyft -seed 3 DIR", 0, ""},
		{"new -format lyft DIR", 1, "is not empty"},
		{"break -rule LAY999 DIR", 1, `no fault for the rule "LAY999"`},
		{"break -rule LAY012 DIR", 1, "there is none below"},
		{"break -rule lay018 DIR", 0, "broke LAY018"},
		{"break -rule LAY015 DIR/..", 0, "broke LAY015"},
		{"list", 0, "t4"},
	} {
		var out, errs bytes.Buffer
		args := strings.Fields(strings.ReplaceAll(c.args, "DIR", dir))
		if status := run(args, &out, &errs); status != c.status || !strings.Contains(out.String()+errs.String(), c.says) {
			t.Errorf("mmgen %s: status %d, %q, %q", c.args, status, out.String(), errs.String())
		}
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "maps", "*")); len(found) != 0 {
		t.Errorf("the map is still there: %v", found)
	}
}

// TestFormats makes every format twice: the same seed gives the same bytes.
func TestFormats(t *testing.T) {
	for _, f := range datagen.Formats() {
		var trees [2]string
		for i := range trees {
			dir := t.TempDir()
			if err := f.Write(7, 6, dir); err != nil {
				t.Fatalf("%s: %v", f.Name, err)
			}
			trees[i] = listing(t, dir)
		}
		if trees[0] != trees[1] || trees[0] == "" {
			t.Errorf("%s: two data sets of one seed differ", f.Name)
		}
	}
}

func listing(t *testing.T, dir string) string {
	var b strings.Builder
	err := filepath.Walk(dir, func(p string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		content, err := os.ReadFile(p)
		b.WriteString(strings.TrimPrefix(p, dir))
		b.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
