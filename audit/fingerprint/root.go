//go:build unix

package fingerprint

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrInside says that a working folder lies below the root and would be hashed.
var ErrInside = errors.New("lies inside the data")

// open finds the root that a user named, links and all.
func (r *run) open(name string) (err error) {
	if r.real, err = resolve(name); err != nil {
		return err
	}
	info, err := os.Lstat(r.real)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		r.real, r.only = filepath.Dir(r.real), filepath.Base(r.real)
	}
	if r.root, err = openRoot(r.real, r.only != ""); err != nil {
		return err
	}
	st, err := fstat(r.root)
	if err != nil {
		return err
	}
	r.dev = st.dev
	return r.outside(r.o.TempDir)
}

// outside demands that a folder that we write to does not lie in the root.
func (r *run) outside(dir string) error {
	if r.only != "" {
		return nil
	}
	in, err := inside(r.real, dir)
	if err == nil && in {
		err = fmt.Errorf("%q %w", dir, ErrInside)
	}
	return err
}

// Inside reports whether name, which need not exist yet, is root or lies below
// it, links resolved: a file written there changes the fingerprint of root.
func Inside(root, name string) (bool, error) {
	real, err := resolve(root)
	if err != nil {
		return false, err
	}
	return inside(real, name)
}

func inside(real, name string) (bool, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return false, err
	}
	for {
		at, err := filepath.EvalSymlinks(abs)
		if err == nil {
			return within(real, at), nil
		}
		if !errors.Is(err, os.ErrNotExist) || abs == filepath.Dir(abs) {
			return false, err
		}
		abs = filepath.Dir(abs)
	}
}

func resolve(name string) (string, error) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(abs)
	var pe *fs.PathError
	if err != nil && !errors.As(err, &pe) {
		err = &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return real, err
}

// maxLinks is how many links a name may lead through before it counts as a
// circle, as in Linux.
const maxLinks = 40

// escapes reports whether the symbolic link at path, relative to root, leads
// out of root, which is absolute and free of links. What does not exist is
// judged by its name; a circle leads nowhere.
func escapes(root, path, target string) bool {
	at := filepath.Dir(filepath.Join(root, path))
	todo := target
	if filepath.IsAbs(todo) {
		at = "/"
	}
	for links := 0; todo != ""; {
		var elem string
		elem, todo, _ = strings.Cut(todo, "/")
		switch elem {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		at = filepath.Join(at, elem)
		next, err := os.Readlink(at)
		if err != nil {
			continue
		}
		if links++; links > maxLinks {
			return false
		}
		todo = next + "/" + todo
		if at = filepath.Dir(at); filepath.IsAbs(next) {
			at = "/"
		}
	}
	return !within(root, at)
}

// within reports whether path is root or lies below it.
func within(root, path string) bool {
	rest, ok := strings.CutPrefix(path, root)
	return ok && (rest == "" || rest[0] == '/' || strings.HasSuffix(root, "/"))
}
