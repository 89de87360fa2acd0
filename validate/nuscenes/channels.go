package nuscenes

import (
	"cmp"
	"slices"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// channels sorts the rows of sample_data into the channels of each scene.
type channels struct {
	t      *Tables
	groups []group // ordered by scene name, then channel
	of     []int32 // group of each row of sample_data; -1 where references dangle
	rows   []int32 // rows of sample_data, by group, in file order within one
}

// A group is one channel of one scene.
type group struct {
	scene    int32 // row of scene
	sensor   int32 // row of sensor
	from, to int32 // its part of channels.rows
}

func (g *group) size() int { return int(g.to - g.from) }

func newChannels(t *Tables) *channels {
	c := &channels{t: t, of: make([]int32, len(t.SampleData.Rows))}
	sensorOf := make([]int32, len(t.CalibratedSensor.Rows))
	for i := range t.CalibratedSensor.Rows {
		sensorOf[i] = find(&t.Sensor, t.CalibratedSensor.Rows[i].Sensor)
	}
	sceneOf := make([]int32, len(t.Sample.Rows))
	for i := range t.Sample.Rows {
		sceneOf[i] = find(&t.Scene, t.Sample.Rows[i].Scene)
	}
	seen := map[[2]int32]int32{}
	for i := range t.SampleData.Rows {
		r := &t.SampleData.Rows[i]
		c.of[i] = -1
		k := [2]int32{-1, -1}
		if s := find(&t.Sample, r.Sample); s >= 0 {
			k[0] = sceneOf[s]
		} else if t.Dataset.Schema == dataset.T4 && r.Sample.Zero() && len(t.Scene.Rows) == 1 {
			k[0] = 0 // a sweep of T4 need not name a sample
		}
		if s := find(&t.CalibratedSensor, r.Calibrated); s >= 0 {
			k[1] = sensorOf[s]
		}
		if k[0] < 0 || k[1] < 0 {
			continue
		}
		g, ok := seen[k]
		if !ok {
			g = int32(len(c.groups))
			seen[k] = g
			c.groups = append(c.groups, group{scene: k[0], sensor: k[1]})
		}
		c.of[i] = g
		c.groups[g].to++ // a count, for now
	}
	c.order()
	return c
}

// order sorts the groups and gathers their rows.
func (c *channels) order() {
	perm := make([]int32, len(c.groups))
	for i := range perm {
		perm[i] = int32(i)
	}
	slices.SortFunc(perm, func(a, b int32) int {
		x, y := &c.groups[a], &c.groups[b]
		return cmp.Or(
			cmp.Compare(c.t.Scene.Rows[x.scene].Name, c.t.Scene.Rows[y.scene].Name), cmp.Compare(x.scene, y.scene),
			cmp.Compare(c.t.Sensor.Rows[x.sensor].Channel, c.t.Sensor.Rows[y.sensor].Channel), cmp.Compare(x.sensor, y.sensor),
		)
	})
	sorted := make([]group, len(perm))
	place := make([]int32, len(perm)) // old position -> new
	var at int32
	for i, p := range perm {
		g := c.groups[p]
		place[p] = int32(i)
		sorted[i] = group{g.scene, g.sensor, at, at}
		at += g.to
	}
	c.groups = sorted
	c.rows = make([]int32, at)
	for i, g := range c.of {
		if g < 0 {
			continue
		}
		g = place[g]
		c.of[i] = g
		c.rows[c.groups[g].to] = int32(i)
		c.groups[g].to++
	}
}

func find[T any](t *Table[T], k Token) int32 {
	if i, ok := t.Find(k); ok {
		return i
	}
	return -1
}

// emitStreams emits the stamps of every channel of every scene, in the order
// of its chain. Of a channel whose chain or stamps other rules refute, it says
// that it was skipped.
func (c *channels) emitStreams(e rule.Emitter) {
	for i := range c.groups {
		rows, slug := c.chain(int32(i))
		if slug != "" {
			e.Skip((*moment.Stream)(nil), slug, c.t.SampleData.Path)
			continue
		}
		e.Emit(c.stream(&c.groups[i], rows))
	}
}

// chain gives the rows of a group in the order of their chain, or the rule
// that the chain breaks.
func (c *channels) chain(g int32) (rows []int32, slug string) {
	sd := &c.t.SampleData
	own := c.rows[c.groups[g].from:c.groups[g].to]
	at := int32(-1)
	for _, i := range own {
		if !sd.Sound(i) && sd.Rows[i].Timestamp == 0 {
			return nil, c.t.SampleData.refusedBy
		}
		if sd.Rows[i].Prev.Zero() {
			if at >= 0 {
				return nil, "chain-ends"
			}
			at = i
		}
	}
	if at < 0 {
		return nil, "chain-ends"
	}
	rows = make([]int32, 0, len(own))
	for {
		rows = append(rows, at)
		r := &sd.Rows[at]
		if r.Next.Zero() {
			break
		}
		next := find(sd, r.Next)
		switch {
		case next < 0:
			return nil, "chain-dangling"
		case c.of[next] != g:
			return nil, "chain-crosses"
		case sd.Rows[next].Prev != r.Token:
			return nil, "chain-asymmetric"
		case len(rows) == len(own):
			return nil, "chain-cycle"
		}
		at = next
	}
	if len(rows) != len(own) {
		return nil, "chain-ends"
	}
	return rows, ""
}

func (c *channels) stream(g *group, rows []int32) *moment.Stream {
	t := c.t
	sensor := &t.Sensor.Rows[g.sensor]
	s := &moment.Stream{
		Group: t.Scene.Rows[g.scene].Name, Channel: sensor.Channel, Path: t.SampleData.Path,
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

// nominal rates in Hz (formats.md 5.3; T4's sensors run at 10 Hz).
var nominal = map[dataset.Schema]map[string]float64{
	dataset.NuScenes: {"lidar": 20, "camera": 12, "radar": 13},
	dataset.T4:       {"lidar": 10, "camera": 10},
}
