package durable

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWriteFile(t *testing.T) {
	root, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := MkdirIn(root, "a/b", 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root.Name(), "a", "b")
	name := filepath.Join(dir, "f")
	for _, content := range []string{"one", "", strings.Repeat("x", 1<<20)} {
		if err := WriteFile(name, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(name); err != nil || string(b) != content {
			t.Fatalf("%d bytes, %v; want %d", len(b), err, len(content))
		}
	}
	plain := filepath.Join(root.Name(), "plain") // of the mode that the umask leaves
	if err := os.WriteFile(plain, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(plain)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode() != want.Mode() {
		t.Errorf("mode %v, %v; want %v", info.Mode(), err, want.Mode())
	}
	alone(t, dir)
}

// TestWriteFileFails wants the old content kept, and no temporary file, where
// the rename is refused.
func TestWriteFileFails(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	if err := os.Mkdir(name, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(name, []byte("new"), 0o644); err == nil || !strings.HasPrefix(err.Error(), "write "+name+": ") {
		t.Errorf("a folder was replaced, or %v does not name it alone", err)
	}
	alone(t, dir)
	if err := WriteFile(filepath.Join(dir, "missing", "f"), nil, 0o644); err == nil {
		t.Error("wrote into a missing folder")
	}
}

// TestWriteFileLink keeps a link and replaces what it leads to.
func TestWriteFileLink(t *testing.T) {
	dir, away := t.TempDir(), t.TempDir()
	target, link := filepath.Join(away, "target"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(target, []byte("old"), 0o600), os.Symlink(target, link)); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(link, []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := os.Readlink(link); err != nil || got != target {
		t.Errorf("the link leads to %q, %v", got, err)
	}
	if b, err := os.ReadFile(target); err != nil || string(b) != "new" {
		t.Errorf("its target holds %q, %v", b, err)
	}
	alone(t, dir)
	alone(t, away)
}

// TestWriteFilePipe writes into a pipe: replacing one, or /dev/null, by a file
// would break every other program.
func TestWriteFilePipe(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Skip(err)
	}
	got := make(chan []byte)
	go func() {
		b, _ := os.ReadFile(name)
		got <- b
	}()
	if err := WriteFile(name, []byte("new"), 0o644); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(name); err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Fatalf("the pipe is gone: %v, %v", info, err)
	}
	if b := <-got; string(b) != "new" {
		t.Errorf("the reader got %q", b)
	}
	alone(t, dir)
}

// TestWriteInStays refuses a path on which a link leaves the root.
func TestWriteInStays(t *testing.T) {
	dir, away := t.TempDir(), t.TempDir()
	if err := os.Symlink(away, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := WriteIn(root, "out/f", []byte("new"), 0o644); err == nil {
		t.Error("wrote outside the root")
	}
	if err := MkdirIn(root, "out/d", 0o755); err == nil {
		t.Error("made a folder outside the root")
	}
	if ents, err := os.ReadDir(away); err != nil || len(ents) != 0 {
		t.Errorf("outside lie %v, %v", ents, err)
	}
}

func alone(t *testing.T, dir string) {
	t.Helper()
	ents, err := os.ReadDir(dir)
	if err != nil || len(ents) != 1 {
		t.Errorf("%v %v, want the file alone", ents, err)
	}
}
