package clikit

import (
	"os"
	"runtime"
	"runtime/debug"
)

// CollectLate puts the first garbage collection off until the heap has 32 MB,
// and has those after it come whenever it has grown by percent, unless GOGC is
// set: most commands are over before there is garbage to speak of.
func CollectLate(percent int) {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(800) // of 4 MB, the least that counts
	runtime.AddCleanup(new(*int), func(percent int) { debug.SetGCPercent(percent) }, percent)
}
