package metadata

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A Fleet is the annotated data sets of one run, related by the ids of their
// moments. It keeps 100 bytes or so for each sample, and 8 for each offset.
type Fleet struct {
	Members []*Member
	Maps    []*DeclaredSyncMap
	clocks  map[[2]string]int64 // declared clock offset of two samples, and of two data sets
}

// A Member is one annotated data set.
type Member struct {
	Source   moment.Source
	Dataset  *dataset.Dataset
	Name     string
	Desc     *Descriptor
	Moments  []Dated // by reference time, those without one first
	Period   int64   // median step of the reference times; 0 if unknown
	Unmapped string  // the sync map that its descriptor names, if it cannot be used

	channels []string
	byID     map[uuid.UUID]int32 // position in Moments; -1 where several share the id
}

// A Dated is one sample of a member.
type Dated struct {
	Sample  string
	Group   string
	Place   rule.Place
	ID      uuid.UUID
	Time    int64 // of the reference channel, on the data set's clock
	Timed   bool
	Ref     string
	Stamped bool    // the data set has stamps of its own for the sample's channels
	offsets []int64 // by channel of the member; unset where unknown
}

const unset = int64(-1 << 63)

// A DeclaredSyncMap is a sync map and the data set whose descriptor names it.
type DeclaredSyncMap struct {
	*SyncMap
	By *Member
}

// Relate reads the sidecars of a fleet once more and joins them. It is done
// once for all rules. Fewer than two annotated data sets relate to nothing.
func Relate(f *moment.Fleet) *Fleet {
	return f.Once(func() any { return relate(f.Context, f.Sources) }).(*Fleet)
}

func relate(ctx context.Context, sources []moment.Source) *Fleet {
	out := &Fleet{clocks: map[[2]string]int64{}}
	for _, src := range sources {
		r := newReader(ctx, src, quiet{})
		if !r.annotated() {
			continue
		}
		m := &Member{Source: src, Dataset: src.Dataset(), Name: r.name, Desc: r.desc, byID: map[uuid.UUID]int32{}}
		out.Members = append(out.Members, m)
		sm := readDeclaredMap(m.Dataset, m.Desc, quiet{})
		if m.Desc.Entry.SyncMap != "" && (sm == nil || sm.Missing) {
			m.Unmapped = m.Desc.Entry.SyncMap
		}
		if sm != nil {
			out.Maps = append(out.Maps, &DeclaredSyncMap{sm, m})
			for i, row := range sm.Rows {
				if i == 0 {
					out.clocks[[2]string{row.A.Dataset, row.B.Dataset}] = row.Clock
				}
				out.clocks[[2]string{row.A.Dataset + "\x00" + row.A.Sample, row.B.Dataset + "\x00" + row.B.Sample}] = row.Clock
			}
		}
	}
	if len(out.Members) < 2 {
		return out
	}
	for _, m := range out.Members {
		m.read(ctx)
	}
	return out
}

// read gathers the moments. A member that cannot be read to the end keeps what
// came before; its own run has reported the error.
func (m *Member) read(ctx context.Context) {
	column := map[string]int{}
	var steps []int64
	_ = Each(ctx, m.Source, func(g *Group) bool {
		var times []int64
		for _, s := range g.Samples {
			var x Index
			x.add(s)
			if len(x.Samples) == 0 {
				continue
			}
			d := Dated{Sample: s.Sample, Group: s.Group, Place: x.Samples[0].Place, ID: x.Samples[0].ID, Ref: s.Reference}
			if ref, ok := s.Ref(); ok {
				d.Time, d.Timed = ref.Time, ref.Timed
			}
			if d.Timed {
				times = append(times, d.Time)
			}
			for _, rec := range s.Records {
				if rec == nil {
					continue
				}
				// What contradicts the stamps was said of the data set by itself.
				ns, ok := rec.Recomputed()
				if ok && !rec.IsReference() {
					d.Stamped = true
				} else if ns, ok = rec.Recorded(); !ok {
					continue
				}
				i, known := column[rec.Channel]
				if !known {
					i = len(m.channels)
					column[rec.Channel] = i
					m.channels = append(m.channels, rec.Channel)
				}
				for len(d.offsets) <= i {
					d.offsets = append(d.offsets, unset)
				}
				d.offsets[i] = ns
			}
			m.Moments = append(m.Moments, d)
		}
		slices.Sort(times)
		for i := 1; i < len(times); i++ {
			steps = append(steps, times[i]-times[i-1])
		}
		return true
	})
	slices.Sort(steps)
	if len(steps) > 0 {
		m.Period = steps[len(steps)/2]
	}
	slices.SortStableFunc(m.Moments, func(a, b Dated) int {
		if a.Timed != b.Timed {
			if a.Timed {
				return 1
			}
			return -1
		}
		return int(min(max(a.Time-b.Time, -1), 1))
	})
	for i := range m.Moments {
		if _, twice := m.byID[m.Moments[i].ID]; twice {
			m.byID[m.Moments[i].ID] = -1
			continue
		}
		m.byID[m.Moments[i].ID] = int32(i)
	}
}

