package nuscenes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/schemas"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

// recordSchemas gives every schema of a record, by "nuscenes/sample".
func recordSchemas(t testing.TB) map[string]*recordSchema {
	t.Helper()
	out := map[string]*recordSchema{}
	err := fs.WalkDir(schemas.Files, "tables", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".json" || path.Base(name) == "splits.schema.json" {
			return err
		}
		b, err := schemas.Files.ReadFile(name)
		if err != nil {
			return err
		}
		s, err := newSchema(b)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		out[strings.TrimSuffix(strings.TrimPrefix(name, "tables/"), ".schema.json")] = s
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 40 {
		t.Fatalf("%d schemas", len(out))
	}
	return out
}

// examples makes a record of the first example of every member.
func examples(t testing.TB, s *recordSchema) map[string]string {
	t.Helper()
	lib, err := s.library()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for name := range lib.Properties {
		if name == "autolabel_metadata" || name == "automatic_annotation" { // one depends on the other
			continue
		}
		out[name] = string(exampleOf(t, s, name))
	}
	return out
}

func exampleOf(t testing.TB, s *recordSchema, name string) []byte {
	t.Helper()
	if len(s.props[name].doc.Examples) == 0 {
		t.Fatalf("%s has no example", name)
	}
	return s.props[name].doc.Examples[0]
}

// recordOf reads one record from its members.
func recordOf(t testing.TB, members map[string]string) *jsonrow.Record {
	t.Helper()
	names := make([]string, 0, len(members))
	for n := range members {
		names = append(names, n)
	}
	slices.Sort(names)
	var b bytes.Buffer
	b.WriteString("[{")
	for i, n := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q: %s", n, members[n])
	}
	b.WriteString("}]")
	rec, err := jsonrow.NewReader(&b).Next()
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// TestSchemas demands of each schema that it describes every member with an
// example, and that checker and library accept a record of examples.
func TestSchemas(t *testing.T) {
	for name, s := range recordSchemas(t) {
		lib, err := s.library()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for p, prop := range s.props {
			if prop.doc.Description == "" || len(prop.doc.Examples) == 0 {
				t.Errorf("%s: %s has no description or no example", name, p)
			}
			for _, e := range prop.doc.Examples {
				var v any
				if err := json.Unmarshal(e, &v); err != nil {
					t.Fatal(err)
				}
				if err := lib.Properties[p].Validate(v); err != nil {
					t.Errorf("%s: the example %s of %s: %v", name, e, p, err)
				}
			}
		}
		rec := recordOf(t, examples(t, s))
		if err := lib.Validate(recordValue(rec)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !accepts(s, rec) && !strings.HasSuffix(name, "_ann") && name != "t4/vehicle_state" { // objects are the library's
			t.Errorf("%s: the checker declines %s", name, rec.Raw)
		}
		if ps := s.judge(rec, true); len(ps) > 0 {
			t.Errorf("%s: %v", name, ps)
		}
	}
}

// literals are values that a faulty writer may put anywhere.
var literals = []string{
	"null", "true", "false", "0", "1", "-1", "256", "1.0", "1.5", "-0", "1e3", "1e-3", "1E400", "0.888E-4007255309", "123456789012345678901234567890",
	"NaN", "-Infinity", `""`, `"x"`, `"1"`, `"4"`, `"5"`, `"lidar"`, `"Lidar"`, `"jpg"`, `"v0-40"`, `"full"`, `"PARK"`, `"2018-07-24"`, `"2018-07-24x"`, `"\u0032018-07-24"`,
	`"2024-03-07-11-30-00"`, `"f1e2d3c4b5a697887766554433221100"`, `"F1E2D3C4B5A697887766554433221100"`, `"f1e2d3c4b5a69788776655443322110"`, `"f1e2d3c4b5a6978877665544332211000"`,
	`"\u0066` + strings.Repeat("0", 31) + `"`, `"` + strings.Repeat("0", 64) + `"`, `"` + strings.Repeat("ü", 16) + `"`, "\"\xff\"", `"\n"`, `"` + strings.Repeat("0", 32) + `\n"`,
	"[]", "[1]", "[1, 2]", "[1, 2, 3]", "[1, 2.5, 3, 4]", "[1, 2, 3, 4, 5]", "[1, 2, 3, 4, 5, 6]", `["a"]`, `["a", 1]`, "[null]", "[[]]", "[[1, 2, 3]]", "[[1, 2, 3], [1, 2, 3], [1, 2, 3]]",
	"[[1, 2, 3], [1, 2], [1, 2, 3]]", `[[1, 2, 3], [1, "2", 3], [1, 2, 3]]`, "[[1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3]]", "[1, 2, NaN]", "[1.0, 2.0, 3.0, 4.0]",
	"{}", `{"size": [1, 2], "counts": "x"}`, `{"size": [1.5, 2], "counts": "x"}`, `{"size": [1, 2]}`, `{"left": "on", "right": "off", "hazard": "off"}`,
	`[{"name": "m", "score": 0.5}]`, `[{"name": "m", "score": 5}]`, `[{"name": "m"}]`,
}

// accepts asks the checker about a record, in the ways that tables are read:
// without any column, and with those of each table that has such members.
func accepts(s *recordSchema, rec *jsonrow.Record) bool {
	for i := range rec.Fields {
		if s.props[rec.Fields[i].Name] == nil {
			return false
		}
	}
	for _, take := range takers {
		if take(s, rec) {
			return true
		}
	}
	return false
}

var takers = []func(*recordSchema, *jsonrow.Record) bool{
	taking[Row](nil),
	taking(attributeColumns), taking(calibratedSensorColumns), taking(categoryColumns), taking(egoPoseColumns),
	taking(instanceColumns), taking(logColumns), taking(mapColumns), taking(sampleColumns), taking(sampleAnnotationColumns),
	taking(sampleDataColumns), taking(sceneColumns), taking(sensorColumns), taking(visibilityColumns), taking(lidarsegColumns),
	taking(objectAnnColumns), taking(surfaceAnnColumns), taking(keypointColumns), taking(vehicleStateColumns), taking(trafficLightColumns),
}

// taking reads a record with columns, as a table of its own does.
func taking[T any](cols []column[T]) func(*recordSchema, *jsonrow.Record) bool {
	l := newLoader(context.Background(), &dataset.Dataset{Schema: dataset.NuScenes}, 1, &ruletest.Emitter{}).table("")
	var mu sync.Mutex // guards l
	return func(s *recordSchema, rec *jsonrow.Record) bool {
		mu.Lock()
		defer mu.Unlock()
		known := len(cols) == 0
		for i := range cols {
			known = known || rec.Field(cols[i].name) != nil
		}
		y := newLayout(s, cols)
		return known && y.learn(rec, nil) && y.take(l, new(T), rec.Raw) == len(rec.Raw)
	}
}

// differ fails where the checker accepts what the library refuses.
func differ(t *testing.T, name string, s *recordSchema, lib *jsonschema.Schema, rec *jsonrow.Record) (accepted bool) {
	t.Helper()
	v := recordValue(rec)
	err := lib.Validate(v)
	if accepted = accepts(s, rec); accepted && err != nil {
		t.Errorf("%s: the checker accepts %s, but %v", name, rec.Raw, err)
	}
	// What the library refuses is reported.
	if ps := s.judge(rec, false); err != nil && len(ps) == 0 && !strings.Contains(err.Error(), "additionalProperties") {
		t.Errorf("%s: nothing is said of %s: %#v", name, rec.Raw, err)
	} else if err == nil && len(rec.Flaws) == 0 && len(ps) > 0 {
		t.Errorf("%s: %v is said of %s", name, ps, rec.Raw)
	}
	return accepted
}

// TestCheckerAgrees changes every member of every schema to every literal,
// removes it, and changes several at once: the checker never accepts what the
// library refuses.
func TestCheckerAgrees(t *testing.T) {
	n, accepted := 0, 0
	all := recordSchemas(t)
	for name, s := range all {
		lib, err := s.library()
		if err != nil {
			t.Fatal(err)
		}
		valid := examples(t, s)
		try := func(m map[string]string) {
			n++
			if differ(t, name, s, lib, recordOf(t, m)) {
				accepted++
			}
		}
		r := rand.New(rand.NewPCG(1, uint64(len(name))))
		for _, p := range keys(s.props) {
			for _, l := range literals {
				if !strings.HasPrefix(name, "nuscenes/") && r.IntN(4) > 0 {
					continue // their schemas are much alike
				}
				m := clone(valid)
				m[p] = l
				try(m)
			}
			m := clone(valid)
			delete(m, p)
			try(m)
		}
		m := clone(valid)
		m["unheard_of"] = "1"
		try(m)
		names := keys(s.props)
		for range 60 {
			m := clone(valid)
			for range 1 + r.IntN(3) {
				p := names[r.IntN(len(names))]
				if r.IntN(10) == 0 {
					delete(m, p)
				} else {
					m[p] = literals[r.IntN(len(literals))]
				}
			}
			try(m)
		}
	}
	if accepted < n/20 {
		t.Errorf("of %d records the checker accepts %d: it is of no use", n, accepted)
	}
	t.Logf("%d records, %d accepted at once", n, accepted)
}

func clone(m map[string]string) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		out[k] = v
	}
	return out
}

func keys[V any](m map[string]V) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// FuzzChecker does what TestCheckerAgrees does, with any record.
func FuzzChecker(f *testing.F) {
	all := recordSchemas(f)
	names := keys(all)
	for i, name := range names {
		f.Add(uint8(i), recordOf(f, examples(f, all[name])).Raw)
	}
	f.Add(uint8(3), []byte(`{"token": "f1e2d3c4b5a697887766554433221100", "timestamp": 1.5e999}`))
	f.Fuzz(func(t *testing.T, which uint8, raw []byte) {
		name := names[int(which)%len(names)]
		s := all[name]
		rec, err := jsonrow.NewReader(bytes.NewReader(slices.Concat([]byte("["), raw, []byte("]")))).Next()
		if err != nil {
			return
		}
		lib, err := s.library()
		if err != nil {
			t.Fatal(err)
		}
		differ(t, name, s, lib, rec)
	})
}
