package rules

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/metadata"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// The rules about data sets that annotate the same moments.
var ummPartners = []Rule{
	{
		ID: "UMM026", Slug: "partner-missing", Severity: rule.Warning,
		Summary: "A moment is annotated in every schema that the descriptor names as partner.",
		Why:     "A comparison of formats silently leaves out the moments that one of them lacks.",
		Example: `"partners":["nuscenes_v1.0"] for a KITTI drive of 108 frames, of which nuScenes has 107`,
		Hint:    "annotate the moment in the partner, or correct its sensor_sync_id there",
		Checks:  []Check{rule.On(partnerMissing)},
	},
	{
		ID: "UMM027", Slug: "partner-time", Severity: rule.Error,
		Summary: "Two data sets that share a sensor_sync_id place the moment at the same time, within half of the shorter frame period (sync.partner_tolerance) after the declared clock offset.",
		Why:     "The same id would name two moments: every comparison of the formats sees objects that have moved on.",
		Example: "frame 0000000004 at 13:02:26.3 in KITTI raw, the sample with its id at 13:02:27.1 in nuScenes",
		Hint:    "correct the pairing, or declare the clock offset in a sync map (`mmvalidate annotate --map`)",
		Checks:  []Check{rule.On(partnerTime)},
	},
	{
		ID: "UMM028", Slug: "partner-offset", Severity: rule.Warning,
		Summary: "One physical sensor has the same offset in two data sets of one moment, within a microsecond.",
		Why:     "The sensor fired once: one of the records is wrong, or measured against another reference.",
		Example: "velodyne at -16638787 ns in kitti_raw, at -16138787 ns in kitti_v2.1",
		Hint:    "derive both from the same stamps with `mmvalidate annotate`",
		Checks:  []Check{rule.On(partnerOffset)},
	},
	{
		ID: "UMM029", Slug: "neighbour-closer", Severity: rule.Warning,
		Summary: "Of the partner's moments, the one that shares the id is nearest in time.",
		Why:     "The pairing is off by a frame although every single distance is tolerable.",
		Example: "the partner's sample lies 40 ms before, its successor 20 ms after",
		Hint:    "build the sync map anew with `mmvalidate annotate --map`",
		Checks:  []Check{rule.On(neighbourCloser)},
	},
	{
		ID: "UMM039", Slug: "sync-map-conflict", Severity: rule.Error,
		Summary: "A sync map names each sample once, and only samples that exist.",
		Why:     "Two partners for one sample contradict each other, and a partner that is missing is a renamed or deleted sample.",
		Example: "two rows with the same sample of a",
		Hint:    "build the sync map anew with `mmvalidate annotate --map`",
		Checks:  []Check{rule.On(mapConflict)},
	},
	{
		ID: "TMP019", Slug: "clock-zone", Severity: rule.Warning,
		Summary: "The clocks of two data sets of one drive do not differ by quarters of an hour, nor by the 18 s or 37 s between UTC and GPS or TAI.",
		Why:     "Such a difference is a time zone or a time scale that somebody forgot, and moves everything that is joined by time.",
		Example: "KITTI raw, whose stamps are local time, two hours ahead of nuScenes, whose stamps are UTC",
		Hint:    "declare the difference as clock_offset_ns in a sync map (`mmvalidate annotate --map`)",
		Checks:  []Check{rule.On(clockZone)},
	},
}

// place points at a sample of a member.
func place(m *metadata.Member, d *metadata.Dated, f Finding) Finding {
	f.Place, f.Dataset = d.Place, m.Dataset.Root
	if f.Key == "" {
		f.Key = m.Name + " " + d.Sample
	}
	return f
}

func partnerMissing(c *Ctx, f *moment.Fleet) {
	fleet := metadata.Relate(f)
	for _, m := range fleet.Members {
		for _, want := range m.Desc.Entry.Partners {
			var partners []*metadata.Member
			for _, p := range fleet.Members {
				if p != m && p.Dataset.Schema == dataset.Schema(want) {
					partners = append(partners, p)
				}
			}
			if len(partners) == 0 {
				c.Skip(fmt.Sprintf("an annotated data set of %s in the same run, the partner of %s", want, m.Name))
				continue
			}
			for i := range m.Moments {
				d := &m.Moments[i]
				if !slices.ContainsFunc(partners, func(p *metadata.Member) bool { return p.Has(d.ID) }) {
					c.Report(place(m, d, Finding{
						Message: fmt.Sprintf("no sample of %s carries the id of sample %s", want, d.Sample), Expected: d.ID.String(),
					}))
				}
			}
		}
	}
}

