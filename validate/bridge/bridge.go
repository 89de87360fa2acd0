// Package bridge relates the moments of two data sets that were made from one
// drive, such as KITTI raw and nuScenes, although their clocks differ.
//
// It looks for one clock offset: the difference of the two clocks, constant
// over the drive. Candidates are 0, the time zones and time scales that people
// forget (quarters of an hour; 18 s, 19 s and 37 s between UTC, GPS and TAI),
// and every alignment of the first moments of one data set with moments of the
// other. A candidate is as good as the number of moments that find a partner
// within half of the shorter frame period, then as the median distance that
// remains. The offset is then the median of the differences of partners;
// except where those scatter over a tenth of half a frame period, since two
// sensors took them, and a time zone or scale explains them: then it is that
// zone or scale itself, to which the scatter adds nothing.
//
// Frames come at a steady rate, so an alignment that is off by one frame looks
// almost as good: only the jitter of the triggers tells them apart. Where it
// does not, Build says so instead of guessing.
package bridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/mmaudit/mmaudit/validate/moment"
)

// A Map relates two data sets.
type Map struct {
	Clock    int64   `json:"clock_offset_ns"` // reading of b's clock minus that of a's at the same instant, ns
	Residual int64   `json:"residual_ns"`     // median distance of partners after the clock offset, ns
	Worst    int64   `json:"worst_ns"`        // greatest such distance
	Drift    float64 `json:"drift_ppm"`       // how fast b's clock runs against a's, parts per million
	Rows     []Row   `json:"-"`               // by time of b
	AloneA   int     `json:"alone_a"`         // moments of a between the first and the last partner that have none
	AloneB   int     `json:"alone_b"`         // moments of b without a partner
}

// A Row is one moment in both data sets.
type Row struct {
	A, B     string // samples
	KeyA     string // canonical key of a's sample
	Distance int64  // b - a after the clock offset, ns
}

// ErrUnrelated is wrapped where no clock offset makes the two data sets fit.
var ErrUnrelated = errors.New("the data sets do not show one drive")

// ErrAmbiguous is wrapped where several clock offsets fit equally well.
var ErrAmbiguous = errors.New("several clock offsets fit equally well")

// A stamp is one moment with its reference time.
type stamp struct {
	time   int64
	sample string
	key    string
}

// Build relates the moments of a and b. All of their moments must be stamped.
func Build(ctx context.Context, a, b moment.Source) (*Map, error) {
	as, err := stamps(ctx, a)
	if err != nil {
		return nil, err
	}
	bs, err := stamps(ctx, b)
	if err != nil {
		return nil, err
	}
	return build(as, bs)
}

func stamps(ctx context.Context, src moment.Source) ([]stamp, error) {
	var out []stamp
	untimed := ""
	err := src.Moments(func(m *moment.Moment) bool {
		if ref, ok := m.Ref(); ok && ref.Timed {
			out = append(out, stamp{ref.Time, m.Sample, m.Key})
		} else {
			untimed = m.Sample
		}
		return untimed == "" && ctx.Err() == nil
	})
	switch {
	case err != nil:
		return nil, err
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case untimed != "":
		return nil, fmt.Errorf("%s: sample %s has no stamp of its reference channel", src.Dataset().Root, untimed)
	case len(out) == 0:
		return nil, fmt.Errorf("%s: no moments", src.Dataset().Root)
	}
	slices.SortFunc(out, func(a, b stamp) int { return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.sample, b.sample)) })
	return out, nil
}

func build(as, bs []stamp) (*Map, error) {
	tol := tolerance(as, bs)
	best, err := align(as, bs, tol)
	if err != nil {
		return nil, err
	}
	rows := partners(as, bs, best.clock, tol)
	m := &Map{Clock: best.clock}
	if !best.known || best.rest <= tol/10 {
		d := make([]int64, len(rows))
		for i, r := range rows {
			d[i] = bs[r.b].time - as[r.a].time
		}
		m.Clock = median(d)
		rows = partners(as, bs, m.Clock, tol) // they may change once
	}
	var apart []int64
	for _, r := range rows {
		dist := bs[r.b].time - as[r.a].time - m.Clock
		m.Rows = append(m.Rows, Row{A: as[r.a].sample, B: bs[r.b].sample, KeyA: as[r.a].key, Distance: dist})
		apart = append(apart, max(dist, -dist))
		m.Worst = max(m.Worst, max(dist, -dist))
	}
	m.Residual = median(apart)
	m.Drift = drift(as, bs, rows)
	m.AloneB = len(bs) - len(rows)
	if len(rows) > 0 {
		lo, hi := len(as), 0
		for _, r := range rows {
			lo, hi = min(lo, r.a), max(hi, r.a)
		}
		m.AloneA = hi - lo + 1 - len(rows)
	}
	return m, nil
}

// tolerance is half of the shorter frame period.
func tolerance(as, bs []stamp) int64 {
	shorter := int64(math.MaxInt64)
	for _, s := range [][]stamp{as, bs} {
		var steps []int64
		for i := 1; i < len(s); i++ {
			steps = append(steps, s[i].time-s[i-1].time)
		}
		if len(steps) > 0 {
			shorter = min(shorter, median(steps))
		}
	}
	if shorter == math.MaxInt64 {
		shorter = 100e6 // single moments: the period of a 10 Hz scanner
	}
	return max(shorter/2, 1)
}

