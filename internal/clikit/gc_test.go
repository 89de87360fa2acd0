package clikit

import (
	"runtime"
	"runtime/metrics"
	"testing"
)

func TestPace(t *testing.T) {
	for _, c := range []struct {
		live          uint64
		percent, want int
	}{
		{0, 10, 800},
		{4 << 20, 100, 800},
		{16 << 20, 10, 200},
		{64 << 20, 10, 50},
		{64 << 20, 100, 100},
		{512 << 20, 10, 10},
		{1 << 40, 10, 10},
	} {
		if got := pace(c.live, c.percent); got != c.want {
			t.Errorf("pace(%d, %d) = %d, want %d", c.live, c.percent, got, c.want)
		}
	}
}

// TestPaceFollowsTheHeap: the pace is set anew after each collection, in both
// directions; or a large heap would grow by as many percent as a small one.
func TestPaceFollowsTheHeap(t *testing.T) {
	percent := func() uint64 {
		s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	becomes := func(when string, fits func(uint64) bool) {
		t.Helper()
		for range 1000 { // what follows a collection runs beside this
			if runtime.GC(); fits(percent()) {
				return
			}
			runtime.Gosched()
		}
		t.Errorf("%s the heap may grow by %d %%", when, percent())
	}
	paceFrom(0, 10)
	if percent() != 800 {
		t.Errorf("at first the heap may grow by %d %%", percent())
	}
	for range 2 {
		large := make([]byte, 128<<20)
		becomes("with 128 MB alive,", func(p uint64) bool { return p <= 25 })
		runtime.KeepAlive(large)
		large = nil
		becomes("with little alive,", func(p uint64) bool { return p > 100 })
	}
}
