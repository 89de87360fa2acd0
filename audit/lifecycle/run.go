package lifecycle

import (
	"slices"
	"time"

	"github.com/mmaudit/mmaudit/audit"
)

// run is a Run with its records.
type run struct {
	Run
	entries      []*entry // of scope run, in order
	starts, ends []*entry
}

func (b *life) findRuns() {
	for _, e := range b.own {
		if e.kind.Scope != audit.OfRun {
			continue
		}
		i := slices.IndexFunc(b.runs, func(r *run) bool { return r.ID == e.p.Run })
		if i < 0 {
			i = len(b.runs)
			b.runs = append(b.runs, &run{Run: Run{ID: e.p.Run, Outcome: RunOpen}})
		}
		b.runs[i].add(e)
	}
	for _, r := range b.runs {
		r.Heartbeats.Silence = int64(r.silence(b.now) / time.Second)
	}
}

func (r *run) add(e *entry) {
	m := e.mark()
	r.entries = append(r.entries, e)
	switch {
	case e.p.Event == audit.TrainStarted:
		if r.starts = append(r.starts, e); len(r.starts) == 1 {
			r.Started = &m
			for _, d := range e.p.Data {
				r.Data = append(r.Data, d.Name)
			}
			r.Params, r.Versions = e.p.Params.Hash.String(), e.p.Toolchain.Versions
		}
	case e.heartbeat():
		if r.Heartbeats.Count++; r.Heartbeats.First == nil {
			r.Heartbeats.First = &m
		}
		r.Heartbeats.Last = &m
	case e.p.Event.EndsRun():
		outcome := map[audit.Event]Outcome{audit.TrainFinished: RunFinished, audit.TrainFailed: RunFailed, audit.TrainAborted: RunAborted}[e.p.Event]
		if r.ends = append(r.ends, e); len(r.ends) == 1 {
			r.Ended, r.Outcome = &m, outcome
		} else if r.Outcome != outcome {
			r.Outcome = RunUnclear
		}
	}
}

// silence is the longest time without a sign of life, from the first record of
// the run to its end, or to now.
func (r *run) silence(now time.Time) time.Duration {
	var longest time.Duration
	last := r.entries[0].time
	for _, e := range r.entries {
		if e.time.After(last) {
			longest, last = max(longest, e.time.Sub(last)), e.time
		}
		if e.p.Event.EndsRun() {
			return longest
		}
	}
	return max(longest, now.Sub(last))
}

// heard is when the run was last heard of.
func (r *run) heard() *entry {
	last := r.entries[0]
	for _, e := range r.entries {
		if e.time.After(last.time) {
			last = e
		}
	}
	return last
}
