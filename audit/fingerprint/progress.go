//go:build unix

package fingerprint

import (
	"sync"
	"sync/atomic"
	"time"
)

// A tally counts from many goroutines.
type tally struct{ files, bytes counter }

type counter struct{ v atomic.Uint64 }

// Add adds n, which may wrap around to subtract.
func (c *counter) Add(n uint64) { c.v.Add(n) }

type phaseValue struct{ v atomic.Value }

func (p *phaseValue) set(ph Phase) { p.v.Store(ph) }

func (r *run) progress() Progress {
	ph, _ := r.phase.v.Load().(Phase)
	return Progress{
		Phase: ph,
		Files: r.done.files.v.Load(), Bytes: r.done.bytes.v.Load(),
		CachedFiles: r.kept.files.v.Load(), CachedBytes: r.kept.bytes.v.Load(),
		TotalFiles: r.total.files.v.Load(), TotalBytes: r.total.bytes.v.Load(),
		Entries: r.entries.v.Load(), Sealed: r.sealed.v.Load(), Alone: r.reading.Load().alone(),
	}
}

// report starts to call Progress. The function that it returns calls it a last
// time and ends that.
func (r *run) report() (stop func()) {
	r.phase.set(Scanning)
	if r.o.Progress == nil {
		return func() {}
	}
	end := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				r.o.Progress(r.progress())
			case <-end:
				return
			}
		}
	})
	return func() {
		close(end)
		wg.Wait()
		r.o.Progress(r.progress())
	}
}
