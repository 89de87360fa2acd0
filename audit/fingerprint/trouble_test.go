//go:build unix

package fingerprint

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRefused puts one thing into a folder that must not be there.
func TestRefused(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, map[string]string{"secret": "s"})
	link := func(target string) func(dir string) error {
		return func(dir string) error { return os.Symlink(target, dir+"/d/bad") }
	}
	for _, tt := range []struct {
		name string
		make func(dir string) error
		want error
	}{
		{"named pipe", func(dir string) error { return unix.Mkfifo(dir+"/d/bad", 0o644) }, ErrSpecial},
		{"socket", func(dir string) error {
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			old, err := os.Getwd() // the name of a socket must be short
			if err != nil {
				return err
			}
			defer os.Chdir(old)
			return errors.Join(os.Chdir(dir+"/d"), unix.Bind(fd, &unix.SockaddrUnix{Name: "bad"}))
		}, ErrSpecial},
		{"link out", link("../../elsewhere"), ErrEscape},
		{"absolute link out", link(filepath.Join(outside, "secret")), ErrEscape},
		{"absolute link to nothing", link("/does/not/exist"), ErrEscape},
		{"link by way of a link", func(dir string) error {
			// up points to the root, so up/../x lies outside though it looks inside.
			return errors.Join(os.Symlink("../../d/..", dir+"/d/b/up"), os.Symlink("b/up/../x", dir+"/d/bad"))
		}, ErrEscape},
		{"link by way of an absolute link", func(dir string) error {
			return errors.Join(os.Symlink(dir+"/A", dir+"/d/b/in"), os.Symlink("b/in/../../x", dir+"/d/bad"))
		}, ErrEscape},
		{"absolute link inside", func(dir string) error { return os.Symlink(dir+"/a", dir+"/d/good") }, nil},
		{"link to the root", link(".."), nil},
		{"link out and in again", func(dir string) error {
			return os.Symlink("../../"+filepath.Base(dir)+"/a", dir+"/d/good")
		}, nil},
	} {
		dir := sample(t)
		must(t, tt.make(dir))
		res, err := Run(t.Context(), dir, Options{AllowUnreadable: true})
		if tt.want == nil {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		var pe *ProblemError
		if !errors.Is(err, tt.want) || res != nil || !errors.As(err, &pe) || pe.Count != 1 || pe.First[0].Path != "d/bad" {
			t.Errorf("%s: %v, %v", tt.name, res, err)
		}
	}
	dir := sample(t)
	if _, err := Run(t.Context(), dir, Options{TempDir: filepath.Join(dir, "d")}); !errors.Is(err, ErrInside) {
		t.Errorf("temporary folder inside: %v", err)
	}
	if _, err := Run(t.Context(), dir, Options{Cache: filepath.Join(dir, "new", "cache")}); !errors.Is(err, ErrInside) {
		t.Errorf("cache inside: %v", err)
	}
	must(t, os.Symlink(dir, filepath.Join(outside, "root")))
	if got := mustTake(t, filepath.Join(outside, "root"), Options{}); got.Tree != mustTake(t, dir, Options{}).Tree {
		t.Error("another result by way of a link to the root")
	}
}

