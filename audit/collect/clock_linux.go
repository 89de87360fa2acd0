package collect

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// synced asks the kernel, which hears it from whatever keeps the time: NTP, PTP
// or chrony. Containers may not ask.
func synced() *bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err != nil {
		return nil
	}
	ok := state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
	return &ok
}

// bootID tells records apart that were made before and after a restart, across
// which a clock may jump.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