// Find gives the sample with an id, if exactly one has it.
func (m *Member) Find(id uuid.UUID) (*Dated, bool) {
	i, ok := m.byID[id]
	if !ok || i < 0 {
		return nil, false
	}
	return &m.Moments[i], true
}

// Has reports whether any sample carries the id.
func (m *Member) Has(id uuid.UUID) bool {
	_, ok := m.byID[id]
	return ok
}

// Nearest gives the moment whose reference time is nearest to t.
func (m *Member) Nearest(t int64) *Dated {
	first := slices.IndexFunc(m.Moments, func(d Dated) bool { return d.Timed })
	if first < 0 {
		return nil
	}
	timed := m.Moments[first:]
	i, _ := slices.BinarySearchFunc(timed, t, func(d Dated, t int64) int { return int(min(max(d.Time-t, -1), 1)) })
	switch {
	case i == len(timed):
		i--
	case i > 0 && t-timed[i-1].Time <= timed[i].Time-t:
		i--
	}
	return &timed[i]
}

// Offsets calls yield with each offset of a sample: what the stamps give, or
// where there are none what was recorded.
func (m *Member) Offsets(d *Dated, yield func(channel string, ns int64)) {
	for i, ns := range d.offsets {
		if ns != unset {
			yield(m.channels[i], ns)
		}
	}
}

// Sensor names the physical sensor behind a channel: as the descriptor says,
// else by the channel itself. Data sets of the KITTI family name the same
// sensors alike; other data sets share none unless they say so.
func (m *Member) Sensor(channel string) string {
	if s := m.Desc.Entry.Sensors[channel]; s != "" {
		return s
	}
	switch m.Dataset.Schema {
	case dataset.KITTIObject, dataset.KITTIRaw, dataset.KITTITracking, dataset.KITTIOdometry, dataset.SemanticKITTI:
		switch {
		case strings.HasPrefix(channel, "velodyne"):
			return "velodyne"
		case len(channel) == len("image_2") && strings.HasPrefix(channel, "image_"):
			return "image_0" + channel[6:]
		}
		return channel
	}
	return m.Name + ":" + channel
}

// Semantics gives what a stamp of the channel means, if the descriptor says.
func (m *Member) Semantics(channel string) string { return m.Desc.Entry.StampSemantics[channel] }

// Relative reports whether the stamps count from the start of each group, as
// those of odometry do: they say nothing about absolute time.
func (m *Member) Relative() bool {
	switch m.Dataset.Schema {
	case dataset.KITTIOdometry, dataset.SemanticKITTI:
		return true
	}
	return m.Desc.Entry.Clock == "relative"
}

// Clock gives the declared reading of b's clock minus that of a's: for two
// samples of one moment, else for their data sets. 0 if none is declared.
func (f *Fleet) Clock(a *Member, da *Dated, b *Member, db *Dated) int64 {
	for _, k := range [][2]string{{a.Name + "\x00" + da.Sample, b.Name + "\x00" + db.Sample}, {a.Name, b.Name}} {
		if ns, ok := f.clocks[k]; ok {
			return ns
		}
		if ns, ok := f.clocks[[2]string{k[1], k[0]}]; ok {
			return -ns
		}
	}
	return 0
}
