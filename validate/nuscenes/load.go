package nuscenes

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A need says when a table must be there.
type need uint8

const (
	optional  need = iota
	mandatory      // the devkits load it unconditionally
)

// load reads every table with jobs workers. Each table that cannot be used
// breaks the input of its name.
func load(ctx context.Context, ds *dataset.Dataset, jobs int, e rule.Emitter) (*Tables, error) {
	g, ctx := errgroup.WithContext(ctx)
	l := newLoader(ctx, ds, jobs, e)
	t := l.tables
	start(g, l, mandatory, "sample_data", &t.SampleData, sampleDataColumns)
	start(g, l, mandatory, "ego_pose", &t.EgoPose, egoPoseColumns)
	start(g, l, mandatory, "sample_annotation", &t.SampleAnnotation, sampleAnnotationColumns)
	start(g, l, mandatory, "instance", &t.Instance, instanceColumns)
	start(g, l, mandatory, "sample", &t.Sample, sampleColumns)
	start(g, l, mandatory, "calibrated_sensor", &t.CalibratedSensor, calibratedSensorColumns)
	start(g, l, mandatory, "attribute", &t.Attribute, attributeColumns)
	start(g, l, mandatory, "category", &t.Category, categoryColumns)
	start(g, l, mandatory, "log", &t.Log, logColumns)
	start(g, l, mandatory, "map", &t.Map, mapColumns)
	start(g, l, mandatory, "scene", &t.Scene, sceneColumns)
	start(g, l, mandatory, "sensor", &t.Sensor, sensorColumns)
	start(g, l, mandatory, "visibility", &t.Visibility, visibilityColumns)
	switch ds.Schema {
	case dataset.NuScenes:
		start(g, l, optional, "lidarseg", &t.Lidarseg, lidarsegColumns)
		start(g, l, optional, "panoptic", &t.Panoptic, lidarsegColumns)
		g.Go(func() error {
			t.Splits = l.splits()
			return nil
		})
	case dataset.T4:
		start(g, l, optional, "lidarseg", &t.Lidarseg, lidarsegColumns)
		start(g, l, optional, "object_ann", &t.ObjectAnn, objectAnnColumns)
		start(g, l, optional, "surface_ann", &t.SurfaceAnn, surfaceAnnColumns)
		start(g, l, optional, "keypoint", &t.Keypoint, keypointColumns)
		start(g, l, optional, "vehicle_state", &t.VehicleState, vehicleStateColumns)
		start(g, l, optional, "traffic_light", &t.TrafficLight, trafficLightColumns)
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if n := len(t.Scene.Rows); ds.Schema == dataset.T4 && t.Scene.unusable == "" && n != 1 {
		e.Emit(rule.Fault{
			Slug: "scene-single", Message: fmt.Sprintf("scene has %d rows", n), Expected: "1", Actual: fmt.Sprint(n),
			Place: rule.Place{Path: t.Scene.Path, Table: t.Scene.Name},
		})
		t.Scene.unusable = "scene-single"
		e.Break(t.Scene.Name, t.Scene.unusable, t.Scene.Path)
	}
	return t, nil
}

// A loader reads one table, or a part of one. It is copied for each.
type loader struct {
	ctx      context.Context
	ds       *dataset.Dataset
	e        rule.Emitter
	tables   *Tables
	texts    *texts
	namer    *namer
	tokens   *tokenizer
	slots    chan struct{} // holds one for each worker that is busy
	partSize int64

	name, path string
	size       int64
	part       bool   // of a table
	done       int    // units of progress
	slug       string // rule that made the table unusable
	bom        bool
	cr         int64 // offset of the first carriage return, or -1
	bytes      arena[byte]
	lists      arena[Token]
	words      map[string]string
	field      jsonrow.Field // being read
	list       []Token       // being read
	geometry   Geometry      // of the row being read
	geometries bool          // keep it
	ignored    [3]float64
}

func newLoader(ctx context.Context, ds *dataset.Dataset, jobs int, e rule.Emitter) *loader {
	t := &Tables{Dataset: ds, texts: &texts{}}
	return &loader{
		geometries: e.Wants((*Geometries)(nil)) || e.Wants((*CANFile)(nil)) && len(ds.Tree.Names("can_bus", ".json")) > 0,
		ctx:        ctx, ds: ds, e: e, tables: t, texts: t.texts, slots: make(chan struct{}, max(jobs, 1)), partSize: 8 << 20,
	}
}

// table gives a loader of one table.
func (l *loader) table(name string) *loader {
	return &loader{
		ctx: l.ctx, ds: l.ds, e: l.e, tables: l.tables, texts: l.texts, namer: newNamer(l.tables), tokens: newTokenizer(l.texts), slots: l.slots, partSize: l.partSize, geometries: l.geometries,
		name: name, path: path.Join(l.ds.Tables, name+".json"), cr: -1,
	}
}

// work does something when a worker is free.
func (l *loader) work(do func()) {
	l.slots <- struct{}{}
	defer func() { <-l.slots }()
	do()
}

// start reads the table name into t, in a goroutine of g.
func start[T any](g *errgroup.Group, l *loader, n need, name string, t *Table[T], cols []column[T]) {
	l = l.table(name)
	t.Name, t.Path = name, l.path
	t.row = rowOf[T]()
	g.Go(func() error {
		defer func() { t.unusable = l.slug }()
		f := l.open(n)
		if f == nil {
			return nil
		}
		defer f.Close()
		t.Present = true
		return readTable(l, t, cols, f)
	})
}

// rowOf gives the function that finds the Row in a T: for the large tables one
// that costs nothing.
func rowOf[T any]() func(*T) *Row {
	for _, f := range []any{
		func(r *SampleData) *Row { return &r.Row },
		func(r *SampleAnnotation) *Row { return &r.Row },
		func(r *EgoPose) *Row { return &r.Row },
	} {
		if f, ok := f.(func(*T) *Row); ok {
			return f
		}
	}
	return func(r *T) *Row { return any(r).(interface{ row() *Row }).row() }
}

// open opens the table's file. It gives nil where there is nothing to read,
// and has said why.
func (l *loader) open(n need) *os.File {
	if !l.ds.Tree.Has(l.path) {
		if n == mandatory {
			l.fault("table-missing", rule.Fault{Message: "the table is missing", Place: l.file()})
		}
		return nil
	}
	f, slug := openFilled(l.ds, l.file(), l.e)
	if f == nil {
		l.unusable(slug)
		return nil
	}
	if info, err := f.Stat(); err == nil {
		l.size = info.Size()
		l.e.Expect(int(l.size / progressUnit))
	}
	return f
}

// openFilled opens a file that must hold something of its own. Where it does
// not, that is emitted, and slug names the rule.
func openFilled(ds *dataset.Dataset, at rule.Place, e rule.Emitter) (f *os.File, slug string) {
	f, err := ds.Open(at.Path)
	if err != nil {
		return nil, rule.Unreadable(e, ds, at, err)
	}
	head := make([]byte, dataset.MaxLFSPointer)
	k, err := f.ReadAt(head, 0)
	var fault rule.Fault
	switch p := dataset.ParseLFSPointer(head[:k]); {
	case k == 0 && err == io.EOF:
		fault = rule.EmptyFault(at)
	case p != nil && k < dataset.MaxLFSPointer:
		fault = rule.LFSFault(at, p)
	default:
		return f, ""
	}
	f.Close()
	e.Emit(fault)
	return nil, fault.Slug
}

// file gives the place of the table as a whole.
func (l *loader) file() rule.Place { return rule.Place{Path: l.path, Table: l.name} }

// fault emits a fault that makes the table unusable.
func (l *loader) fault(slug string, f rule.Fault) {
	f.Slug = slug
	l.e.Emit(f)
	l.unusable(slug)
}

// unusable breaks the input: rules that need the table are skipped.
func (l *loader) unusable(slug string) {
	l.slug = slug
	l.e.Break(l.name, slug, l.path)
}

// needsRows reports whether the table must not be empty: annotations may be
// withheld from a test split, and T4 allows scenes without any.
func (l *loader) needsRows() bool {
	switch l.ds.Schema {
	case dataset.NuScenes:
		switch l.name {
		case "sample_annotation", "instance", "attribute", "visibility":
			return !strings.HasSuffix(l.ds.Tables, "-test")
		case "lidarseg", "panoptic":
			return false
		}
		return true
	case dataset.T4:
		return slices.Contains([]string{"sample", "sample_data", "ego_pose", "calibrated_sensor", "sensor"}, l.name)
	}
	return false
}

func (l *loader) textOf(k Token) string { return l.tables.Text(k) }

// progress tells how far the table is read.
func (l *loader) progress(offset int64) {
	if n := int(offset / progressUnit); n > l.done {
		l.e.Advance(n - l.done)
		l.done = n
	}
}

const progressUnit = 4 << 20 // bytes of a table that count as one file

// jsonError emits a fault of the file's syntax or shape. Either way rows are
// missing, so the input is broken.
func (l *loader) jsonError(e *jsonrow.Error) {
	slug := "json-syntax"
	if e.Shape {
		slug = "json-not-array"
	}
	msg := e.Msg
	if e.Stop && !e.Shape && !strings.HasSuffix(msg, "were read") {
		msg += fmt.Sprintf("; reading stopped behind %d rows", e.Rows)
	}
	l.fault(slug, rule.Fault{Message: msg, Place: l.at(e.Offset)})
}

// at gives the place of a byte of the file, or of its last where the file ends
// too early. The report resolves it to a line.
func (l *loader) at(offset int64) rule.Place {
	if l.size > 0 {
		offset = min(offset, l.size-1)
	}
	return rule.Place{Path: l.path, Table: l.name, ByteOffset: offset}
}
