package durable

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStream: a file has its name when all of it is there, or not at all.
func TestStream(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	begin := func() *Stream {
		s, err := NewStream(root, ".", 0o444)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(s, strings.NewReader("content")); err != nil {
			t.Fatal(err)
		}
		return s
	}
	names := func() string {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, e := range entries {
			all = append(all, e.Name())
		}
		return strings.Join(all, " ")
	}

	s := begin()
	if n := names(); !strings.HasPrefix(n, ".stream.") {
		t.Errorf("before: %q", n)
	}
	s.Abort()
	if n := names(); n != "" {
		t.Errorf("given up: %q", n)
	}
	for range 2 { // the second takes the place of the first
		s = begin()
		if err := s.Commit("name"); err != nil {
			t.Fatal(err)
		}
		s.Abort()
		if b, err := os.ReadFile(filepath.Join(dir, "name")); err != nil || string(b) != "content" || names() != "name" {
			t.Errorf("%q, %v, %q", b, err, names())
		}
	}
	s = begin()
	if err := s.Commit("no/folder"); err == nil {
		t.Error("committed into a folder that is not there")
	}
	if n := names(); n != "name" {
		t.Errorf("after a failure: %q", n)
	}
}
