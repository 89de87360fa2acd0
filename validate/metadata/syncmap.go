package metadata

import (
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A SyncMap relates the moments of two data sets of one drive.
type SyncMap struct {
	Path    string
	A, B    string // names of the data sets, as the header says
	Rows    []MapRow
	Missing bool // the descriptor names it, but it does not exist
}

// A MapRow says that two samples are one moment.
type MapRow struct {
	Line  int
	A, B  MapEnd
	Clock int64 // reading of b's clock minus that of a's at the same instant, ns
	ID    uuid.UUID
	HasID bool
}

// A MapEnd names a sample of a data set.
type MapEnd struct{ Dataset, Sample string }

// IDs gives the id that the map declares for each sample of a data set.
func (m *SyncMap) IDs(dataset string) map[string]uuid.UUID {
	out := map[string]uuid.UUID{}
	for _, r := range m.Rows {
		for _, e := range []MapEnd{r.A, r.B} {
			if e.Dataset == dataset && r.HasID {
				out[e.Sample] = r.ID
			}
		}
	}
	return out
}

// ReadSyncMap reads a sync map. What is wrong is emitted with path as its
// place; rows that cannot be used are left out. It gives nil where the header
// is unknown.
func ReadSyncMap(in io.Reader, path string, e rule.Emitter) (*SyncMap, error) {
	l := newLines(e, path, in)
	names := interner{}
	m := &SyncMap{Path: path}
	obj := l.object()
	p := &Parent{Place: rule.Place{Path: path, Line: 1, Column: 1}, What: "header line"}
	if obj != nil && obj.Field("standard") != nil {
		for i := range obj.Fields {
			f := &obj.Fields[i]
			v := value(f, l.start, nil)
			switch f.Name {
			case "schema_version":
				p.Version = v
			case "standard":
				p.Standard = v
			case "a":
				m.A = str(v)
			case "b":
				m.B = str(v)
			case "clock_offset_ns", "residual_ns", "drift_ppm":
			default:
				p.unfit(f.Name)
			}
		}
		p.Refused = refusals(mapHeaderSchema, obj.Raw, "schema_version", "standard")
	}
	if p.Known() || l.bad == 0 {
		e.Emit(p)
	}
	if !p.Known() || obj == nil {
		return nil, ioError(l.err)
	}
	for obj := l.object(); obj != nil; obj = l.object() {
		row, refused := parseMapRow(obj, &names)
		if refused {
			bad := &Parent{
				Place: rule.Place{Path: path, Line: l.n, Column: 1}, What: fmt.Sprintf("row of line %d", l.n), Version: p.Version, Standard: p.Standard,
				Refused: refusals(mapRowSchema, obj.Raw), Unknown: unknown(obj, "a", "b", "clock_offset_ns", "sensor_sync_id"),
			}
			if f := obj.Field("clock_offset_ns"); len(bad.Refused)+len(bad.Unknown) == 0 && f != nil {
				bad.Refused = []string{"clock_offset_ns: expected an integer literal within int64, but got " + string(f.Raw)}
			}
			e.Emit(bad)
		}
		if row.A.Sample == "" || row.B.Sample == "" {
			continue
		}
		row.Line = l.n
		m.Rows = append(m.Rows, row)
	}
	return m, ioError(l.err)
}

func ioError(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

func unknown(obj *jsonrow.Record, known ...string) []string {
	var p Parent
fields:
	for _, f := range obj.Fields {
		for _, k := range known {
			if f.Name == k {
				continue fields
			}
		}
		p.unfit(f.Name)
	}
	return p.Unknown
}

// parseMapRow reads a row; refused tells that the schema must say what is wrong.
func parseMapRow(obj *jsonrow.Record, names *interner) (row MapRow, refused bool) {
	end := func(f *jsonrow.Field, into *MapEnd) {
		if f.Kind != jsonrow.Object {
			refused = true
			return
		}
		jsonrow.Members(f.Raw, func(name string, k jsonrow.Kind, raw []byte) bool {
			switch {
			case k != jsonrow.String:
				refused = true
			case name == "dataset":
				into.Dataset = names.get(jsonrow.Text(raw))
			case name == "sample":
				into.Sample = string(jsonrow.Text(raw))
			default:
				refused = true
			}
			return true
		})
		refused = refused || into.Dataset == "" || into.Sample == ""
	}
	seen := 0
	for i := range obj.Fields {
		f := &obj.Fields[i]
		switch f.Name {
		case "a":
			seen++
			end(f, &row.A)
		case "b":
			seen++
			end(f, &row.B)
		case "clock_offset_ns":
			seen++
			n, ok := int64(0), f.Kind == jsonrow.Number
			if ok {
				n, ok = parseInt64(string(f.Raw))
			}
			row.Clock = n
			refused = refused || !ok
		case "sensor_sync_id":
			upper := false
			if f.Kind == jsonrow.String {
				row.ID, upper, row.HasID = ParseID(string(jsonrow.Text(f.Raw)))
			}
			refused = refused || !row.HasID || upper
		default:
			refused = refused || len(f.Name) < 2 || f.Name[:2] != "x_"
		}
	}
	return row, refused || seen != 3
}

// readDeclaredMap reads the sync map that a descriptor names; nil if it names
// none, or none that can be used.
func readDeclaredMap(ds *dataset.Dataset, d *Descriptor, e rule.Emitter) *SyncMap {
	name := d.Entry.SyncMap
	if name == "" {
		return nil
	}
	if !ds.Tree.Has(name) {
		return &SyncMap{Path: name, Missing: true}
	}
	f, err := ds.Open(name)
	if err == nil {
		defer f.Close()
		var m *SyncMap
		if m, err = ReadSyncMap(f, name, e); err == nil {
			return m
		}
	}
	rule.Unreadable(e, ds, rule.Place{Path: name}, err)
	return nil
}

// DeclaredMap reads the sync map that the descriptor of a data set names,
// without emitting anything; nil if there is none.
func DeclaredMap(ds *dataset.Dataset) *SyncMap {
	return readDeclaredMap(ds, ReadDescriptor(ds), quiet{})
}