// A pair is one moment in two data sets, b's stamp already on a's clock.
type pair struct {
	a, b  *metadata.Dated
	apart int64 // b - a - declared clock offset
}

// pairs calls visit with each two members and the timed moments they share.
// Without the sync map that a member declares, its clock is not known.
func pairs(c *Ctx, fleet *metadata.Fleet, visit func(a, b *metadata.Member, ps []pair)) {
	for i, a := range fleet.Members {
		for _, b := range fleet.Members[i+1:] {
			if m := cmp.Or(a.Unmapped, b.Unmapped); m != "" {
				c.Skip("the sync map " + m)
				continue
			}
			var ps []pair
			for k := range a.Moments {
				da := &a.Moments[k]
				if own, ok := a.Find(da.ID); !ok || own != da || !da.Timed {
					continue
				}
				db, ok := b.Find(da.ID)
				if !ok || !db.Timed {
					continue
				}
				ps = append(ps, pair{da, db, db.Time - da.Time - fleet.Clock(a, da, b, db)})
			}
			if a.Relative() || b.Relative() {
				sinceStart(ps)
			}
			if len(ps) > 0 {
				visit(a, b, ps)
			}
		}
	}
}

// sinceStart takes from each distance the median of its two groups: of clocks
// that begin anew with each group only the differences can be compared.
func sinceStart(ps []pair) {
	type groups struct{ a, b string }
	apart := map[groups][]int64{}
	for _, p := range ps {
		g := groups{p.a.Group, p.b.Group}
		apart[g] = append(apart[g], p.apart)
	}
	for _, v := range apart {
		slices.Sort(v)
	}
	for i := range ps {
		v := apart[groups{ps[i].a.Group, ps[i].b.Group}]
		ps[i].apart -= v[len(v)/2]
	}
}

// tolerance is how far two stamps of one moment may lie apart, in ns: half of
// the shorter frame period, or a fixed duration.
func tolerance(c *Ctx, a, b *metadata.Member) int64 {
	if d, err := time.ParseDuration(c.Params.Sync.PartnerTolerance); err == nil {
		return int64(d)
	}
	shorter := int64(math.MaxInt64)
	for _, p := range []int64{a.Period, b.Period} {
		if p > 0 {
			shorter = min(shorter, p)
		}
	}
	if shorter == math.MaxInt64 { // single moments: the period of a 10 Hz scanner
		shorter = 100e6
	}
	return shorter / 2
}

// zone gives the part of a clock difference that is a time zone or a time
// scale, and its name; 0 if there is none.
func zone(ps []pair, tol int64) (ns int64, name string) {
	apart := make([]int64, len(ps))
	for i, p := range ps {
		apart[i] = p.apart
	}
	slices.Sort(apart)
	med := apart[len(apart)/2]
	if med >= -tol && med <= tol {
		return 0, ""
	}
	const quarter = int64(15 * time.Minute)
	for _, s := range []struct {
		ns   int64
		name string
	}{{0, ""}, {18e9, "18 s between GPS and UTC"}, {37e9, "37 s between TAI and UTC"}, {19e9, "19 s between TAI and GPS"}} {
		for _, sign := range []int64{1, -1} {
			rest := med - sign*s.ns
			quarters := (rest + quarter/2) / quarter
			if rest < 0 {
				quarters = (rest - quarter/2) / quarter
			}
			if quarters < -56 || quarters > 56 || quarters == 0 && s.ns == 0 {
				continue
			}
			if d := rest - quarters*quarter; d < -tol || d > tol {
				continue
			}
			var parts []string
			if quarters != 0 {
				parts = append(parts, fmt.Sprintf("%g h of a time zone", float64(quarters)/4))
			}
			if s.ns != 0 {
				parts = append(parts, s.name)
			}
			return quarters*quarter + sign*s.ns, strings.Join(parts, " and ")
		}
	}
	return 0, ""
}

