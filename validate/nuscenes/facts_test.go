package nuscenes

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/mmaudit/mmaudit/validate/dataset"
)

// synthetic makes sound tables in memory: scenes with samples, channels with
// sweeps between their keyframes, and instances annotated in every sample.
func synthetic(schema dataset.Schema, scenes, samples, channels, sweeps, instances int) *Tables {
	t := &Tables{Dataset: &dataset.Dataset{Schema: schema, Tables: "v1.0-mini", Tree: &dataset.Tree{}}, texts: &texts{}}
	n := 0
	token := func() Token {
		n++
		return t.texts.token(fmt.Appendf(nil, "%032x", n))
	}
	many := func(n int) []Token {
		out := make([]Token, n)
		for i := range out {
			out[i] = token()
		}
		return out
	}
	at := func(k []Token, i int) Token {
		if i < 0 || i >= len(k) {
			return Token(0)
		}
		return k[i]
	}
	row := func() Row { return Row{Token: token()} }
	category, attribute, visibility, log := row(), row(), row(), row()
	t.Category.Rows = []Category{{Row: category, Name: "vehicle.car"}}
	t.Attribute.Rows = []Attribute{{Row: attribute, Name: "vehicle.moving"}}
	t.Visibility.Rows = []Visibility{{Row: visibility}}
	t.Log.Rows = []Log{{Row: log, Logfile: "n015", Location: "here"}}
	t.Map.Rows = []Map{{Row: row(), Logs: []Token{log.Token}}}
	for c := range channels {
		t.Sensor.Rows = append(t.Sensor.Rows, Sensor{Row: row(), Channel: fmt.Sprintf("CAM_%d", c), Modality: "camera"})
	}
	name := make([]string, channels)
	for c := range name {
		name[c] = fmt.Sprintf("CAM_%d/n015__CAM_%[1]d__1.jpg", c)
	}
	const step = 500_000_000
	for s := range scenes {
		scene, own := token(), many(samples)
		start := int64(s+1) * 1000 * step
		t.Scene.Rows = append(t.Scene.Rows, Scene{
			Row: Row{Token: scene}, Name: fmt.Sprintf("scene-%04d", s), Log: log.Token,
			NbrSamples: int32(samples), First: own[0], Last: own[samples-1],
		})
		for i, k := range own {
			t.Sample.Rows = append(t.Sample.Rows, Sample{Row: Row{Token: k}, Timestamp: start + int64(i)*step, Scene: scene, Prev: at(own, i-1), Next: at(own, i+1)})
		}
		for c := range channels {
			calibrated := row()
			t.CalibratedSensor.Rows = append(t.CalibratedSensor.Rows, CalibratedSensor{Row: calibrated, Sensor: t.Sensor.Rows[c].Token})
			data := many((samples-1)*(sweeps+1) + 1)
			for i, k := range data {
				pose, key := row(), i%(sweeps+1) == 0
				t.EgoPose.Rows = append(t.EgoPose.Rows, EgoPose{Row: pose})
				file := "sweeps/" + name[c]
				if key {
					file = "samples/" + name[c]
				}
				t.SampleData.Rows = append(t.SampleData.Rows, SampleData{
					Row: Row{Token: k}, Sample: own[(i+sweeps)/(sweeps+1)], EgoPose: pose.Token,
					Calibrated: calibrated.Token, Filename: t.name(file), Timestamp: start + int64(i)*step/int64(sweeps+1), KeyFrame: key, Valid: true,
					Prev: at(data, i-1), Next: at(data, i+1),
				})
			}
		}
		for range instances {
			instance, boxes := token(), many(samples)
			t.Instance.Rows = append(t.Instance.Rows, Instance{Row: Row{Token: instance}, Category: category.Token, Nbr: int32(samples), First: boxes[0], Last: boxes[samples-1]})
			for i, k := range boxes {
				t.SampleAnnotation.Rows = append(t.SampleAnnotation.Rows, SampleAnnotation{
					Row: Row{Token: k}, Sample: own[i], Instance: instance,
					Visibility: visibility.Token, Attributes: t.lists.add([]Token{attribute.Token}), Prev: at(boxes, i-1), Next: at(boxes, i+1),
				})
			}
		}
	}
	t.seal()
	return t
}

// seal names and indexes the tables, as the loader does.
func (t *Tables) seal() {
	t.facts = facts{}
	sealed("attribute", &t.Attribute)
	sealed("calibrated_sensor", &t.CalibratedSensor)
	sealed("category", &t.Category)
	sealed("ego_pose", &t.EgoPose)
	sealed("instance", &t.Instance)
	sealed("log", &t.Log)
	sealed("map", &t.Map)
	sealed("sample", &t.Sample)
	sealed("sample_annotation", &t.SampleAnnotation)
	sealed("sample_data", &t.SampleData)
	sealed("scene", &t.Scene)
	sealed("sensor", &t.Sensor)
	sealed("visibility", &t.Visibility)
	sealed("lidarseg", &t.Lidarseg)
	sealed("panoptic", &t.Panoptic)
	sealed("object_ann", &t.ObjectAnn)
	sealed("surface_ann", &t.SurfaceAnn)
	sealed("keypoint", &t.Keypoint)
	sealed("vehicle_state", &t.VehicleState)
	sealed("traffic_light", &t.TrafficLight)
}

