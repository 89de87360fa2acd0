package rules

import (
	"math/bits"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/metadata"
	"github.com/mmaudit/mmaudit/validate/rule"
)

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
