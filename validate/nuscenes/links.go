package nuscenes

import (
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/internal/hugepage"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A Column is a reference of each row of a table, as a row number of the table
// that it names or one of the values below.
type Column []int32

func newColumn(rows int) Column { return hugepage.Make[int32](rows, rows) }

// What a reference can be instead of a row number.
const (
	Dangling int32 = -1 // it names no row
	Empty    int32 = -2 // it is ""
	Unknown  int32 = -3 // it could not be read, or the table that it names could not be
	Second   int32 = -4 // it names a row of another table, which it may
)

// A Key is one foreign key: a column whose cells name rows of another table.
type Key struct {
	Table, Column, Target string // "sample_data", "ego_pose_token", "ego_pose"

	// Cells calls yield with every cell: its row, its token, and what the token
	// resolves to. A row of an array column has as many cells as elements; one
	// of a plain column has one.
	Cells func(yield func(row int32, k Token, to int32))
	// Optional reports whether "" is allowed in a row.
	Optional func(row int32) bool
	// At gives the place of a row.
	At func(row int32) rule.Place
}

// Links is every reference between the tables of a data set, resolved. It
// takes 4 bytes a reference.
type Links struct {
	Keys []Key // without next and prev, which Chains judges

	CalibratedSensor struct{ Sensor Column }
	Instance         struct{ Category, First, Last Column }
	Sample           struct{ Scene, Next, Prev Column }
	SampleAnnotation struct{ Sample, Instance, Next, Prev Column }
	SampleData       struct{ Sample, EgoPose, Calibrated, Next, Prev Column }
	Scene            struct{ Log, First, Last Column }
	Lidarseg         struct{ SampleData Column }
	Panoptic         struct{ SampleData Column }
	ObjectAnn        struct{ SampleData, Instance Column }
	Keypoint         struct{ Instance Column }
	TrafficLight     struct{ Instance Column }
}

// Links resolves the references, once.
func (t *Tables) Links() *Links {
	t.facts.links.Do(func() { t.facts.l = t.link() })
	return t.facts.l
}

// facts are computed once for a data set, when a rule first asks.
type facts struct {
	links     sync.Once
	l         *Links
	sensors   sync.Once
	s         *Sensors
	chains    sync.Once
	c         *Chains
	members   sync.Once
	m         *Members
	keyframes sync.Once
	k         *Keyframes
	files     sync.Once
	f         *Files
}

func (t *Tables) link() *Links {
	l := &Links{}
	var b linker
	t4 := t.Dataset.Schema == dataset.T4

	plain(&b, t, &t.CalibratedSensor, "sensor_token", &t.Sensor, &l.CalibratedSensor.Sensor, func(r *CalibratedSensor) Token { return r.Sensor })
	plain(&b, t, &t.Instance, "category_token", &t.Category, &l.Instance.Category, func(r *Instance) Token { return r.Category })
	plain(&b, t, &t.Instance, "first_annotation_token", &t.SampleAnnotation, &l.Instance.First, func(r *Instance) Token { return r.First })
	plain(&b, t, &t.Instance, "last_annotation_token", &t.SampleAnnotation, &l.Instance.Last, func(r *Instance) Token { return r.Last })
	if t4 {
		// Instances seen in images alone have no 3D chain, and may name their
		// first and last object_ann.
		for _, k := range b.keys[len(b.keys)-2:] {
			k.Optional = always
			k.otherwise = func(k Token) bool { _, ok := t.ObjectAnn.Find(k); return ok || t.ObjectAnn.open() }
		}
	}
	array(&b, t, &t.Map, "log_tokens", &t.Log, func(r *Map) []Token { return r.Logs })
	plain(&b, t, &t.Sample, "scene_token", &t.Scene, &l.Sample.Scene, func(r *Sample) Token { return r.Scene })
	plain(&b, t, &t.SampleAnnotation, "sample_token", &t.Sample, &l.SampleAnnotation.Sample, func(r *SampleAnnotation) Token { return r.Sample })
	plain(&b, t, &t.SampleAnnotation, "instance_token", &t.Instance, &l.SampleAnnotation.Instance, func(r *SampleAnnotation) Token { return r.Instance })
	array(&b, t, &t.SampleAnnotation, "attribute_tokens", &t.Attribute, func(r *SampleAnnotation) []Token { return t.List(r.Attributes) })
	plain(&b, t, &t.SampleAnnotation, "visibility_token", &t.Visibility, nil, func(r *SampleAnnotation) Token { return r.Visibility }).Optional = always
	sample := plain(&b, t, &t.SampleData, "sample_token", &t.Sample, &l.SampleData.Sample, func(r *SampleData) Token { return r.Sample })
	if t4 {
		sample.Optional = func(row int32) bool { return !t.SampleData.Rows[row].KeyFrame }
	}
	plain(&b, t, &t.SampleData, "ego_pose_token", &t.EgoPose, &l.SampleData.EgoPose, func(r *SampleData) Token { return r.EgoPose })
	plain(&b, t, &t.SampleData, "calibrated_sensor_token", &t.CalibratedSensor, &l.SampleData.Calibrated, func(r *SampleData) Token { return r.Calibrated })
	plain(&b, t, &t.Scene, "log_token", &t.Log, &l.Scene.Log, func(r *Scene) Token { return r.Log })
	plain(&b, t, &t.Scene, "first_sample_token", &t.Sample, &l.Scene.First, func(r *Scene) Token { return r.First })
	plain(&b, t, &t.Scene, "last_sample_token", &t.Sample, &l.Scene.Last, func(r *Scene) Token { return r.Last })

	plain(&b, t, &t.Lidarseg, "sample_data_token", &t.SampleData, &l.Lidarseg.SampleData, func(r *Lidarseg) Token { return r.SampleData })
	plain(&b, t, &t.Panoptic, "sample_data_token", &t.SampleData, &l.Panoptic.SampleData, func(r *Lidarseg) Token { return r.SampleData })
	plain(&b, t, &t.ObjectAnn, "sample_data_token", &t.SampleData, &l.ObjectAnn.SampleData, func(r *ObjectAnn) Token { return r.SampleData })
	plain(&b, t, &t.ObjectAnn, "instance_token", &t.Instance, &l.ObjectAnn.Instance, func(r *ObjectAnn) Token { return r.Instance })
	plain(&b, t, &t.ObjectAnn, "category_token", &t.Category, nil, func(r *ObjectAnn) Token { return r.Category })
	array(&b, t, &t.ObjectAnn, "attribute_tokens", &t.Attribute, func(r *ObjectAnn) []Token { return r.Attributes })
	plain(&b, t, &t.SurfaceAnn, "sample_data_token", &t.SampleData, nil, func(r *SurfaceAnn) Token { return r.SampleData })
	plain(&b, t, &t.SurfaceAnn, "category_token", &t.Category, nil, func(r *SurfaceAnn) Token { return r.Category })
	plain(&b, t, &t.Keypoint, "sample_data_token", &t.SampleData, nil, func(r *Keypoint) Token { return r.SampleData })
	plain(&b, t, &t.Keypoint, "instance_token", &t.Instance, &l.Keypoint.Instance, func(r *Keypoint) Token { return r.Instance })
	array(&b, t, &t.Keypoint, "category_tokens", &t.Category, func(r *Keypoint) []Token { return r.Categories })
	plain(&b, t, &t.TrafficLight, "instance_token", &t.Instance, &l.TrafficLight.Instance, func(r *TrafficLight) Token { return r.Instance })

	b.chain(resolver(&t.Sample, &t.Sample, &l.Sample.Next, func(r *Sample) Token { return r.Next }))
	b.chain(resolver(&t.Sample, &t.Sample, &l.Sample.Prev, func(r *Sample) Token { return r.Prev }))
	b.chain(resolver(&t.SampleAnnotation, &t.SampleAnnotation, &l.SampleAnnotation.Next, func(r *SampleAnnotation) Token { return r.Next }))
	b.chain(resolver(&t.SampleAnnotation, &t.SampleAnnotation, &l.SampleAnnotation.Prev, func(r *SampleAnnotation) Token { return r.Prev }))
	b.chain(resolver(&t.SampleData, &t.SampleData, &l.SampleData.Next, func(r *SampleData) Token { return r.Next }))
	b.chain(resolver(&t.SampleData, &t.SampleData, &l.SampleData.Prev, func(r *SampleData) Token { return r.Prev }))

	b.resolve()
	for _, k := range b.keys {
		l.Keys = append(l.Keys, k.Key)
	}
	return l
}

func always(int32) bool { return true }
func never(int32) bool  { return false }

// A linker gathers what there is to resolve, and does it in parallel.
type linker struct {
	keys []*key
	jobs []func()
}

type key struct {
	Key
	otherwise func(Token) bool // a dangling token that this accepts names a row of a second table
}

func (b *linker) chain(job func()) { b.jobs = append(b.jobs, job) }

func (b *linker) resolve() {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, job := range b.jobs {
		g.Go(func() error { job(); return nil })
	}
	g.Wait()
}

// plain describes a column of single tokens. The resolved column is kept in
// *keep, if that is not nil; else each look at the cells resolves anew.
func plain[R, T any](b *linker, t *Tables, from *Table[R], column string, to *Table[T], keep *Column, get func(*R) Token) *key {
	k := newKey(b, t, from, column, to)
	if keep != nil {
		b.jobs = append(b.jobs, resolver(from, to, keep, get))
	}
	k.Cells = func(yield func(int32, Token, int32)) {
		f := follower[T]{t: to}
		for i := range from.Rows {
			token := get(&from.Rows[i])
			var r int32
			if keep != nil {
				r = (*keep)[i]
			} else {
				r = lookup(from, &f, int32(i), token)
			}
			yield(int32(i), token, k.second(r, token))
		}
	}
	return k
}

// array describes a column of arrays of tokens.
func array[R, T any](b *linker, t *Tables, from *Table[R], column string, to *Table[T], get func(*R) []Token) *key {
	k := newKey(b, t, from, column, to)
	k.Cells = func(yield func(int32, Token, int32)) {
		f := follower[T]{t: to}
		for i := range from.Rows {
			for _, token := range get(&from.Rows[i]) {
				yield(int32(i), token, lookup(from, &f, int32(i), token))
			}
		}
	}
	return k
}

func newKey[R, T any](b *linker, t *Tables, from *Table[R], column string, to *Table[T]) *key {
	k := &key{Key: Key{
		Table: from.Name, Column: column, Target: to.Name, Optional: never,
		At: func(row int32) rule.Place { return At(t, from, row) },
	}}
	b.keys = append(b.keys, k)
	return k
}

// second accepts a dangling token that names a row of a second table.
func (k *key) second(r int32, token Token) int32 {
	if r == Dangling && k.otherwise != nil && k.otherwise(token) {
		return Second
	}
	return r
}

func resolver[R, T any](from *Table[R], to *Table[T], keep *Column, get func(*R) Token) func() {
	return func() {
		c := newColumn(len(from.Rows))
		f := follower[T]{t: to}
		for i := range from.Rows {
			c[i] = lookup(from, &f, int32(i), get(&from.Rows[i]))
		}
		*keep = c
	}
}

// lookup resolves one cell. "" in a row that its own rules refused says nothing,
// and neither does a table that was not read whole.
func lookup[R, T any](from *Table[R], to *follower[T], row int32, k Token) int32 {
	if k.Zero() {
		if !from.Sound(row) {
			return Unknown
		}
		return Empty
	}
	if i, ok := to.find(k); ok {
		return i
	}
	if to.t.open() {
		return Unknown
	}
	return Dangling
}

// open reports whether rows that exist may be missing from t.
func (t *Table[T]) open() bool { return !t.Present || t.unusable != "" || t.keyless }

// Elsewhere names the tables other than target that have a row with primary
// key k. Tables that share their tokens with target by design do not count: a
// row that target has lost is still in them.
func (t *Tables) Elsewhere(target string, k Token) []string {
	var names []string
	note := func(name string, _ int32, ok bool) {
		if ok && !t.sharing(target, name) {
			names = append(names, name)
		}
	}
	look(note, &t.Attribute, k)
	look(note, &t.CalibratedSensor, k)
	look(note, &t.Category, k)
	look(note, &t.EgoPose, k)
	look(note, &t.Instance, k)
	look(note, &t.Keypoint, k)
	look(note, &t.Lidarseg, k)
	look(note, &t.Log, k)
	look(note, &t.Map, k)
	look(note, &t.ObjectAnn, k)
	look(note, &t.Panoptic, k)
	look(note, &t.Sample, k)
	look(note, &t.SampleAnnotation, k)
	look(note, &t.SampleData, k)
	look(note, &t.Scene, k)
	look(note, &t.Sensor, k)
	look(note, &t.SurfaceAnn, k)
	look(note, &t.TrafficLight, k)
	look(note, &t.VehicleState, k)
	look(note, &t.Visibility, k)
	return names
}

func look[T any](note func(string, int32, bool), table *Table[T], k Token) {
	i, ok := table.Find(k)
	note(table.Name, i, ok)
}

// sharing reports whether rows of two tables have the same tokens: a capture,
// its pose and its labels, and in Lyft a scene and its log.
func (t *Tables) sharing(a, b string) bool {
	capture := func(name string) bool {
		return name == "sample_data" || name == "ego_pose" || name == "lidarseg" || name == "panoptic"
	}
	drive := func(name string) bool {
		return t.Dataset.Schema == dataset.Lyft && (name == "scene" || name == "log")
	}
	return a == b || capture(a) && capture(b) || drive(a) && drive(b)
}
