package rules

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/metadata"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// The rules about offsets in the company of the others of their channel. They
// look at those alone that no rule about a single offset refutes.
var ummTrends = []Rule{
	{
		ID: "UMM030", Slug: "offset-outlier", Severity: rule.Warning,
		Summary: "No offset lies more than 6 median absolute deviations, and more than a millisecond, from the median of its channel in the drive or scene. (The radars of nuScenes are not triggered and are left out, here and in UMM031.)",
		Why:     "A single frame that is off was triggered late, lost and replaced, or paired with the wrong moment.",
		Example: "image_02 at -6.1 ms all along the drive, at -61 ms in one frame",
		Hint:    "look at that frame; where all channels jump at once, the reference is what jumped",
		Checks:  []Check{rule.On(outliers)},
	},
	{
		ID: "UMM031", Slug: "offset-drift", Severity: rule.Warning,
		Summary: "The offset of a channel does not grow or shrink along a drive or scene by more than 50 ppm.",
		Why:     "Two clocks that are not synchronised run apart: what fits at the start is frames off at the end.",
		Example: "image_01 at 0 ms at the start of a drive, at 30 ms after five minutes",
		Hint:    "synchronise the clocks (PTP, GPS), or correct the drift before computing offsets",
		Checks:  []Check{rule.On(drift)},
	},
}

// minMoments is the least number of moments from which medians and trends say
// something.
const minMoments = 10

// A point is an offset that no rule refutes.
type point struct {
	r    *metadata.Record
	ns   int64
	time int64 // of the reference; valid if ok
	ok   bool
}

// points gives the offsets of each channel, by drive: the frames of KITTI
// object come from many. The radars of nuScenes run free: each sample has the
// nearest scan, at any distance up to half a period.
func points(c *Ctx, g *metadata.Group) map[string]map[string][]point {
	out := map[string]map[string][]point{}
	for _, s := range g.Samples {
		drive := g.Name
		if rest, ok := strings.CutPrefix(s.Key, "kitti-raw/"); ok {
			drive, _, _ = strings.Cut(rest, "/")
		}
		for _, r := range s.Records {
			if r == nil || r.IsReference() || c.Dataset.Schema == nuScenes && strings.HasPrefix(r.Channel, "RADAR_") {
				continue
			}
			v, ns := judge(r)
			if v != right && v != unknownStamps {
				continue
			}
			if v == unknownStamps && byWindow(c.Params, c.Dataset.Schema, r.Channel, ns) != unknownStamps {
				continue // refuted
			}
			ref, ok := s.Ref()
			if out[drive] == nil {
				out[drive] = map[string][]point{}
			}
			out[drive][r.Channel] = append(out[drive][r.Channel], point{r, ns, ref.Time, ok && ref.Timed})
		}
	}
	return out
}

func outliers(c *Ctx, g *metadata.Group) {
	for drive, all := range points(c, g) {
		outliersOf(c, drive, all)
	}
}

// outliersOf compares each offset with the others of its channel. Where most
// channels of a moment jump by the same amount, it is the reference that
// jumped, and said once.
func outliersOf(c *Ctx, drive string, all map[string][]point) {
	type jump struct {
		p   point
		med int64
	}
	jumps := map[*metadata.Sample][]jump{}
	for _, ps := range all {
		if len(ps) < minMoments {
			continue
		}
		med, mad := spread(ps)
		for _, p := range ps {
			if d := distance(p.ns, med); d > 6*mad && d > 1e6 {
				jumps[p.r.Moment] = append(jumps[p.r.Moment], jump{p, med})
			}
		}
	}
	for s, js := range jumps {
		slices.SortFunc(js, func(a, b jump) int { return cmp.Compare(a.p.r.Channel, b.p.r.Channel) })
		if len(js) > 1 && 2*len(js) > len(all) && together(len(js), func(i int) int64 { return js[i].p.ns - js[i].med }) {
			r := js[0].p.r
			c.Report(Finding{
				Message: fmt.Sprintf("%d channels of sample %s lie %s from their usual offset at once: the reference %s itself is off", len(js), s.Sample, human.Duration(js[0].p.ns-js[0].med), r.Reference()),
				Place:   r.Place, Key: s.Sample,
			})
			continue
		}
		for _, j := range js {
			reportOffset(c, j.p.r, Finding{
				Message:  fmt.Sprintf("%s lies %s from the reference, %s from its median in %s", j.p.r.Channel, human.Duration(j.p.ns), human.Duration(j.p.ns-j.med), drive),
				Expected: fmt.Sprintf("about %d", j.med), Actual: fmt.Sprint(j.p.ns),
			})
		}
	}
}

// together reports whether n jumps go the same way and differ by less than
// half of the first.
func together(n int, at func(int) int64) bool {
	for i := 1; i < n; i++ {
		if at(i) < 0 != (at(0) < 0) || distance(at(i), at(0)) > distance(at(0), 0)/2 {
			return false
		}
	}
	return true
}

// spread gives the median and the median absolute deviation.
func spread(ps []point) (med int64, mad uint64) {
	v := make([]int64, len(ps))
	for i, p := range ps {
		v[i] = p.ns
	}
	slices.Sort(v)
	med = v[len(v)/2]
	d := make([]uint64, len(v))
	for i, x := range v {
		d[i] = distance(x, med)
	}
	slices.Sort(d)
	return med, d[len(d)/2]
}

// drift fits a line to the offsets of each channel over time. A trend counts
// if it is six times its own standard error, so that jitter is none.
func drift(c *Ctx, g *metadata.Group) {
	for drive, all := range points(c, g) {
		for channel, ps := range all {
			ps = slices.DeleteFunc(ps, func(p point) bool { return !p.ok })
			if len(ps) < minMoments {
				continue
			}
			slope, se := fit(ps)
			if math.Abs(slope) <= 50e-6 || math.Abs(slope) < 6*se {
				continue
			}
			span := float64(ps[len(ps)-1].time - ps[0].time)
			c.Report(Finding{
				Message:  fmt.Sprintf("the offset of %s drifts by %.0f ppm in %s, %s over %s", channel, slope*1e6, drive, human.Duration(int64(slope*span)), human.Duration(int64(span))),
				Place:    Place{Path: ps[0].r.Place.Path, Line: ps[0].r.Place.Line, Channel: channel},
				Expected: "at most 50 ppm", Actual: fmt.Sprintf("%.1f ppm", slope*1e6), Key: drive + " " + channel,
			})
		}
	}
}

// fit gives the least-squares slope of offset over time and its standard
// error. Differences of stamps of one drive are exact in float64.
func fit(ps []point) (slope, se float64) {
	n := float64(len(ps))
	var mx, my float64
	for _, p := range ps {
		mx += float64(p.time-ps[0].time) / n
		my += float64(p.ns-ps[0].ns) / n
	}
	var sxx, sxy float64
	for _, p := range ps {
		x, y := float64(p.time-ps[0].time)-mx, float64(p.ns-ps[0].ns)-my
		sxx += x * x
		sxy += x * y
	}
	if sxx == 0 {
		return 0, 0
	}
	slope = sxy / sxx
	var rss float64
	for _, p := range ps {
		e := float64(p.ns-ps[0].ns) - my - slope*(float64(p.time-ps[0].time)-mx)
		rss += e * e
	}
	return slope, math.Sqrt(rss / max(n-2, 1) / sxx)
}
