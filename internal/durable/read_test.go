//go:build unix

package durable

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, want := range []string{"", "content"} {
		if err := os.WriteFile(at("file"), []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadFile(at("file")); err != nil || !bytes.Equal(got, []byte(want)) {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := ReadFile(at("nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := errors.Join(unix.Mkfifo(at("pipe"), 0o644), os.Symlink("/dev/zero", at("zero")), os.Symlink("file", at("link"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pipe", "zero", "."} {
		if _, err := ReadFile(at(name)); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ReadFile(at("link")); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(at("file"), 1<<40); err != nil {
		t.Skip(err)
	}
	if _, err := ReadFile(at("file")); err == nil {
		t.Error("a file of a terabyte was read")
	}
}
