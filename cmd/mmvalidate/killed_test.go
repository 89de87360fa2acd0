package main

import (
	"bytes"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/internal/datagen"
)

// TestKilled kills annotate and fix at many moments while they write. Each file
// is then as it was or whole, and running again completes the work.
func TestKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills processes: run without -short")
	}
	for _, c := range []struct {
		name    string
		command []string
		make    func(root string) error
	}{
		{"annotate", []string{"annotate", "--write"}, (datagen.KITTIRaw{Seed: 1}).Write},
		{"fix", []string{"fix", "--write"}, func(root string) error {
			if err := (datagen.KITTIObject{Seed: 7}).Write(root); err != nil {
				return err
			}
			return spaced(filepath.Join(root, "training/label_2"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(t.TempDir(), "data")
			fresh := func() {
				t.Helper()
				if err := os.RemoveAll(root); err != nil {
					t.Fatal(err)
				}
				if err := c.make(root); err != nil {
					t.Fatal(err)
				}
			}
			fresh()
			before := contents(t, root)
			began := time.Now()
			if code, out := process(t, 0, append(c.command, root)...); code != 0 {
				t.Fatalf("exit status %d: %s", code, out)
			}
			whole, after := time.Since(began), contents(t, root)
			if maps.EqualFunc(before, after, bytes.Equal) {
				t.Fatal("nothing was written")
			}
			const points = 20
			for i := range points {
				fresh()
				process(t, whole*time.Duration(i+1)/time.Duration(points), append(c.command, root)...)
				for name, b := range contents(t, root) {
					if !bytes.Equal(b, after[name]) && !bytes.Equal(b, before[name]) && !strings.HasSuffix(name, ".tmp") {
						t.Errorf("killed at %d of %d: %s is torn", i, points, name)
					}
				}
				if code, out := process(t, 0, append(c.command, root)...); code != 0 {
					t.Errorf("killed at %d of %d: running again gives %d: %s", i, points, code, out)
				}
				again := contents(t, root)
				maps.DeleteFunc(again, func(name string, _ []byte) bool { return strings.HasSuffix(name, ".tmp") })
				if !maps.EqualFunc(again, after, bytes.Equal) {
					t.Errorf("killed at %d of %d: running again does not complete the work", i, points)
				}
			}
		})
	}
}

// spaced puts two blanks where labels have one, which fix mends.
func spaced(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(name, bytes.Replace(b, []byte(" "), []byte("  "), 1), 0o644); err != nil {
			return err
		}
	}
	return err
}

// process runs mmvalidate in a process of its own, and kills it after some time
// unless that is 0.
func process(t *testing.T, kill time.Duration, args ...string) (code int, out string) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	cmd := &exec.Cmd{Path: exe, Args: append([]string{name}, args...), Stdout: &b, Stderr: &b}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if kill > 0 {
		defer time.AfterFunc(kill, func() { cmd.Process.Kill() }).Stop()
	}
	cmd.Wait()
	return cmd.ProcessState.ExitCode(), b.String()
}

// contents reads every file below root.
func contents(t *testing.T, root string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		out[strings.TrimPrefix(p, root)] = b
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
