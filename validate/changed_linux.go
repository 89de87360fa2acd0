package validate

import (
	"io/fs"
	"syscall"
)

// changed is when the file last changed in any way (ctime), in ns since 1970,
// which no program can set back.
func changed(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ctim.Nano()
	}
	return 0
}
