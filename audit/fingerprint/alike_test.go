//go:build unix

package fingerprint

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestAlike(t *testing.T) {
	for name, test := range map[string]struct{ paths, want []string }{
		"case":             {[]string{"README", "readme", "Readme", "other"}, []string{"Readme", "readme"}},
		"normal form":      {[]string{"caf\u00e9", "cafe\u0301", "cafe"}, []string{"caf\u00e9"}},
		"both":             {[]string{"CAF\u00c9.png", "cafe\u0301.PNG"}, []string{"cafe\u0301.PNG"}},
		"folders":          {[]string{"Data/a", "data/b", "data/c"}, []string{"data"}},
		"below folders":    {[]string{"a/X", "a/b/c", "a/x", "b/x"}, []string{"a/x"}},
		"file and folder":  {[]string{"Train", "train/a"}, []string{"train"}},
		"between":          {[]string{"a-b", "a.b", "a/b", "a/c/d", "a/c-d", "A"}, []string{"a"}},
		"different places": {[]string{"a/x", "b/X", "X", "c/d/x"}, nil},
		"not UTF-8":        {[]string{"\xff", "\xfe", "\xff\xfe"}, nil},
		"sharp s":          {[]string{"stra\u00dfe", "STRASSE"}, nil},
		"none":             {nil, nil},
	} {
		a := newAlike()
		for _, path := range slices.Sorted(slices.Values(test.paths)) {
			a.add(path)
		}
		slices.Sort(a.found.First)
		if want := slices.Sorted(slices.Values(test.want)); !slices.Equal(a.found.First, want) || a.found.Count != uint64(len(want)) {
			t.Errorf("%s: %q, want %q", name, a.found.First, want)
		}
	}
}

func TestAlikeMany(t *testing.T) {
	a := newAlike()
	for i := range maxProblems + 50 {
		a.add(fmt.Sprintf("%05d/A", i))
		a.add(fmt.Sprintf("%05d/a", i))
	}
	if a.found.Count != maxProblems+50 || len(a.found.First) != maxProblems || len(a.folders) > 2 {
		t.Errorf("%d, %d, %d folders", a.found.Count, len(a.found.First), len(a.folders))
	}
}

func TestRunFindsAlike(t *testing.T) {
	if runtime.GOOS == "darwin" {
		t.Skip("this file system may hold one of them only")
	}
	dir := t.TempDir()
	for _, name := range []string{"x/A.png", "x/a.png", "x/b.png"} {
		if err := os.MkdirAll(filepath.Join(dir, "x"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Run(t.Context(), dir, Options{})
	if err != nil || strings.Join(r.Alike.First, " ") != "x/a.png" || r.Alike.Count != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}
