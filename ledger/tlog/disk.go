package tlog

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mmaudit/mmaudit/internal/durable"
)

// disk is every way in which the log changes its folder. Tests put faults in.
type disk struct {
	WriteFile func(name string, data []byte) error // the folder exists
	MkdirAll  func(dir string) error
	SyncDir   func(dir string) error
	Remove    func(name string) error // a file, or an empty folder
}

var durably = disk{
	WriteFile: func(name string, data []byte) error { return durable.WriteFile(name, data, 0o644) },
	MkdirAll:  func(dir string) error { return durable.MkdirAll(dir, 0o755) },
	SyncDir:   durable.SyncDir,
	Remove:    os.Remove,
}

// write makes a file and the folders that it needs.
func (d disk) write(name string, data []byte) error {
	err := d.WriteFile(name, data)
	if errors.Is(err, fs.ErrNotExist) {
		if err = d.MkdirAll(filepath.Dir(name)); err == nil {
			err = d.WriteFile(name, data)
		}
	}
	return err
}

// isTemporary reports whether a file is what a killed write left behind.
func isTemporary(name string) bool {
	base := filepath.Base(name)
	return strings.HasPrefix(base, ".") && strings.HasSuffix(base, ".tmp")
}

// flock waits until it holds the lock of a file, which it creates but never
// unlinks: whoever unlinked it would leave two processes with a lock each. It
// gives up when done is closed; a lock that comes later is let go at once.
func flock(name string, done <-chan struct{}) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	locked := make(chan error, 1)
	try := func(how int) error {
		for {
			if err := syscall.Flock(int(f.Fd()), how); err != syscall.EINTR {
				return err
			}
		}
	}
	if try(syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		return func() { f.Close() }, nil
	}
	go func() { locked <- try(syscall.LOCK_EX) }()
	select {
	case err := <-locked:
		if err != nil {
			f.Close()
			return nil, &fs.PathError{Op: "flock", Path: name, Err: err}
		}
		return func() { f.Close() }, nil
	case <-done:
		go func() { <-locked; f.Close() }()
		return nil, errNoLock
	}
}

var errNoLock = errors.New("gave up waiting for another process that holds the lock")

func (l *Log) lock(done <-chan struct{}) (unlock func(), err error) {
	return flock(l.path("lock"), done)
}
