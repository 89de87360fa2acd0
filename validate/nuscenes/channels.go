package nuscenes

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// channels gives the streams of sample_data in the order in which they are
// emitted.
type channels struct {
	t     *Tables
	chain *Chain
	order []int32 // streams, by scene name, then channel
}

func newChannels(t *Tables) *channels {
	all := t.Chains()
	c := &channels{t: t, chain: all.SampleData, order: make([]int32, len(all.Streams))}
	for i := range c.order {
		c.order[i] = int32(i)
	}
	slices.SortFunc(c.order, func(a, b int32) int {
		x, y := all.Streams[a], all.Streams[b]
		return cmp.Or(
			cmp.Compare(t.Scene.Rows[x.Scene].Name, t.Scene.Rows[y.Scene].Name), cmp.Compare(x.Scene, y.Scene),
			cmp.Compare(t.Sensor.Rows[x.Sensor].Channel, t.Sensor.Rows[y.Sensor].Channel), cmp.Compare(x.Sensor, y.Sensor),
		)
	})
	return c
}

// emitStreams emits the stamps of every channel of every scene, with jobs
// workers. Of a channel whose chain or stamps other rules refute, it says that
// it was skipped.
func (c *channels) emitStreams(e rule.Emitter, jobs int) {
	why := c.broken()
	var next atomic.Int64
	var wait sync.WaitGroup
	for range max(jobs, 1) {
		wait.Go(func() {
			for {
				i := next.Add(1) - 1
				if i >= int64(len(c.order)) {
					return
				}
				c.emit(e, c.order[i], why[c.order[i]])
			}
		})
	}
	wait.Wait()
}

// emit emits one stream, unless the rule slug refutes its chain.
func (c *channels) emit(e rule.Emitter, g int32, slug string) {
	var rows []int32
	if slug == "" {
		rows, slug = c.walk(g)
	}
	if slug != "" {
		e.Skip((*moment.Stream)(nil), slug, c.t.SampleData.Path)
		return
	}
	e.Emit(c.stream(g, rows))
}

// slugs are the rules that each kind of fault in a chain breaks.
var slugs = map[ChainKind]string{
	ChainDangling: "chain-dangling", ChainCrosses: "chain-crosses", ChainCycle: "chain-cycle",
	ChainAsymmetric: "chain-asymmetric", ChainGap: "chain-gap", ChainEnds: "chain-ends",
}

// broken names, of each stream that is not one list, the rule that says so.
func (c *channels) broken() map[int32]string {
	why := map[int32]string{}
	for _, f := range c.chain.Faults {
		if g := c.chain.Group[f.Row]; g >= 0 && why[g] == "" {
			why[g] = slugs[f.Kind]
		}
	}
	for g := range int32(c.chain.Groups()) {
		if why[g] == "" && !c.chain.Sound(g) {
			// A row could not be judged: its own record, or what it names.
			why[g] = cmp.Or(c.t.SampleData.refusedBy, "fk-dangling")
		}
	}
	return why
}

// walk gives the rows of a sound stream in order, or the rule that refuses one
// of their stamps.
func (c *channels) walk(g int32) (rows []int32, slug string) {
	sd := &c.t.SampleData
	for i := c.chain.Head(g); i >= 0; i = c.chain.Next[i] {
		if !sd.Sound(i) && sd.Rows[i].Timestamp == 0 {
			return nil, sd.refusedBy
		}
		rows = append(rows, i)
	}
	return rows, ""
}

func (c *channels) stream(g int32, rows []int32) *moment.Stream {
	t := c.t
	own := t.Chains().Streams[g]
	sensor := &t.Sensor.Rows[own.Sensor]
	s := &moment.Stream{
		Group: t.Scene.Rows[own.Scene].Name, Channel: sensor.Channel, Path: t.SampleData.Path,
		Times: make([]int64, len(rows)), Epoch: true,
		At: func(i int) rule.Place {
			p := At(t, &t.SampleData, rows[i])
			p.Channel = sensor.Channel
			return p
		},
	}
	sweeps := false
	for i, r := range rows {
		s.Times[i] = t.SampleData.Rows[r].Timestamp
		sweeps = sweeps || !t.SampleData.Rows[r].KeyFrame
	}
	if sweeps { // keyframes alone come at any rate
		s.Hz = nominal[t.Dataset.Schema][sensor.Modality]
	}
	return s
}

// nominal is the rate of each modality in Hz, as the owners state it.
var nominal = map[dataset.Schema]map[string]float64{
	dataset.NuScenes: {"lidar": 20, "camera": 12, "radar": 13},
	dataset.T4:       {"lidar": 10, "camera": 10},
}

func find[T any](t *Table[T], k Token) int32 {
	if i, ok := t.Find(k); ok {
		return i
	}
	return -1
}
