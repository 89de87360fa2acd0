package metadata

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/santhosh-tekuri/jsonschema/v5"
)

func TestParseInt64(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "-6135296": "-6135296", "9223372036854775807": "9223372036854775807", "-9223372036854775808": "-9223372036854775808",
		"9223372036854775808": "", "-9223372036854775809": "", "1.0": "", "1e3": "", "-0": "", "+1": "", "": "", "-": "",
		"9007199254740993": "9007199254740993", // 2^53 + 1, which float64 does not hold
	} {
		got := ""
		if n, ok := parseInt64(in); ok {
			got = fmt.Sprint(n)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

const goodRecord = `{"dataset":"kitti_raw","sample":"d/0000000001","channel":"image_02","file":"a.png","sensor_sync_id":"befdbd7e-78bc-5f67-85e2-27733c527cfd","temporal_offset_ns":-6135296,"modality_schema":"kitti_raw","source":"image_02/timestamps.txt:2"}`

// TestSchemaExamples holds the examples of the schemas against the schemas.
func TestSchemaExamples(t *testing.T) {
	for name, s := range map[string]func() *jsonschema.Schema{
		"record": recordSchema, "header": headerSchema, "descriptor": descriptorSchema, "map row": mapRowSchema, "map header": mapHeaderSchema,
	} {
		schema := s()
		if schema.Description == "" {
			t.Errorf("%s has no description", name)
		}
		if len(schema.Examples) == 0 {
			t.Errorf("%s has no example", name)
		}
		for _, e := range schema.Examples {
			if err := schema.Validate(e); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// TestWritten holds what annotate writes against the schemas.
func TestWritten(t *testing.T) {
	line := Line{Dataset: "kitti_raw", Sample: "a \"quoted\" \\ \x01 sämple", Channel: "image_02", File: "a/b.png", Offset: math.MinInt64, Schema: "kitti_raw", ID: Derive("x")}
	row := MapRow{A: MapEnd{"a", "1"}, B: MapEnd{"b", "2"}, Clock: -1, HasID: true, ID: Derive("x")}
	for _, c := range []struct {
		text   []byte
		schema func() *jsonschema.Schema
	}{
		{line.Append(nil), recordSchema},
		{AppendHeader(nil, "nuscenes_v1.0/v1.0-mini", "scene-0061"), headerSchema},
		{row.Append(nil), mapRowSchema},
		{AppendMapHeader(nil, "a", "b", 1, 2, -0.5), mapHeaderSchema},
	} {
		var p jsonrow.Parser
		obj, err := p.Object(c.text, 0)
		if err != nil {
			t.Fatalf("%s: %v", c.text, err)
		}
		if why := refusals(c.schema, obj.Raw); len(why) > 0 {
			t.Errorf("%s: %v", c.text, why)
		}
	}
	rec := reparse(t, string(line.Append(nil)))
	if ns, ok := rec.Recorded(); !ok || ns != math.MinInt64 || rec.Sample != line.Sample {
		t.Errorf("%q %d %v", rec.Sample, ns, ok)
	}
}

func reparse(t *testing.T, s string) *Record {
	t.Helper()
	var p jsonrow.Parser
	obj, err := p.Object([]byte(s), 0)
	if err != nil {
		t.Fatal(err)
	}
	return parse(obj, 0, &interner{})
}

// TestFastPath holds the reader against the schema, field by field: it finds
// fault with a record exactly where the schema does, rules of their own aside.
func TestFastPath(t *testing.T) {
	for _, field := range []string{"schema_version", "dataset", "sample", "channel", "file", "reference", "source", "size", "sha256", "x_y", "sise", "temporal_offset_ns", "sensor_sync_id"} {
		for _, value := range []string{`"a"`, `""`, `"1.0"`, `1`, `-1`, `1.5`, `1e3`, `null`, `true`, `[]`, `{}`, `"` + strings.Repeat("0a", 32) + `"`} {
			agree(t, fmt.Sprintf(`{"dataset":"d","sample":"s","channel":"c","sensor_sync_id":"befdbd7e-78bc-5f67-85e2-27733c527cfd","temporal_offset_ns":0,%q:%s}`, field, value))
		}
	}
}

// agree compares the reader's verdict with the schema's.
func agree(t *testing.T, text string) {
	t.Helper()
	var p jsonrow.Parser
	obj, err := p.Object([]byte(text), 0)
	if err != nil || len(obj.Flaws) > 0 {
		return
	}
	rec := parse(obj, 0, &interner{})
	all := refusals(recordSchema, obj.Raw, "sensor_sync_id", "temporal_offset_ns", "modality_schema")
	// 1.0 and 1e3 are integers to the schema, not to the standard.
	if rec.Refused == nil && len(all) > 0 {
		t.Errorf("%s: the schema refuses it (%v), the reader does not", text, all)
	}
	if rec.Size >= 0 && obj.Field("size") == nil {
		t.Errorf("%s: size %d", text, rec.Size)
	}
}

// FuzzSidecar reads any bytes as a sidecar: it never panics, and the reader
// never accepts what the schema refuses.
func FuzzSidecar(f *testing.F) {
	header := `{"schema_version":"1.0","standard":"RFC-2025-04","dataset":"kitti_raw","group":"d"}` + "\n"
	for _, s := range []string{header + goodRecord + "\n", header, "", "{", header + "\xff\n", "\xef\xbb\xbf" + header + "\r\n{}\n[]\nx", header + strings.Repeat("a", 100)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		l := newLines(quiet{}, "x", strings.NewReader(string(b)))
		obj := l.object()
		if obj == nil {
			return
		}
		parseHeader(obj, rule.Place{})
		for obj := l.object(); obj != nil; obj = l.object() {
			agree(t, string(obj.Raw))
		}
	})
}

// FuzzDescriptor reads any bytes as a descriptor, and as one to add to.
func FuzzDescriptor(f *testing.F) {
	good, err := AddEntry(nil, Entry{Name: "kitti_raw", Reference: "image_00", StampSemantics: map[string]string{"velodyne": "mid"}}, ".mm/m.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{string(good), `{"datasets":[1,{"name":2},{"name":"a","sensors":[]}]}`, `{`, `[]`, `{"schema_version":"1.0","standard":"RFC-2025-04","datasets":null}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		doc := newDocument(quiet{}, "x", b)
		obj := doc.object()
		if obj != nil {
			parseDescriptor(obj, "kitti_raw", false)
		}
		out, err := AddEntry(b, Entry{Name: "another"}, "m")
		if err != nil {
			return
		}
		again, err := AddEntry(out, Entry{Name: "another"}, "m")
		if err != nil || string(again) != string(out) {
			t.Errorf("adding twice gives %q, %v after %q", again, err, out)
		}
	})
}

// FuzzSyncMap reads any bytes as a sync map; what is read is written and read
// again alike.
func FuzzSyncMap(f *testing.F) {
	row := MapRow{A: MapEnd{"a", "1"}, B: MapEnd{"b", "2"}, Clock: -1, HasID: true, ID: Derive("x")}
	f.Add(row.Append(AppendMapHeader(nil, "a", "b", 1, 2, 0.25)))
	f.Add([]byte(`{"schema_version":"1.0","standard":"RFC-2025-04","a":1}` + "\n" + `{"a":{},"b":null}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ReadSyncMap(strings.NewReader(string(b)), "x", quiet{})
		if err != nil || m == nil {
			return
		}
		out := AppendMapHeader(nil, "a", "b", 0, 0, 0)
		for i := range m.Rows {
			out = m.Rows[i].Append(out)
		}
		again, err := ReadSyncMap(strings.NewReader(string(out)), "x", quiet{})
		if err != nil || len(again.Rows) != len(m.Rows) {
			t.Fatalf("%d rows, then %v %v", len(m.Rows), again, err)
		}
	})
}