func clockZone(c *Ctx, f *moment.Fleet) {
	pairs(c, metadata.Relate(f), func(a, b *metadata.Member, ps []pair) {
		ns, name := zone(ps, tolerance(c, a, b))
		if ns == 0 {
			return
		}
		c.Report(place(b, ps[0].b, Finding{
			Message:  fmt.Sprintf("the clock of %s is %s ahead of that of %s: %s", b.Name, human.Duration(ns), a.Name, name),
			Expected: "a clock offset that a sync map declares", Actual: fmt.Sprint(ns), Key: a.Name + " " + b.Name,
		}))
	})
}

func partnerTime(c *Ctx, f *moment.Fleet) {
	pairs(c, metadata.Relate(f), func(a, b *metadata.Member, ps []pair) {
		tol := tolerance(c, a, b)
		shift, _ := zone(ps, tol)
		for _, p := range ps {
			d := p.apart - shift
			if d >= -tol && d <= tol {
				continue
			}
			c.Report(place(b, p.b, Finding{
				Message:  fmt.Sprintf("sample %s of %s lies %s from sample %s of %s, with which it shares its id", p.b.Sample, b.Name, human.Duration(d), p.a.Sample, a.Name),
				Expected: "within " + human.Duration(tol), Actual: human.Duration(d), Related: []Place{p.a.Place},
			}))
		}
	})
}

func neighbourCloser(c *Ctx, f *moment.Fleet) {
	pairs(c, metadata.Relate(f), func(a, b *metadata.Member, ps []pair) {
		if a.Relative() || b.Relative() { // the nearest could be of another group
			c.Skip("absolute stamps of " + a.Name + " and " + b.Name)
			return
		}
		tol := tolerance(c, a, b)
		shift, _ := zone(ps, tol)
		for _, p := range ps {
			d := p.apart - shift
			if d < -tol || d > tol {
				continue // UMM027
			}
			// b's stamp as a's clock would read it, and a's as b's.
			if n := a.Nearest(p.a.Time + d); closer(n, p.a, p.a.Time+d) {
				c.Report(place(b, p.b, neighbour(a, p.a, n, b, p.b, d, p.a.Time+d)))
			} else if n := b.Nearest(p.b.Time - d); closer(n, p.b, p.b.Time-d) {
				c.Report(place(a, p.a, neighbour(b, p.b, n, a, p.a, -d, p.b.Time-d)))
			}
		}
	})
}

func closer(n, own *metadata.Dated, t int64) bool {
	return n != nil && n != own && distance(n.Time, t) < distance(own.Time, t)
}

func neighbour(m *metadata.Member, own, near *metadata.Dated, other *metadata.Member, d *metadata.Dated, apart, t int64) Finding {
	return Finding{
		Message:  fmt.Sprintf("sample %s of %s shares its id with %s of %s, %s away, but %s is only %s away", d.Sample, other.Name, own.Sample, m.Name, human.Duration(abs(apart)), near.Sample, human.Duration(int64(distance(near.Time, t)))),
		Expected: near.ID.String(), Actual: own.ID.String(), Related: []Place{own.Place, near.Place},
	}
}

func abs(n int64) int64 { return max(n, -n) }

// partnerOffset compares offsets of one physical sensor. Where the data sets
// measure against different references, those of a are taken against b's,
// if both mean the same instant by a stamp. A data set that has stamps judges
// one that has none.
func partnerOffset(c *Ctx, f *moment.Fleet) {
	fleet := metadata.Relate(f)
	for i, a := range fleet.Members {
		for _, b := range fleet.Members[i+1:] {
			for k := range a.Moments {
				da := &a.Moments[k]
				db, ok := b.Find(da.ID)
				if own, once := a.Find(da.ID); !ok || !once || own != da {
					continue
				}
				if db.Stamped && !da.Stamped {
					compareOffsets(c, b, db, a, da)
				} else {
					compareOffsets(c, a, da, b, db)
				}
			}
		}
	}
}

