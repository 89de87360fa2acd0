package fingerprint

import (
	"errors"

	"golang.org/x/sys/unix"
)

// oReach opens a folder that may be entered, though perhaps not listed.
const oReach = unix.O_PATH

// announce tells the kernel that a file is about to be read once from start to
// end. It reports whether the file was out of the page cache, in which case
// forget must bring it back there: what others keep warm stays warm, and what
// we read leaves no trace.
func announce(fd int) (cold bool) {
	var b [1]byte
	_, err := unix.Preadv2(fd, [][]byte{b[:]}, 0, unix.RWF_NOWAIT)
	if err == nil {
		return false
	}
	unix.Fadvise(fd, 0, 0, unix.FADV_SEQUENTIAL)
	// Some file systems cannot answer. There LRU would evict others for us: drop.
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EOPNOTSUPP)
}

// forget drops the pages of a range that was read.
func forget(fd int, from, n int64) { unix.Fadvise(fd, from, n, unix.FADV_DONTNEED) }
