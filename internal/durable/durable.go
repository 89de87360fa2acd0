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
// returned nil, a power failure does not undo it. An existing file keeps its mode.
//
// The system calls, in order:
//
//	openat(O_CREAT|O_EXCL, dir/.name.*)  write  fsync  close
//	renameat(dir/.name.*, name)          the commit
//	open(dir)  fsync  close
func WriteFile(name string, data []byte, perm fs.FileMode) (err error) {
	old, statErr := os.Stat(name)
	dir := filepath.Dir(name)
	f, err := create(dir, filepath.Base(name), perm)
	if err != nil {
		return err
	}
	tmp := f.Name()
	defer func() {
		if err != nil {
			os.Remove(tmp)
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
	if err = os.Rename(tmp, name); err != nil {
		return err
	}
	return SyncDir(dir)
}

// MkdirAll makes a folder and those above it, and makes their names durable.
func MkdirAll(dir string, perm fs.FileMode) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := MkdirAll(parent, perm); err != nil {
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

// create makes a temporary file beside its target, so that the rename stays
// within one file system. os.CreateTemp would force mode 0600.
func create(dir, base string, perm fs.FileMode) (*os.File, error) {
	if len(base) > 200 { // leave room for the ending in a name of at most 255 bytes
		base = base[:200]
	}
	for i := 0; ; i++ {
		f, err := os.OpenFile(filepath.Join(dir, "."+base+"."+suffix()), os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
		if err == nil || !errors.Is(err, fs.ErrExist) || i == 100 {
			return f, err
		}
	}
}
func suffix() string { return strconv.FormatUint(uint64(rand.Uint32()), 36) + ".tmp" }
