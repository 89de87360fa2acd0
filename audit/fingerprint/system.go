//go:build unix

package fingerprint

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

func statOf(st *unix.Stat_t) stat {
	return stat{
		dev: uint64(st.Dev), ino: uint64(st.Ino), links: uint64(st.Nlink), size: uint64(st.Size),
		mode: uint32(st.Mode), mtime: st.Mtim.Nano(), ctime: st.Ctim.Nano(),
	}
}

// kind is the kind that rows have for this type of file.
func (a stat) kind() byte {
	switch a.mode & unix.S_IFMT {
	case unix.S_IFREG:
		return 'f'
	case unix.S_IFLNK:
		return 'l'
	case unix.S_IFDIR:
		return 'd'
	}
	return 'o'
}

// what names a special file.
func (a stat) what() string {
	switch a.mode & unix.S_IFMT {
	case unix.S_IFIFO:
		return "a named pipe"
	case unix.S_IFSOCK:
		return "a socket"
	case unix.S_IFCHR, unix.S_IFBLK:
		return "a device"
	}
	return "of a type unknown"
}

// filesOf is how many files each of so many workers may have open, at most want:
// all of them take half of what the process may open. The rest is for folders,
// and for what is sorted on disk.
func filesOf(workers, want int) int {
	var most unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &most) != nil {
		return want
	}
	return int(min(max(1, uint64(most.Cur)/2/uint64(workers)), uint64(want)))
}

// again calls a system call until no signal interrupts it.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// lstatAt describes what lies at name in the folder, following no link.
func lstatAt(dir int, name string) (stat, error) {
	var st unix.Stat_t
	err := again(func() error { return unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return statOf(&st), err
}

func fstat(fd int) (stat, error) {
	var st unix.Stat_t
	err := again(func() error { return unix.Fstat(fd, &st) })
	return statOf(&st), err
}

// openAt opens name in the folder for reading. It follows no link and never
// waits, not even for a named pipe that took the place of a file.
func openAt(dir int, name string, flags int) (fd int, err error) {
	err = again(func() error {
		fd, err = unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY|flags, 0)
		return err
	})
	return fd, err
}

func openFolderAt(dir int, name string) (int, error) { return openAt(dir, name, unix.O_DIRECTORY) }

// openRoot opens a folder: to list it, or only to reach what is in it.
func openRoot(name string, reach bool) (fd int, err error) {
	flags := unix.O_RDONLY
	if reach {
		flags = oReach
	}
	err = again(func() error {
		fd, err = unix.Open(name, flags|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return -1, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return fd, nil
}

// readAt reads from an offset on; io.EOF at the end.
func readAt(fd int, b []byte, off uint64) (n int, err error) {
	err = again(func() error {
		n, err = unix.Pread(fd, b, int64(off))
		return err
	})
	if err == nil && n == 0 {
		err = io.EOF
	}
	return max(n, 0), err // the kernel's -1 is no number of bytes
}

func readlinkAt(dir int, name string) (string, error) {
	for size := 256; ; size *= 4 {
		b := make([]byte, size)
		var n int
		err := again(func() (err error) {
			n, err = unix.Readlinkat(dir, name, b)
			return err
		})
		if err != nil {
			return "", err
		}
		if n < size {
			return string(b[:n]), nil
		}
	}
}

// A climber opens what lies at paths below a root, one after the other. It
// keeps the folders of the last path open: paths that come in order cost one
// open each. It follows no link on the way. It is for one goroutine.
type climber struct {
	root  int
	names []string // folders below the root that are open
	fds   []int    // theirs
}

// folder returns the open folder in which p lies, and p's name in it. The
// folder is open until the next call.
func (c *climber) folder(p string) (fd int, base string, err error) {
	dir, base := path.Split(p)
	n := 0
	for rest := dir; n < len(c.names); n++ {
		after, ok := strings.CutPrefix(rest, c.names[n])
		if !ok || !strings.HasPrefix(after, "/") {
			break
		}
		rest = after[1:]
	}
	for len(c.fds) > n {
		c.pop()
	}
	for _, name := range c.names {
		dir = dir[len(name)+1:]
	}
	for dir != "" {
		var name string
		name, dir, _ = strings.Cut(dir, "/")
		fd, err := openFolderAt(c.top(), name)
		if err != nil {
			return -1, "", err
		}
		c.names, c.fds = append(c.names, name), append(c.fds, fd)
	}
	return c.top(), base, nil
}

func (c *climber) top() int {
	if len(c.fds) == 0 {
		return c.root
	}
	return c.fds[len(c.fds)-1]
}

func (c *climber) pop() {
	last := len(c.fds) - 1
	unix.Close(c.fds[last])
	c.names, c.fds = c.names[:last], c.fds[:last]
}

// lstat describes what lies at p.
func (c *climber) lstat(p string) (stat, error) {
	if p == "" {
		return fstat(c.root)
	}
	dir, base, err := c.folder(p)
	if err != nil {
		return stat{}, err
	}
	return lstatAt(dir, base)
}

func (c *climber) close() {
	for len(c.fds) > 0 {
		c.pop()
	}
}

// errnoText is the system's word for an error, without the path around it.
func errnoText(err error) string {
	var no unix.Errno
	if errors.As(err, &no) {
		return no.Error()
	}
	var pe *os.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

// troubleOf sorts an error of the system: what vanished or became something
// else changed; the rest could not be read.
func troubleOf(err error) trouble {
	for _, e := range [...]error{fs.ErrNotExist, unix.ELOOP, unix.ENOTDIR, unix.ESTALE, unix.ENXIO, errChanged} {
		if errors.Is(err, e) {
			return unstable
		}
	}
	return unreadable
}

// errChanged says that a file was not the same before and after it was read.
var errChanged = errors.New("size, time or identity differ before and after")

// fatal reports whether an error is about this process rather than the entry:
// it ends the run.
func fatal(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOMEM)
}
