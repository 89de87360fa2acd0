//go:build unix

package fingerprint

import (
	"sync"
	"sync/atomic"
	"time"
)

// A Phase is a part of a run.
type Phase string

// The phases of a run, in order.
const (
	Scanning Phase = "scanning" // listing the folders: the totals still grow
	Reading  Phase = "reading"  // hashing the files: the totals are known
	Sealing  Phase = "sealing"  // looking at every entry a last time
)

// Progress tells how far a run is.
type Progress struct {
	Phase                  Phase
	Files, Bytes           uint64 // done, those from the cache included
	TotalFiles, TotalBytes uint64 // found so far; all, once Phase is Reading
}

// A tally counts from many goroutines.
type tally struct{ files, bytes counter }

type counter struct{ v atomic.Uint64 }

// Add adds n, which may wrap around to subtract.
func (c *counter) Add(n uint64) { c.v.Add(n) }

type phaseValue struct{ v atomic.Value }

func (p *phaseValue) set(ph Phase) { p.v.Store(ph) }

func (r *run) progress() Progress {
	ph, _ := r.phase.v.Load().(Phase)
	return Progress{ph, r.done.files.v.Load(), r.done.bytes.v.Load(), r.total.files.v.Load(), r.total.bytes.v.Load()}
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
