//go:build unix

package keys

import (
	"io/fs"
	"os"
	"syscall"
)

// exposed reports whether a file of this user grants anything to others. One
// of somebody else, such as a secret mounted into a container, is his to guard.
func exposed(info fs.FileInfo) bool {
	sys, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode().IsRegular() && int64(sys.Uid) == int64(os.Getuid()) && info.Mode().Perm()&0o077 != 0
}
