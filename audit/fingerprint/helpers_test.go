//go:build unix

package fingerprint

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes files below dir; a name that ends in / makes a folder.
func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		at := filepath.Join(dir, name)
		must(t, os.MkdirAll(filepath.Dir(at), 0o755))
		if strings.HasSuffix(name, "/") {
			must(t, os.MkdirAll(at, 0o755))
			continue
		}
		must(t, os.WriteFile(at, []byte(content), 0o644))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A taken fingerprint with its documents.
type taken struct {
	*Result
	manifest, listing bytes.Buffer
}

func take(ctx context.Context, dir string, o Options) (*taken, error) {
	f := new(taken)
	o.Manifest, o.Listing = &f.manifest, &f.listing
	var err error
	f.Result, err = Run(ctx, dir, o)
	return f, err
}

func mustTake(t testing.TB, dir string, o Options) *taken {
	t.Helper()
	f, err := take(t.Context(), dir, o)
	must(t, err)
	return f
}

// sample makes a folder with everything that a fingerprint takes.
func sample(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"a":            "one",
		"a-b":          "sorts before a/",
		"A/x":          "upper case",
		"d/b/c/deep":   strings.Repeat("deep", 1<<18), // several reads
		"d/copy":       "one",
		"d/empty file": "",
		"d.x":          "sorts before d/",
		"nothing/":     "",
		"line\nfeed":   "n",
		"cr\rhere":     "r",
		"100%":         "percent",
		"%0A":          "looks escaped",
		"back\\slash":  "b",
		"back\\n\n":    "both",
		" lead":        "blank",
		"*star":        "star",
		"é":            "utf-8",
		"-n":           "like a flag",
	})
	must(t, os.Link(filepath.Join(dir, "a"), filepath.Join(dir, "d", "hard")))
	must(t, os.Symlink("b/c/deep", filepath.Join(dir, "d", "link")))
	must(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	must(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	must(t, os.Symlink("d", filepath.Join(dir, "to folder")))
	if err := os.WriteFile(filepath.Join(dir, "not\xffutf8"), []byte("raw"), 0o644); err != nil {
		t.Log("this file system takes no name that is not UTF-8:", err)
	}
	return dir
}
