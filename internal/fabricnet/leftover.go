package fabricnet

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A folder that Start made up has a file that is locked for as long as the
// process that made it lives. Its name comes after its lock, so that nobody finds
// it without.

const prefix = "fabricnet-"

// temporary makes a folder for the files of a network. lock is to be closed once
// the folder is gone.
func temporary() (dir string, lock *os.File, err error) {
	if dir, err = os.MkdirTemp("", prefix); err != nil {
		return "", nil, err
	}
	name := filepath.Join(dir, "lock")
	if lock, err = os.Create(name + ".new"); err == nil {
		if err = unix.Flock(int(lock.Fd()), unix.LOCK_EX); err == nil {
			err = os.Rename(name+".new", name)
		}
	}
	return dir, lock, err
}

// sweep removes what was left by those who were killed: a hundred megabytes for
// each network.
func sweep() {
	locks, _ := filepath.Glob(filepath.Join(os.TempDir(), prefix+"*", "lock"))
	for _, name := range locks {
		lock, err := os.Open(name)
		if err != nil {
			continue
		}
		if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err == nil {
			_ = os.RemoveAll(filepath.Dir(name)) // by the next one, if not now
		}
		lock.Close()
	}
}

// release removes the folder, if there is one.
func release(dir string, lock *os.File) error {
	if dir == "" {
		return nil
	}
	err := os.RemoveAll(dir)
	if lock != nil {
		err = errors.Join(err, lock.Close())
	}
	return err
}
