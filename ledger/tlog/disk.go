package tlog

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/mmaudit/mmaudit/internal/durable"
)

// disk is every way in which the log changes its folder. Tests put faults in.
type disk struct {
	// Create makes a file that nobody will read before the next Replace. A
	// crash may leave it torn. If another writer was killed there, that goes.
	Create func(name string, data []byte) error
	// Stage writes what will be the content of a file to a temporary one
	// beside it, so that Replace has little left to do.
	Stage func(name string, data []byte) (temporary string, err error)
	// Replace gives a staged file its name: a crash leaves the old or the new.
	Replace func(temporary, name string) error

	// Mkdir makes a folder and those above it, up to base, which must be there.
	Mkdir   func(base, dir string) error
	SyncDir func(dir string) error
	Remove  func(name string) error // a file, or an empty folder
}

// The system calls, in order, are those in the comments. What they return is
// durable. A log's folder has no symbolic links of its own.
var durably = disk{
	Create: func(name string, data []byte) error { // open write fsync close, open fsync close of the folder
		err := writeNew(name, data)
		if errors.Is(err, fs.ErrExist) {
			if err = os.Remove(name); err == nil {
				err = writeNew(name, data)
			}
		}
		if err != nil {
			return err
		}
		return durable.SyncDir(filepath.Dir(name))
	},
	Stage: func(name string, data []byte) (string, error) { // open write fsync close
		for {
			temporary := temporaryName(name)
			if err := writeNew(temporary, data); !errors.Is(err, fs.ErrExist) {
				return temporary, err
			}
		}
	},
	Replace: func(temporary, name string) error { // rename, open fsync close of the folder
		if err := os.Rename(temporary, name); err != nil {
			return err
		}
		return durable.SyncDir(filepath.Dir(name))
	},
	Mkdir:   func(base, dir string) error { return durable.MkdirBelow(base, dir, 0o755) },
	SyncDir: durable.SyncDir,
	Remove:  os.Remove,
}

// writeNew makes a file with its content durable, but not its name. If that
// fails there is no file.
func writeNew(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(name)
	}
	return err
}

// inFolder does something to a file, and makes its folder below base if there is
// none.
func (d disk) inFolder(base, name string, do func() error) error {
	err := do()
	if errors.Is(err, fs.ErrNotExist) {
		if err = d.Mkdir(base, filepath.Dir(name)); err == nil {
			err = do()
		}
	}
	return err
}

// WriteFile makes or replaces a file, and makes its folder below base if there is
// none.
func (d disk) WriteFile(base, name string, data []byte) error {
	var temporary string
	err := d.inFolder(base, name, func() (err error) {
		temporary, err = d.Stage(name, data)
		return err
	})
	if err == nil {
		err = d.Replace(temporary, name)
	}
	if err != nil && temporary != "" {
		d.Remove(temporary)
	}
	return err
}

func temporaryName(name string) string {
	dir, base := filepath.Split(name)
	return dir + "." + base + "." + strconv.FormatUint(uint64(rand.Uint32()), 36) + ".tmp"
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
