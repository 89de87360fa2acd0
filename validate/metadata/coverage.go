package metadata

import (
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/report"
)

// Coverage is how much of a data set carries the three fields.
type Coverage struct {
	Schema   string
	Samples  int // annotated moments
	Complete int // of them, with all three fields in every channel

	channels map[string]*channelCount
}

type channelCount struct {
	report.Channel
	offsets []int64
}

func newCoverage(schema string) *Coverage {
	return &Coverage{Schema: schema, channels: map[string]*channelCount{}}
}

func (c *Coverage) add(g *Group) {
	for _, s := range g.Samples {
		if !s.Demanded || !slices.ContainsFunc(s.Channels, func(o moment.Observation) bool { return o.File != "" }) {
			continue // a stamp without a payload has nothing to describe
		}
		c.Samples++
		complete := true
		for i := range s.Channels {
			o := &s.Channels[i]
			if o.File == "" {
				continue
			}
			ch := c.channels[o.Channel]
			if ch == nil {
				ch = &channelCount{Channel: report.Channel{Name: o.Channel}}
				c.channels[o.Channel] = ch
			}
			ch.Samples++
			if ns, ok := s.Offset(*o); ok {
				ch.offsets = append(ch.offsets, ns)
			}
			rec := s.Records[i]
			if rec == nil {
				complete = false
				continue
			}
			ch.Records++
			for _, f := range []struct {
				v Value
				n *int
			}{{rec.SyncID, &ch.SyncID}, {rec.Offset, &ch.Offset}, {rec.Schema, &ch.Channel.Schema}} {
				if f.v.Missing() {
					complete = false
				} else {
					*f.n++
				}
			}
		}
		if complete {
			c.Complete++
		}
	}
}

func (c *Coverage) observations() int {
	n := 0
	for _, ch := range c.channels {
		n += ch.Samples
	}
	return n
}

// maxPlot is the number of offsets that the report keeps of each channel.
const maxPlot = 512

// fill writes the counts into the report.
func (c *Coverage) fill(d *report.Dataset) {
	d.Samples = c.Samples
	for _, ch := range c.channels {
		slices.Sort(ch.offsets)
		ch.OffsetNs = ranks(ch.offsets, maxPlot)
		ch.offsets = nil
		d.Channels = append(d.Channels, ch.Channel)
	}
	slices.SortFunc(d.Channels, func(a, b report.Channel) int { return strings.Compare(a.Name, b.Name) })
}

// ranks gives at most n of the sorted values, at evenly spaced ranks, the
// first and the last among them.
func ranks(v []int64, n int) []int64 {
	if len(v) <= n {
		return slices.Clone(v)
	}
	out := make([]int64, n)
	for i := range out {
		out[i] = v[i*(len(v)-1)/(n-1)]
	}
	return out
}