func sealed[T any](name string, t *Table[T]) {
	t.Name, t.Path, t.Present = name, "v1.0-mini/"+name+".json", true
	t.row = rowOf[T]()
	t.buildIndex(1<<20, func(i, _ int32) { t.refuse(i, "token-duplicate") })
}

// all computes every fact.
func (t *Tables) all() (*Links, *Chains, *Members, *Keyframes) {
	return t.Links(), t.Chains(), t.Members(), t.Keyframes()
}

// TestSoundTables checks that tables without fault raise none.
func TestSoundTables(t *testing.T) {
	for _, schema := range []dataset.Schema{dataset.NuScenes, dataset.T4} {
		tables := synthetic(schema, 2, 4, 3, 5, 2)
		l, c, m, k := tables.all()
		for _, key := range l.Keys {
			key.Cells(func(row int32, _ Token, to int32) {
				if to < 0 {
					t.Errorf("%s.%s of row %d is %d", key.Table, key.Column, row, to)
				}
			})
		}
		for _, chain := range []*Chain{c.Sample, c.SampleData, c.SampleAnnotation} {
			if len(chain.Faults) > 0 {
				t.Errorf("%s: %+v", chain.Table, chain.Faults)
			}
			for g := range int32(chain.Groups()) {
				if !chain.Sound(g) {
					t.Errorf("%s: group %d is not sound", chain.Table, g)
				}
			}
		}
		if len(c.Streams) != 6 || m.Samples.N[1] != 4 || m.Annotations.N[3] != 4 {
			t.Errorf("%d streams, %v samples, %v annotations", len(c.Streams), m.Samples.N, m.Annotations.N)
		}
		if len(k.Missing)+len(k.Duplicates)+len(k.Folders)+k.Excused > 0 {
			t.Errorf("keyframes %+v", k)
		}
	}
}

// TestFactsOfAnything damages tables in every column at once: nothing may
// panic, whatever refers to whatever.
func TestFactsOfAnything(t *testing.T) {
	for _, schema := range []dataset.Schema{dataset.NuScenes, dataset.Lyft, dataset.T4} {
		for seed := range 300 {
			tables := synthetic(schema, 2, 3, 2, 1, 2)
			tables.damage(uint64(seed))
			tables.seal()
			_, c, m, k := tables.all()
			for g := range int32(len(m.Samples.N)) {
				m.Samples.Excused(g, 3)
			}
			for i := range int32(len(tables.SampleData.Rows)) {
				k.Refuted(i)
				c.SampleData.Trusted(i)
			}
		}
	}
}

// BenchmarkFacts computes all facts of tables as large as nuScenes trainval:
// 850 scenes, 2.6 million rows of sample_data.
func BenchmarkFacts(b *testing.B) {
	scenes := 850
	if testing.Short() {
		scenes = 10
	}
	t := synthetic(dataset.NuScenes, scenes, 40, 12, 5, 34)
	b.ReportMetric(float64(len(t.SampleData.Rows)), "rows")
	b.ReportAllocs()
	for b.Loop() {
		t.facts = facts{}
		t.all()
	}
}

// damage overwrites references, groups and flags at random.
func (t *Tables) damage(seed uint64) {
	r := rand.New(rand.NewPCG(seed, 7))
	any := func() Token {
		switch r.IntN(4) {
		case 0:
			return Token(0)
		case 1:
			return Token(1 << 30)
		case 2:
			return t.Sample.Rows[r.IntN(len(t.Sample.Rows))].Token
		}
		return t.SampleData.Rows[r.IntN(len(t.SampleData.Rows))].Token
	}
	for range 1 + r.IntN(8) {
		s := &t.Sample.Rows[r.IntN(len(t.Sample.Rows))]
		d := &t.SampleData.Rows[r.IntN(len(t.SampleData.Rows))]
		a := &t.SampleAnnotation.Rows[r.IntN(len(t.SampleAnnotation.Rows))]
		c := &t.CalibratedSensor.Rows[r.IntN(len(t.CalibratedSensor.Rows))]
		x := &t.Scene.Rows[r.IntN(len(t.Scene.Rows))]
		i := &t.Instance.Rows[r.IntN(len(t.Instance.Rows))]
		refs := []*Token{
			&s.Token, &s.Scene, &s.Next, &s.Prev, &d.Token, &d.Sample, &d.EgoPose, &d.Calibrated, &d.Next, &d.Prev,
			&a.Token, &a.Sample, &a.Instance, &a.Next, &a.Prev, &c.Token, &c.Sensor, &x.Token, &x.Log, &x.First, &x.Last,
			&i.Token, &i.Category, &i.First, &i.Last,
		}
		*refs[r.IntN(len(refs))] = any()
		if r.IntN(4) == 0 {
			d.KeyFrame = !d.KeyFrame
		}
		if r.IntN(8) == 0 {
			d.Filename = t.name("samples/CAM_0/x")
		}
	}
	switch r.IntN(8) {
	case 0:
		t.Sample.Rows = nil
	case 1:
		t.Scene.Rows = nil
	case 2:
		t.Instance.Rows = nil
	case 3:
		t.Sensor.Rows = nil
	}
}
