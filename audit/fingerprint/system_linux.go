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

// Numbers of statfs(2) of file systems on which another machine writes, or
// whose times and inode numbers are not to be relied on.
var remoteTypes = map[int64]string{
	0x6969:     "NFS",
	0x517B:     "SMB",
	0xFF534D42: "CIFS",
	0xFE534D42: "SMB2",
	0x65735546: "FUSE",
	0x00C36400: "Ceph",
	0x0BD00BD0: "Lustre",
	0x47504653: "GPFS",
	0x01021997: "9P",
	0x5346414F: "AFS",
	0x6B414653: "AFS",
}

// remote names the kind of the file system if it is one on which unchanged
// times do not mean unchanged content.
func remote(fd int) string {
	var st unix.Statfs_t
	if unix.Fstatfs(fd, &st) != nil {
		return ""
	}
	return remoteTypes[int64(uint32(st.Type))]
}
