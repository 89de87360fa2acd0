// Package durable writes files so that a crash leaves either the old content
// or the new, never a part.
package durable

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
)

// WriteFile replaces the content of name, or creates it with mode perm before
// umask. A reader sees the old content or all of the new; once WriteFile has
// returned nil, a power failure does not undo it. An existing file keeps its
// mode. A symbolic link stays, and the file that it leads to is replaced; what
// is no regular file, a pipe or a device, is written to.
func WriteFile(name string, data []byte, perm fs.FileMode) error {
	if info, err := os.Stat(name); err == nil {
		if !info.IsDir() && !info.Mode().IsRegular() {
			return pour(name, data)
		}
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return err
		}
	}
	root, err := os.OpenRoot(filepath.Dir(name))
	if err != nil {
		return Failed(name, err)
	}
	defer root.Close()
	if err := WriteIn(root, filepath.Base(name), data, perm); err != nil {
		return Failed(name, err)
	}
	return nil
}

// Failed is the error of writing the file that the user knows as name: err
// names it as seen from a root, or a temporary file.
func Failed(name string, err error) error {
	var pe *fs.PathError
	var le *os.LinkError
	switch {
	case errors.As(err, &pe):
		err = pe.Err
	case errors.As(err, &le):
		err = le.Err
	}
	return &fs.PathError{Op: "write", Path: name, Err: err}
}

// pour writes into what is not replaced.
func pour(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// WriteIn is WriteFile below root, which no symbolic link on the way leaves. A
// link at name itself is replaced.
//
// The system calls, in order:
//
//	openat(O_CREAT|O_EXCL, dir/.name.*)  write  fsync  close
//	renameat(dir/.name.*, name)          the commit
//	open(dir)  fsync  close
func WriteIn(root *os.Root, name string, data []byte, perm fs.FileMode) (err error) {
	old, statErr := root.Stat(name)
	f, tmp, err := create(root, name, perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			root.Remove(tmp)
		}
	}()
	_, err = f.Write(data)
	if err == nil && statErr == nil {
		err = f.Chmod(old.Mode().Perm())
	}
	if err == nil {
		// Without it, a file system may commit the name before the content.
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = root.Rename(tmp, name); err != nil {
		return err
	}
	return syncDir(root, filepath.Dir(name))
}

// MkdirIn makes a folder below root and those above it, and makes their names
// durable.
func MkdirIn(root *os.Root, dir string, perm fs.FileMode) error {
	if info, err := root.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := MkdirIn(root, parent, perm); err != nil {
			return err
		}
	}
	if err := root.Mkdir(dir, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(root, parent)
}

// syncDir makes the names in a folder durable.
func syncDir(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// create makes a temporary file beside its target, so that the rename stays
// within one file system. os.CreateTemp would force mode 0600.
func create(root *os.Root, name string, perm fs.FileMode) (f *os.File, tmp string, err error) {
	dir, base := filepath.Split(name)
	if len(base) > 200 { // leave room for the ending in a name of at most 255 bytes
		base = base[:200]
	}
	for i := 0; ; i++ {
		tmp = dir + "." + base + "." + suffix()
		f, err = root.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		if err == nil || !errors.Is(err, fs.ErrExist) || i == 100 {
			return f, tmp, err
		}
	}
}

func suffix() string { return strconv.FormatUint(uint64(rand.Uint32()), 36) + ".tmp" }

// MkdirAll is MkdirIn by path.
func MkdirAll(dir string, perm fs.FileMode) error { return MkdirBelow("", dir, perm) }

// MkdirBelow is MkdirAll, but base, a folder above dir, must be there: if it was
// moved away or removed, perhaps just now, it is not made anew, and that is
// fs.ErrNotExist.
func MkdirBelow(base, dir string, perm fs.FileMode) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	switch {
	case dir == base:
		return &fs.PathError{Op: "mkdir", Path: dir, Err: fs.ErrNotExist}
	case parent != dir:
		if err := MkdirBelow(base, parent, perm); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncDir(parent)
}

// SyncDir makes the names in a folder durable.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
