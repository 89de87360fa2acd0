package fingerprint

import (
	"errors"

	"golang.org/x/sys/unix"
)

// oReach opens a folder that may be entered, though perhaps not listed.
const oReach = unix.O_PATH

// readFirst reads from where the reading of a file begins, which is read once
// from there on. It reports whether the file was out of the page cache, in which case forget
// must bring it back there: what others keep warm stays warm, and what we read
// leaves no trace.
func readFirst(fd int, b []byte, off uint64) (n int, cold bool, err error) {
	n, err = unix.Preadv2(fd, [][]byte{b}, int64(off), unix.RWF_NOWAIT)
	if err == nil && n > 0 {
		return n, false, nil
	}
	if err != nil {
		unix.Fadvise(fd, 0, 0, unix.FADV_SEQUENTIAL)
		// Some file systems cannot answer. There LRU would evict others for us: drop.
		cold = errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EOPNOTSUPP)
	}
	n, err = readAt(fd, b, off)
	return n, cold, err
}

// forget drops the pages of a range that was read.
func forget(fd int, from, n int64) { unix.Fadvise(fd, from, n, unix.FADV_DONTNEED) }
