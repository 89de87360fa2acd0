//go:build !linux

package job

import (
	"syscall"
	"time"
)

type used struct {
	alive   int
	cpu     time.Duration
	largest int64
}

func usage([]int) used { return used{} }

// maxRSS is in bytes on Darwin.
func maxRSS(u *syscall.Rusage) int64 { return u.Maxrss }