func TestUnreadable(t *testing.T) {
	for _, tt := range []struct {
		during Phase
		path   string
	}{{Reading, "d/copy"}, {Scanning, "d/copy"}, {Scanning, "d/b"}, {Reading, "a"}} {
		dir := sample(t)
		o := Options{hooks: hooks{fail: func(ph Phase, path string) error {
			if ph == tt.during && path == tt.path {
				return unix.EACCES
			}
			return nil
		}}}
		_, err := take(t.Context(), dir, o)
		if !errors.Is(err, ErrUnreadable) || !strings.Contains(fmt.Sprint(err), "permission denied") {
			t.Errorf("%v: %v", tt, err)
		}
		o.AllowUnreadable = true
		f := mustTake(t, dir, o)
		names := uint64(1)
		if tt.path == "a" {
			names = 2 // it has another name
		}
		if f.Status != Partial || f.Tree.Unreadable != names || f.Content.Unreadable != names || f.Unreadable.Count != names || f.Unreadable.First[0].Path != tt.path {
			t.Errorf("%v: %+v", tt, f.Result)
		}
		n := uint64(0)
		for e, err := range Entries(bytes.NewReader(f.listing.Bytes())) {
			must(t, err)
			if e.Type == TypeUnreadable {
				n++
				if e.Err != "permission denied" || e.Path != tt.path && names == 1 {
					t.Errorf("%v: %+v", tt, e)
				}
			}
		}
		if n != names {
			t.Errorf("%v: %d entries are listed as unreadable, want %d", tt, n, names)
		}
		listing := func() *bytes.Reader { return bytes.NewReader(f.listing.Bytes()) }
		p, err := Prove(t.Context(), listing(), f.Tree, tt.path)
		if err != nil || p.Found == nil || p.Found.Leaf.Type != TypeUnreadable {
			t.Errorf("%v: %+v, %v", tt, p, err)
		}
		if _, err := Prove(t.Context(), listing(), f.Tree, "d/b/c/other"); !errors.Is(err, ErrPartial) {
			t.Errorf("%v: absence in a partial tree: %v", tt, err)
		}
		if _, err := ProveContent(t.Context(), listing(), f.Content, Digest{}, Options{}); !errors.Is(err, ErrPartial) {
			t.Errorf("%v: absence in a partial tree: %v", tt, err)
		}
		if _, err := Check(t.Context(), dir, listing(), o); !errors.Is(err, ErrUnreadable) {
			t.Errorf("%v: checked: %v", tt, err)
		}
	}
	// The system itself refuses, unless it is told not to.
	if os.Getuid() != 0 {
		dir := sample(t)
		must(t, os.Chmod(filepath.Join(dir, "a-b"), 0))
		must(t, os.Chmod(filepath.Join(dir, "d"), 0))
		defer os.Chmod(filepath.Join(dir, "d"), 0o755)
		_, err := Run(t.Context(), dir, Options{})
		var pe *ProblemError
		if !errors.As(err, &pe) || pe.Count != 2 {
			t.Errorf("%v", err)
		}
	}
	// Running out of descriptors is no fault of the data.
	for _, during := range []Phase{Scanning, Reading} {
		o := Options{AllowUnreadable: true, hooks: hooks{fail: func(ph Phase, _ string) error {
			if ph == during {
				return unix.EMFILE
			}
			return nil
		}}}
		var pe *ProblemError
		if _, err := Run(t.Context(), sample(t), o); !errors.Is(err, unix.EMFILE) || errors.As(err, &pe) {
			t.Errorf("too many open files, %s: %v", during, err)
		}
	}
}

// TestUnreadableRoot wants an unreadable root refused, whatever is allowed.
func TestUnreadableRoot(t *testing.T) {
	r := run{o: &Options{AllowUnreadable: true}}
	must(t, r.judge(&row{kind: 'd', trouble: unreadable}, func(*row) error { panic("emitted") }))
	if r.problems.Count != 1 {
		t.Error("taken as a leaf")
	}
}

func TestProblemText(t *testing.T) {
	var p Problems
	p.add(&row{trouble: unstable, note: "why"})
	if got := (&ProblemError{p}).Error(); got != `"." changed while being read: why` {
		t.Error(got)
	}
	p.add(&row{path: "a\n", trouble: mount})
	err := &ProblemError{p}
	if got := err.Error(); got != `"." changed while being read: why, and 1 more problem` || p.First[1].String() != `"a\n" lies on another file system` {
		t.Error(got, p.First[1])
	}
	for _, e := range []error{ErrUnreadable, ErrUnstable, ErrSpecial, ErrEscape, ErrMount, os.ErrExist} {
		if errors.Is(err, e) != (e == ErrUnstable || e == ErrMount) {
			t.Error(e)
		}
	}
	for range maxProblems {
		p.add(&row{path: "b", trouble: mount})
	}
	if len(p.First) != maxProblems || p.Count != maxProblems+2 {
		t.Error(len(p.First), p.Count)
	}
}

// TestMount lets the root seem to lie on another device than what is in it.
func TestMount(t *testing.T) {
	for _, cross := range []bool{false, true} {
		r, err := newRun(t.Context(), sample(t), &Options{CrossMounts: cross})
		must(t, err)
		defer r.close()
		r.dev++
		err = r.rows(t.Context(), func(*row) error { return nil })
		if errors.Is(err, ErrMount) == cross || cross && err != nil {
			t.Errorf("crossing mounts %v: %v", cross, err)
		}
	}
}
