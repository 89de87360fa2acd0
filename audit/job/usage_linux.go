package job

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
)

// used is what processes used of the machine.
type used struct {
	alive   int
	cpu     time.Duration
	largest int64
}

// usage reads /proc/PID/stat and /proc/PID/status of processes, of which some
// may have ended.
func usage(pids []int) used {
	var u used
	for _, pid := range pids {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		u.alive++
		u.cpu += cpuTime(stat)
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		u.largest = max(u.largest, peak(status))
	}
	return u
}

// tick is the unit of times in /proc, USER_HZ: 1/100 s wherever Go runs.
const tick = 10 * time.Millisecond

// cpuTime sums utime, stime, cutime and cstime, fields 14 to 17 of
// proc_pid_stat(5): of the process and of the children that it reaped. The
// second field, the name in parentheses, may hold anything.
func cpuTime(stat []byte) time.Duration {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	sum := int64(0)
	for i := 14; i <= 17 && i-3 < len(fields); i++ {
		n, err := strconv.ParseInt(string(fields[i-3]), 10, 64)
		if err == nil && n > 0 && n < 1<<40 {
			sum += n
		}
	}
	return time.Duration(sum) * tick
}

// peak gives the line "VmHWM:    1234 kB" in bytes.
func peak(status []byte) int64 {
	for l := range bytes.Lines(status) {
		if v, ok := bytes.CutPrefix(l, []byte("VmHWM:")); ok {
			n, err := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(v), []byte(" kB"))), 10, 64)
			if err == nil && n > 0 && n < 1<<50 {
				return n << 10
			}
		}
	}
	return 0
}

// maxRSS is in kilobytes on Linux.
func maxRSS(u *syscall.Rusage) int64 { return u.Maxrss << 10 }
