//go:build unix

package fingerprint

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestChanging changes the data at every moment of a run.
func TestChanging(t *testing.T) {
	appendTo := func(name string) func(dir string) error {
		return func(dir string) error {
			f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("+")
			return errors.Join(err, f.Close())
		}
	}
	// The size stays, and the time of modification is put back: ctime tells.
	forge := func(dir string) error {
		name := dir + "/a-b"
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		b[0] ^= 1
		return errors.Join(os.WriteFile(name, b, 0o644), os.Chtimes(name, info.ModTime(), info.ModTime()))
	}
	replace := func(dir string) error {
		return errors.Join(os.WriteFile(dir+"/d/tmp", []byte("new"), 0o644), os.Rename(dir+"/d/tmp", dir+"/d/copy"))
	}
	fifo := func(dir string) error {
		return errors.Join(os.Remove(dir+"/d/copy"), unix.Mkfifo(dir+"/d/copy", 0o644))
	}
	for _, tt := range []struct {
		name   string
		change func(dir string) error
		path   string
	}{
		{"grows", appendTo("d/copy"), "d/copy"},
		{"shrinks", func(dir string) error { return os.Truncate(dir+"/d/b/c/deep", 3) }, "d/b/c/deep"},
		{"forged", forge, "a-b"},
		{"hard link grows", appendTo("a"), "a"},
		{"replaced", replace, "d"},
		{"removed", func(dir string) error { return os.Remove(dir + "/d/copy") }, "d"},
		{"becomes a named pipe", fifo, "d"},
		{"link changes", func(dir string) error {
			return errors.Join(os.Remove(dir+"/d/link"), os.Symlink("copy", dir+"/d/link"))
		}, "d"},
		{"added", func(dir string) error { return os.WriteFile(dir+"/d/b/new", nil, 0o644) }, "d/b"},
		{"added to the root", func(dir string) error { return os.WriteFile(dir+"/new", nil, 0o644) }, ""},
		{"folder becomes a link out", func(dir string) error {
			return errors.Join(os.RemoveAll(dir+"/d/b"), os.Symlink("/etc", dir+"/d/b"))
		}, "d"},
	} {
		for _, when := range []string{"scanned", "hashed"} {
			dir := sample(t)
			once := func() { must(t, tt.change(dir)) }
			o := Options{AllowUnreadable: true}
			if when == "scanned" {
				o.hooks.scanned = once
			} else {
				o.hooks.hashed = once
			}
			_, err := Run(t.Context(), dir, o)
			if when == "scanned" && (tt.name == "grows" || tt.name == "shrinks" || tt.name == "forged" || tt.name == "hard link grows") {
				// It settled before it was read: the result is of what was read.
				if err != nil {
					t.Errorf("%s after scanning: %v", tt.name, err)
				}
				continue
			}
			var pe *ProblemError
			if !errors.Is(err, ErrUnstable) || !errors.As(err, &pe) || pe.First[0].Path != tt.path {
				t.Errorf("%s, %s: %v", tt.name, when, err)
			}
		}
	}
}

// TestListedTwice lets a folder seem to hold a name twice: trees have no two
// leaves for one path.
func TestListedTwice(t *testing.T) {
	r, err := newRun(t.Context(), sample(t), &Options{})
	must(t, err)
	defer r.close()
	rows := newSorter(t.Context(), r.o)
	defer rows.close()
	must(t, r.scan(t.Context(), rows))
	st, err := lstatAt(r.root, "a")
	must(t, err)
	must(t, rows.addRow(&row{path: "a", kind: 'f', stat: st}))
	must(t, r.seal(t.Context(), rows, func(*row) error { return nil }))
	if r.problems.Count != 1 || r.problems.First[0].Path != "a" || r.problems.First[0].Err != ErrUnstable {
		t.Errorf("%+v", r.problems)
	}
}

// TestNoFile opens what was a file when it was listed and is a pipe now: it must
// neither wait nor pass for an empty file.
func TestNoFile(t *testing.T) {
	dir := t.TempDir()
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o644))
	r, err := newRun(t.Context(), dir, &Options{})
	must(t, err)
	defer r.close()
	for path, want := range map[string]error{"pipe": errChanged, ".": errChanged, "gone": unix.ENOENT, "pipe/below": unix.ENOTDIR} {
		if f := readRow(t, r, path); f.trouble != unstable || f.note != want.Error() {
			t.Errorf("%s: %v %q, want %v", path, f.trouble, f.note, want)
		}
	}
}

// readRow reads what a row says is a file.
func readRow(t *testing.T, r *run, path string) (read row) {
	t.Helper()
	must(t, r.read(t.Context(), 1, func(yield func(row, error) bool) {
		yield(row{path: path, kind: 'f'}, nil)
	}, func(_ stat, f *row) error {
		read = *f
		return nil
	}))
	return read
}

// TestRetry lets a file change while it is read: for a while, or for good.
func TestRetry(t *testing.T) {
	for times := 1; times <= retries+1; times++ {
		dir := sample(t)
		reads := 0
		o := Options{Workers: 1, hooks: hooks{read: func(path string, attempt int) {
			if path == "a-b" {
				if reads != attempt {
					t.Errorf("attempt %d after %d reads", attempt, reads)
				}
				if reads++; reads <= times {
					must(t, os.WriteFile(filepath.Join(dir, path), []byte(fmt.Sprint("version ", reads)), 0o644))
				}
			}
		}}}
		var last Progress
		o.Progress = func(p Progress) { last = p }
		f, err := take(t.Context(), dir, o)
		if times > retries {
			if !errors.Is(err, ErrUnstable) || reads != retries+1 {
				t.Errorf("changes for good: %v after %d reads", err, reads)
			}
			continue
		}
		must(t, err)
		if want := sum([]byte(fmt.Sprint("version ", times))).String() + "  a-b\n"; !strings.Contains(f.manifest.String(), want) {
			t.Errorf("not the last version:\n%s", f.manifest.String())
		}
		if last.Phase != Sealing || last.Files != f.Files || last.TotalFiles != f.Files || last.Bytes != last.TotalBytes || last.Sealed != last.Entries {
			t.Errorf("%+v, want %d files", last, f.Files)
		}
	}
}

// TestClimber looks at paths in an order that leaves and enters folders with
// names that begin alike.
func TestClimber(t *testing.T) {
	dir := t.TempDir()
	paths := []string{"a/x", "ab/x", "a/b/x", "a/bc/x", "x", "a/b/c/x"}
	for _, p := range paths {
		write(t, dir, map[string]string{p: p})
	}
	fd, err := openRoot(dir, false)
	must(t, err)
	defer unixClose(fd)
	c := climber{root: fd}
	defer c.close()
	for _, from := range paths {
		for _, to := range paths {
			for _, p := range []string{from, to} {
				st, err := c.lstat(p)
				if err != nil || st.size != uint64(len(p)) || len(c.names) != strings.Count(p, "/") {
					t.Errorf("%s after %s: %+v, %v", p, from, st, err)
				}
			}
		}
	}
}
