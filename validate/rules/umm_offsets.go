package rules

import (
	"cmp"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/metadata"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var ummOffsets = []Rule{
	{
		ID: "UMM016", Slug: "offset-mismatch", Severity: rule.Error,
		Formats: formats{kittiRaw, nuScenes, lyft, t4},
		Summary: "temporal_offset_ns is exactly what the native timestamps say (within 250 ns for Lyft, whose stamps are fractions of microseconds).",
		Why:     "A record that contradicts the stamps is wrong or was made for other data; motion compensation with it moves points the wrong way.",
		Example: `"temporal_offset_ns":-6635296 where timestamps.txt gives -6135296`,
		Hint:    "run `mmvalidate annotate DIR` to see what the stamps give",
		Checks:  []Check{onVerdict(wrong)},
	},
	{
		ID: "UMM017", Slug: "reference-offset", Severity: rule.Error,
		Summary: "temporal_offset_ns of the reference channel is 0.",
		Why:     "Offsets are measured against the reference; if it has one itself, all others are off by as much, or it is not the reference.",
		Example: `"channel":"image_00","temporal_offset_ns":512`,
		Hint:    "write 0, or name the channel that is the reference in mm_dataset.json",
		Checks:  []Check{onVerdict(referenceNotZero)},
	},
	{
		ID: "UMM019", Slug: "offset-implausible", Severity: rule.Warning,
		Summary: "temporal_offset_ns lies in the window of its channel (sync.windows; 100 ms either way where nothing is known).",
		Why:     "A sensor that is triggered with the others cannot lie a frame period away from them: the pairing of frames is off by one or more.",
		Example: `"channel":"velodyne","temporal_offset_ns":250000000`,
		Hint:    "check the pairing of frames; set sync.windows for a rig with other windows, or let `mmvalidate annotate --learn-windows` learn them",
		Checks: []Check{onRecord(func(c *Ctx, r *metadata.Record) {
			v, ns := judge(r)
			if v != unknownStamps && v != right || r.IsReference() {
				return
			}
			schema := c.Dataset.Schema
			if v == right && judgedByStamps(schema, r.Channel, ns) || v == unknownStamps && byWindow(c.Params, schema, r.Channel, ns) != outside {
				return
			}
			lo, hi := window(c.Params, schema, r.Channel)
			if ms := float64(ns) / 1e6; ms < lo || ms > hi {
				reportOffset(c, r, Finding{
					Message:  fmt.Sprintf("%s lies %s from the reference, outside its window", r.Channel, human.Duration(ns)),
					Expected: fmt.Sprintf("%g to %g ms", lo, hi), Actual: fmt.Sprintf("%g ms", ms),
				})
			}
		})},
	},
	{
		ID: "UMM020", Slug: "offset-unit", Severity: rule.Error,
		Summary: "temporal_offset_ns is in nanoseconds. (Where there are no stamps, the window of the channel tells.)",
		Why:     "A value in another unit is wrong by a factor of a thousand or more and still looks plausible.",
		Example: `"temporal_offset_ns":-6135 where the stamps give -6135296: microseconds`,
		Hint:    "multiply by the unit",
		Checks:  []Check{onVerdict(wrongUnit)},
	},
	{
		ID: "UMM021", Slug: "offset-sign", Severity: rule.Error,
		Summary: "temporal_offset_ns is t_channel - t_reference: positive means later than the reference. (Where there are no stamps, the window of the channel tells.)",
		Why:     "With the sign turned round, compensation doubles the error instead of removing it.",
		Example: `"temporal_offset_ns":6135296 for a camera that fired 6.1 ms before the reference`,
		Hint:    "change the sign",
		Checks:  []Check{onVerdict(wrongSign)},
	},
	{
		ID: "UMM022", Slug: "offset-float-rounded", Severity: rule.Warning,
		Formats: formats{kittiRaw},
		Summary: "temporal_offset_ns was computed from integer nanoseconds, not from floating-point seconds.",
		Why:     "Float64 seconds since 1970 have a step of 238 ns: the record is off by a little, and so is everything else that the same code computed.",
		Example: `"temporal_offset_ns":-16638756 where the stamps give -16638787`,
		Hint:    "parse the nine fraction digits as an integer; `mmvalidate annotate` does",
		Checks:  []Check{onVerdict(floatRounded)},
	},
	{
		ID: "UMM023", Slug: "offset-resolution", Severity: rule.Warning,
		Formats: formats{nuScenes, t4},
		Summary: "temporal_offset_ns is a multiple of 1000, since the native clock counts microseconds.",
		Why:     "Digits below the clock's step are invented: the value went through floating point or was measured elsewhere.",
		Example: `"temporal_offset_ns":-35491000 recorded as -35490998`,
		Hint:    "compute (sample_data.timestamp - sample.timestamp) * 1000 in integers",
		Checks:  []Check{onVerdict(belowResolution)},
	},
	{
		ID: "UMM024", Slug: "offset-all-zero", Severity: rule.Warning,
		Summary: "The offsets of a drive or scene of ten or more moments are not all 0.",
		Why:     "Sensors do not fire in the same nanosecond: 0 was written because nobody looked.",
		Example: `every record of scene-0061 with "temporal_offset_ns":0`,
		Hint:    "run `mmvalidate annotate DIR --write` to derive the offsets from the stamps",
		Checks: []Check{rule.On(func(c *Ctx, g *metadata.Group) {
			if g.Placeholder {
				c.Report(Finding{
					Message: fmt.Sprintf("every offset of %s is 0 over %s: a placeholder", g.Name, human.Count(len(g.Samples), "moment")),
					Place:   Place{Path: g.Path}, Key: g.Name,
				})
			}
		})},
	},
	{
		ID: "UMM030", Slug: "offset-outlier", Severity: rule.Warning,
		Summary: "No offset lies more than 6 median absolute deviations, and more than a millisecond, from the median of its channel in the drive or scene.",
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

// A verdict says what is wrong with one recorded offset: the most specific
// cause, and that alone.
type verdict uint8

const (
	unreadable    verdict = iota // missing or no int64: UMM006, UMM007
	unknownStamps                // nothing to hold it against
	right
	referenceNotZero
	placeholder
	wrongSign
	wrongUnit
	belowResolution
	floatRounded
	wrong
	outside // no stamps, and out of the window of the channel
)

// judge holds a recorded offset against the native stamps.
func judge(r *metadata.Record) (v verdict, recorded int64) {
	recorded, ok := r.Recorded()
	if !ok {
		return unreadable, 0
	}
	if r.IsReference() {
		if recorded != 0 {
			return referenceNotZero, recorded
		}
		return right, 0
	}
	if recorded == 0 && r.Group.Placeholder {
		return placeholder, 0
	}
	computed, ok := r.Recomputed()
	res := max(r.Native.Resolution, 1)
	if !ok {
		return unknownStamps, recorded
	}
	diff := distance(recorded, computed)
	coarse := res > 1 && r.Native.Tolerance == 0 // Lyft's microseconds have fractions
	switch {
	case diff <= uint64(r.Native.Tolerance):
		return right, recorded
	case distance(recorded, 0) == distance(computed, 0):
		return wrongSign, recorded
	case unit(recorded, computed) != "":
		return wrongUnit, recorded
	case coarse && recorded%res != 0 && diff < uint64(res):
		return belowResolution, recorded
	case res == 1 && diff <= 256:
		return floatRounded, recorded
	}
	return wrong, recorded
}

// distance is |a - b|, which int64 may not hold.
func distance(a, b int64) uint64 {
	if a < b {
		a, b = b, a
	}
	return uint64(a) - uint64(b)
}

// unit names the unit in which an offset was recorded in place of
// nanoseconds: the ratio to the computed one lies within 1 % of a power of a
// thousand, or it is the computed one rounded to that unit. "" if there is none.
func unit(recorded, computed int64) string {
	if recorded == 0 || computed == 0 || recorded < 0 != (computed < 0) {
		return ""
	}
	r, c := distance(recorded, 0), distance(computed, 0)
	for _, u := range units {
		if scaled(r, u.factor, c, u.factor) {
			return u.coarser
		}
		if scaled(c, u.factor, r, 0) {
			return u.finer
		}
	}
	return ""
}

// units are those that offsets are mistaken for, coarser and finer than ns.
var units = []struct {
	factor         uint64
	coarser, finer string
}{{1e3, "microseconds", "picoseconds"}, {1e6, "milliseconds", "femtoseconds"}, {1e9, "seconds", "attoseconds"}}

// scaled reports whether small * factor is large within 1 %, or within step.
func scaled(small, factor, large, step uint64) bool {
	hi, lo := bits.Mul64(small, factor)
	if hi != 0 {
		return false
	}
	d := max(lo, large) - min(lo, large)
	return d <= large/100 || d < step && small > 0 && large >= factor
}

// byWindow judges an offset that no stamps can be held against by the window of
// its channel. Where all of the window lies on one side of the reference, an
// offset that fits it but for its sign or its unit shows which of them is wrong.
func byWindow(p *rule.Params, s dataset.Schema, channel string, ns int64) verdict {
	lo, hi := window(p, s, channel)
	in := func(factor float64) bool { ms := float64(ns) * factor / 1e6; return lo <= ms && ms <= hi }
	switch {
	case in(1):
		return unknownStamps
	case lo <= 0 && hi >= 0:
		return outside
	case in(-1):
		return wrongSign
	}
	for _, u := range units {
		if in(float64(u.factor)) || in(1/float64(u.factor)) {
			return wrongUnit
		}
	}
	return outside
}

// onVerdict reports the records whose offset is judged to be v.
func onVerdict(v verdict) Check {
	return onRecord(func(c *Ctx, r *metadata.Record) {
		got, recorded := judge(r)
		if got == unknownStamps && v == wrong {
			c.Skip("native stamps of " + r.Group.Name)
			return
		}
		if got == unknownStamps {
			got = byWindow(c.Params, c.Dataset.Schema, r.Channel, recorded)
		}
		if got == unknownStamps && v == belowResolution && recorded%max(r.Native.Resolution, 1) != 0 {
			got = v
		}
		if got != v {
			return
		}
		computed, ok := r.Recomputed()
		f := Finding{Expected: fmt.Sprint(computed), Actual: fmt.Sprint(recorded)}
		if !ok {
			lo, hi := window(c.Params, c.Dataset.Schema, r.Channel)
			f.Expected = fmt.Sprintf("%g to %g ms", lo, hi)
		}
		switch v {
		case wrong:
			f.Message = fmt.Sprintf("temporal_offset_ns of %s is %d, the stamps give %d (%s apart)", r.Channel, recorded, computed, human.Duration(int64(min(distance(recorded, computed), math.MaxInt64))))
		case referenceNotZero:
			f.Message, f.Expected = fmt.Sprintf("the reference %s has offset %d", r.Channel, recorded), "0"
		case wrongUnit:
			f.Message = fmt.Sprintf("temporal_offset_ns of %s is %d: the %d ns that the stamps give, in %s", r.Channel, recorded, computed, unit(recorded, computed))
			if !ok {
				f.Message = fmt.Sprintf("temporal_offset_ns of %s is %d: it lies in its window if it is taken for another unit than nanoseconds", r.Channel, recorded)
			}
		case wrongSign:
			f.Message = fmt.Sprintf("temporal_offset_ns of %s is %d, the stamps give %d: the sign is turned round", r.Channel, recorded, computed)
			if !ok {
				f.Message = fmt.Sprintf("temporal_offset_ns of %s is %d, and only %d lies in its window: the sign is turned round", r.Channel, recorded, -recorded)
			}
		case floatRounded:
			f.Message = fmt.Sprintf("temporal_offset_ns of %s is %d, the stamps give %d: it went through floating-point seconds", r.Channel, recorded, computed)
		case belowResolution:
			f.Message = fmt.Sprintf("temporal_offset_ns of %s is %d, no multiple of the clock's step of %d ns", r.Channel, recorded, r.Native.Resolution)
		}
		reportOffset(c, r, f)
	})
}

func reportOffset(c *Ctx, r *metadata.Record, f Finding) { report(c, r, r.Offset, f) }

// judgedByStamps reports whether the rules about native stamps (TMP007, TMP015)
// say already that an offset is out of its window.
func judgedByStamps(s dataset.Schema, channel string, ns int64) bool {
	switch s {
	case nuScenes, t4:
		return true
	case kittiRaw:
		if channel == "oxts" {
			return distance(ns, 0) > 6e6
		}
		return distance(ns, 0) > 25e6
	}
	return false
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
// object come from many.
func points(c *Ctx, g *metadata.Group) map[string]map[string][]point {
	out := map[string]map[string][]point{}
	for _, s := range g.Samples {
		drive := g.Name
		if rest, ok := strings.CutPrefix(s.Key, "kitti-raw/"); ok {
			drive, _, _ = strings.Cut(rest, "/")
		}
		for _, r := range s.Records {
			if r == nil || r.IsReference() {
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
