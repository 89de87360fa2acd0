package toolchain

import (
	"context"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

func identify(f *os.File) (fileID, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		return fileID{}, err
	}
	return fileID{uint64(st.Dev), st.Ino, st.Size, st.Mtim.Nano(), st.Ctim.Nano()}, nil
}

// sameFile reports whether an open file is the one that a mapping names by
// device and inode.
func sameFile(f *os.File, major, minor uint32, ino uint64) (bool, error) {
	id, err := identify(f)
	if err != nil || id.ino != ino {
		return false, err
	}
	if unix.Major(id.dev) == major && unix.Minor(id.dev) == minor {
		return true, nil
	}
	var st unix.Statfs_t
	err = unix.Fstatfs(int(f.Fd()), &st)
	return err == nil && twoDevices[int64(uint32(st.Type))], err
}

// twoDevices are file systems whose files have one device for stat(2) and
// another in /proc/PID/maps: the layer below, or the whole of the subvolumes.
var twoDevices = map[int64]bool{
	unix.OVERLAYFS_SUPER_MAGIC: true,
	unix.BTRFS_SUPER_MAGIC:     true,
}

// clockState asks the kernel whether its clock is disciplined. Reading needs no
// privilege.
func clockState(_ context.Context, e *env) (any, string, error) {
	const from = "adjtimex"
	if e.root != "/" {
		return nil, from, errAbsent
	}
	var tx unix.Timex
	state, err := unix.Adjtimex(&tx)
	if err != nil {
		return nil, from, err
	}
	return map[string]any{
		"synchronised":       tx.Status&unix.STA_UNSYNC == 0 && state != unix.TIME_ERROR,
		"max_error_us":       int64(tx.Maxerror),
		"estimated_error_us": int64(tx.Esterror),
	}, from, nil
}
