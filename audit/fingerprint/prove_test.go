//go:build unix

package fingerprint

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestProofs proves every file of a real listing, and some that are not there.
func TestProofs(t *testing.T) {
	f := mustTake(t, sample(t), Options{})
	listing := f.listing.Bytes()
	for e, err := range Entries(bytes.NewReader(listing)) {
		must(t, err)
		p, err := Prove(t.Context(), bytes.NewReader(listing), f.Tree, e.Path)
		must(t, err)
		p, err = ParseProof(p.Marshal())
		must(t, err)
		if err := p.VerifyPath(f.Tree, e.Path); err != nil || p.Found == nil || p.Found.Leaf.Digest != e.Digest {
			t.Errorf("%q: %+v, %v", e.Path, p, err)
		}
		p, err = ProveContent(t.Context(), bytes.NewReader(listing), f.Content, e.Digest, Options{})
		must(t, err)
		if (p.Found != nil) != (e.Type == TypeFile) {
			t.Errorf("%q: content found: %v", e.Path, p.Found != nil)
		}
		if e.Path == "a" && p.Found.Leaf.Copies != 3 {
			t.Errorf("%d copies, want 3", p.Found.Leaf.Copies)
		}
	}
	for _, path := range []string{"", "0", "zzz", "d", "d/", "\xff"} {
		p, err := Prove(t.Context(), bytes.NewReader(listing), f.Tree, path)
		must(t, err)
		if p.Found != nil || p.VerifyPath(f.Tree, path) != nil {
			t.Errorf("%q: %+v", path, p)
		}
		if p.VerifyContent(f.Content, Digest{}) == nil {
			t.Error("a proof of a path served for a content")
		}
	}
	other := f.Tree
	other.Bytes++
	if _, err := Prove(t.Context(), bytes.NewReader(listing), other, "a"); !errors.Is(err, ErrListing) {
		t.Errorf("another head: %v", err)
	}
	short := listing[:bytes.LastIndexByte(listing[:len(listing)-1], '\n')+1]
	if _, err := Prove(t.Context(), bytes.NewReader(short), f.Tree, "a"); !errors.Is(err, ErrListing) {
		t.Errorf("a listing without its last line: %v", err)
	}
	lying := bytes.Replace(listing, []byte(`"path":"d/copy","type":"file","size":"3"`), []byte(`"path":"d/copy","type":"file","size":"4"`), 1)
	if _, err := ProveContent(t.Context(), bytes.NewReader(lying), f.Content, Digest{}, Options{}); err == nil || !strings.Contains(err.Error(), "two sizes") {
		t.Errorf("one digest with two sizes: %v", err)
	}
	if _, err := ProveContent(t.Context(), bytes.NewReader(short), f.Content, Digest{}, Options{}); !errors.Is(err, ErrListing) {
		t.Errorf("a listing without its last line: %v", err)
	}
}

func TestOverlap(t *testing.T) {
	a, b, c := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, a, map[string]string{"1": "x", "2": "y", "3": "y", "4": "only a"})
	write(t, b, map[string]string{"7": "y", "8": "zz", "9": "x", "x": "x"})
	write(t, c, map[string]string{"7": "w"})
	ta, tb, tc := mustTake(t, a, Options{}), mustTake(t, b, Options{}), mustTake(t, c, Options{})
	src := func(f *taken) Source { return Source{bytes.NewReader(f.listing.Bytes()), f.Content} }
	var shared []string
	got, err := Overlap(t.Context(), src(ta), src(tb), Options{}, func(s Shared) error {
		shared = append(shared, fmt.Sprintf("%d of %s, %d of %s", s.CopiesA, s.PathA, s.CopiesB, s.PathB))
		return nil
	})
	must(t, err)
	slices.Sort(shared)
	if want := (Overlapping{Contents: 2, FilesA: 3, FilesB: 3, Bytes: 2}); *got != want {
		t.Errorf("%+v, want %+v", *got, want)
	}
	if want := []string{"1 of 1, 2 of 9", "2 of 2, 1 of 7"}; !slices.Equal(shared, want) {
		t.Errorf("%q, want %q", shared, want)
	}
	if got, err = Overlap(t.Context(), src(ta), src(tc), Options{}, nil); err != nil || *got != (Overlapping{}) {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err = Overlap(t.Context(), src(ta), src(ta), Options{}, nil); err != nil || got.FilesA != 4 || got.Contents != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := Overlap(t.Context(), src(ta), Source{bytes.NewReader(tb.listing.Bytes()), tc.Content}, Options{}, nil); !errors.Is(err, ErrListing) {
		t.Errorf("a listing of another data set: %v", err)
	}
}

func TestCheck(t *testing.T) {
	dir := sample(t)
	f := mustTake(t, dir, Options{})
	check := func(doc []byte, want string) {
		t.Helper()
		c, err := Check(t.Context(), dir, bytes.NewReader(doc), Options{})
		must(t, err)
		got := ""
		for _, d := range c.First {
			got += fmt.Sprintf("%s %s;", d.Change, d.Path)
		}
		if got != want || c.OK() != (want == "") {
			t.Errorf("got %q, want %q", got, want)
		}
		tree := f.Tree
		if doc[0] != '{' {
			tree = Head{}
		}
		if c.Manifest != f.Manifest || c.Tree != tree {
			t.Errorf("the document is of another fingerprint: %v, %v", c.Manifest, c.Tree)
		}
	}
	check(f.manifest.Bytes(), "")
	check(f.listing.Bytes(), "")
	lines := strings.SplitAfter(f.manifest.String(), "\n")
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	check([]byte(strings.Join(lines, "")), "")

	write(t, dir, map[string]string{"a-b": "other", "new": "new"})
	must(t, os.Remove(filepath.Join(dir, "A", "x")))
	must(t, os.Remove(filepath.Join(dir, "é")))
	must(t, os.Remove(filepath.Join(dir, "dangling")))
	must(t, os.Symlink("a", filepath.Join(dir, "second")))
	check(f.manifest.Bytes(), "missing A/x;changed a-b;extra new;missing é;")
	check(f.listing.Bytes(), "missing A/x;changed a-b;missing dangling;extra new;extra second;missing é;")

	for name, doc := range map[string]string{
		"twice":     lines[0] + lines[0],
		"malformed": "hello\n",
		"torn":      strings.TrimSuffix(lines[0], "\n"),
		"listing":   "{\n",
	} {
		if _, err := Check(t.Context(), dir, strings.NewReader(doc), Options{}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