func compareOffsets(c *Ctx, a *metadata.Member, da *metadata.Dated, b *metadata.Member, db *metadata.Dated) {
	ofA := map[string]int64{}
	a.Offsets(da, func(ch string, ns int64) { ofA[a.Sensor(ch)] = ns })
	base := int64(0)
	if refA, refB := a.Sensor(da.Ref), b.Sensor(db.Ref); refA != refB {
		var ok bool
		if base, ok = ofA[refB]; !ok || !sameMeaning(a, b, refB) {
			return
		}
	}
	b.Offsets(db, func(ch string, ns int64) {
		sensor := b.Sensor(ch)
		at, ok := ofA[sensor]
		if !ok || base != 0 && !sameMeaning(a, b, sensor) {
			return
		}
		if !db.Stamped && byWindow(c.Params, b.Dataset.Schema, ch, ns) != unknownStamps {
			return // refuted already
		}
		if d := distance(at-base, ns); d > 1000 {
			f := place(b, db, Finding{
				Message:  fmt.Sprintf("sensor %s has offset %d in sample %s of %s, but %d in sample %s of %s", sensor, ns, db.Sample, b.Name, at-base, da.Sample, a.Name),
				Expected: fmt.Sprint(at - base), Actual: fmt.Sprint(ns), Key: b.Name + " " + db.Sample + " " + ch, Related: []Place{da.Place},
			})
			f.Channel = ch
			c.Report(f)
		}
	})
}

// sameMeaning reports whether two data sets mean the same instant by the
// stamps of a sensor, as far as their descriptors say.
func sameMeaning(a, b *metadata.Member, sensor string) bool {
	of := func(m *metadata.Member) string {
		for ch, meaning := range m.Desc.Entry.StampSemantics {
			if m.Sensor(ch) == sensor {
				return meaning
			}
		}
		return ""
	}
	return of(a) == of(b)
}

func mapConflict(c *Ctx, f *moment.Fleet) {
	fleet := metadata.Relate(f)
	for _, m := range fleet.Maps {
		at := func(line int) Finding {
			return Finding{Place: Place{Path: m.Path, Line: line}, Dataset: m.By.Dataset.Root}
		}
		if m.Missing {
			g := at(0)
			g.Place = Place{Path: metadata.DescriptorFile}
			g.Message, g.Key = fmt.Sprintf("the descriptor names the sync map %q, which does not exist", m.Path), m.Path
			c.Report(g)
			continue
		}
		first := map[metadata.MapEnd]int{}
		for _, r := range m.Rows {
			for _, e := range []metadata.MapEnd{r.A, r.B} {
				if line, twice := first[e]; twice {
					g := at(r.Line)
					g.Message = fmt.Sprintf("sample %s of %s is named on line %d already", e.Sample, e.Dataset, line)
					g.Key = e.Dataset + " " + e.Sample
					g.Related = []Place{{Path: m.Path, Line: line}}
					c.Report(g)
					continue
				}
				first[e] = r.Line
			}
		}
		missing := map[metadata.MapEnd]int{}
		for _, name := range []string{m.A, m.B} {
			if !slices.ContainsFunc(f.Sources, func(s moment.Source) bool { return metadata.Name(s.Dataset()) == name }) {
				c.Skip("the samples of " + name)
			}
		}
		for _, src := range f.Sources {
			name := metadata.Name(src.Dataset())
			for e, line := range first {
				if e.Dataset == name {
					missing[e] = line
				}
			}
		}
		for _, src := range f.Sources {
			if len(missing) == 0 {
				break
			}
			name := metadata.Name(src.Dataset())
			err := src.Moments(func(mo *moment.Moment) bool {
				delete(missing, metadata.MapEnd{Dataset: name, Sample: mo.Sample})
				return true
			})
			if err != nil { // what was not read cannot be called missing
				c.Skip("the samples of " + name)
				maps.DeleteFunc(missing, func(e metadata.MapEnd, _ int) bool { return e.Dataset == name })
			}
		}
		for e, line := range missing {
			g := at(line)
			g.Message = fmt.Sprintf("%s has no sample %s", e.Dataset, e.Sample)
			g.Key = e.Dataset + " " + e.Sample
			c.Report(g)
		}
	}
}
