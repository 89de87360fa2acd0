package clikit

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// CollectLate has garbage collected when the heap has grown by percent of what
// is alive, but not before it has grown by 32 MB: most commands are over before
// there is garbage to speak of. It does nothing if GOGC is set.
func CollectLate(percent int) {
	if os.Getenv("GOGC") == "" {
		paceFrom(0, percent)
	}
}

// paceFrom sets the pace by what is alive, now and after each collection.
func paceFrom(live uint64, percent int) {
	debug.SetGCPercent(pace(live, percent))
	runtime.AddCleanup(new(*int), func(percent int) {
		s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(s)
		paceFrom(s[0].Value.Uint64(), percent)
	}, percent)
}

// pace is by how many percent the heap may grow. Go itself takes a heap of less
// than 4 MB for one of 4 MB.
func pace(live uint64, percent int) int {
	const least, room = 4 << 20, 32 << 20
	return max(percent, int(100*room/max(live, least)))
}
