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
	return err == nil && id.ino == ino && unix.Major(id.dev) == major && unix.Minor(id.dev) == minor, err
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