// A fit says how well a clock offset makes two data sets agree.
type fit struct {
	clock   int64
	matched int
	rest    int64 // median distance of the partners
	known   bool  // a time zone or scale, not a mere alignment
}

// maxProbes bounds the moments of b that judge a candidate.
const maxProbes = 256

// align finds the clock offset.
func align(as, bs []stamp, tol int64) (fit, error) {
	probes := bs
	if len(bs) > maxProbes {
		probes = make([]stamp, maxProbes)
		for i := range probes {
			probes[i] = bs[i*(len(bs)-1)/(maxProbes-1)]
		}
	}
	var best []fit
	for _, clock := range scales() {
		// A known scale explains whole seconds; what is left is at most a
		// frame period of trigger delay, found by the median.
		if f := judge(as, probes, clock, tol); 2*f.matched >= len(probes) {
			f.known = true
			best = append(best, f)
		}
	}
	for _, b := range []stamp{probes[0], probes[len(probes)/2], probes[len(probes)-1]} {
		for i := range as {
			if f := judge(as, probes, b.time-as[i].time, tol); 2*f.matched >= len(probes) {
				best = append(best, f)
			}
		}
	}
	if len(best) == 0 {
		return fit{}, fmt.Errorf("%w: no clock offset gives half of the %d moments a partner within %v", ErrUnrelated, len(bs), time.Duration(tol))
	}
	slices.SortFunc(best, func(x, y fit) int {
		known := 0
		if x.known != y.known {
			known = 1
			if x.known {
				known = -1
			}
		}
		return cmp.Or(cmp.Compare(y.matched, x.matched), cmp.Compare(x.rest, y.rest), known, cmp.Compare(abs(x.clock), abs(y.clock)), cmp.Compare(x.clock, y.clock))
	})
	first := best[0]
	// A known scale wins over alignments that are no better by more than
	// chance: it has a reason, they have none.
	for _, f := range best {
		if f.known && 10*f.matched >= 9*first.matched && f.rest <= max(2*first.rest, tol/10) {
			return f, nil
		}
	}
	for _, f := range best[1:] {
		if abs(f.clock-first.clock) <= tol {
			continue
		}
		if f.matched == first.matched && f.rest <= max(2*first.rest, 1000) {
			return fit{}, fmt.Errorf("%w: %v and %v, with %d partners each, %v and %v apart",
				ErrAmbiguous, time.Duration(first.clock), time.Duration(f.clock), f.matched, time.Duration(first.rest), time.Duration(f.rest))
		}
	}
	return first, nil
}

// scales are the clock differences that have a name.
func scales() []int64 {
	out := []int64{0}
	for q := int64(-56); q <= 56; q++ {
		for _, s := range []int64{0, 18e9, -18e9, 19e9, -19e9, 37e9, -37e9} {
			if d := q*int64(15*time.Minute) + s; d != 0 {
				out = append(out, d)
			}
		}
	}
	return out
}

// judge counts the probes that find a moment of a within tol after the clock
// offset, and the median distance after a common rest is taken away.
func judge(as, probes []stamp, clock, tol int64) fit {
	f := fit{clock: clock}
	var d []int64
	for _, p := range probes {
		i := nearest(as, p.time-clock)
		if dist := p.time - clock - as[i].time; abs(dist) <= tol {
			d = append(d, dist)
		}
	}
	f.matched = len(d)
	if len(d) == 0 {
		return f
	}
	mid := median(d)
	for i := range d {
		d[i] = abs(d[i] - mid)
	}
	f.rest = median(d)
	return f
}

func nearest(as []stamp, t int64) int {
	i, _ := slices.BinarySearchFunc(as, t, func(s stamp, t int64) int { return cmp.Compare(s.time, t) })
	if i == len(as) || i > 0 && t-as[i-1].time <= as[i].time-t {
		i--
	}
	return i
}

type match struct{ a, b int }

// partners pairs each moment of b with the nearest of a, if it lies within
// tol; of two that claim one moment of a, the nearer has it.
func partners(as, bs []stamp, clock, tol int64) []match {
	of := map[int]int{} // a -> position in out
	var out []match
	for k, b := range bs {
		i := nearest(as, b.time-clock)
		dist := abs(b.time - clock - as[i].time)
		if dist > tol {
			continue
		}
		if at, taken := of[i]; taken {
			if dist < abs(bs[out[at].b].time-clock-as[i].time) {
				out[at].b = k
			}
			continue
		}
		of[i] = len(out)
		out = append(out, match{i, k})
	}
	return out
}

// drift fits a line to the differences over time: its slope, in ppm.
func drift(as, bs []stamp, rows []match) float64 {
	if len(rows) < 3 {
		return 0
	}
	n := float64(len(rows))
	t0, d0 := as[rows[0].a].time, bs[rows[0].b].time-as[rows[0].a].time
	var mx, my, sxx, sxy float64
	for _, r := range rows {
		mx += float64(as[r.a].time-t0) / n
		my += float64(bs[r.b].time-as[r.a].time-d0) / n
	}
	for _, r := range rows {
		x, y := float64(as[r.a].time-t0)-mx, float64(bs[r.b].time-as[r.a].time-d0)-my
		sxx += x * x
		sxy += x * y
	}
	if sxx == 0 {
		return 0
	}
	return sxy / sxx * 1e6
}

// median gives the lower median; v is reordered.
func median(v []int64) int64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[(len(v)-1)/2]
}

func abs(n int64) int64 { return max(n, -n) }
