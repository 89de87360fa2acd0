package nuscenes

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

// outcome reads a table in parts of a size and gives all that is known then.
func outcome[T any](t *testing.T, s dataset.Schema, name string, cols []column[T], b []byte, partSize int64) string {
	t.Helper()
	e := &ruletest.Emitter{}
	l := newLoader(t.Context(), &dataset.Dataset{Schema: s, Tables: "v1.0-mini"}, 3, e)
	l.partSize, l.geometries = partSize, true
	l = l.table(name)
	l.size = int64(len(b))
	table := &Table[T]{Name: name, Path: l.path, row: rowOf[T]()}
	if err := readTable(l, table, cols, bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	fmt.Fprintln(&out, table.Geometry)
	for i := range table.Rows {
		fmt.Fprintf(&out, "%+v %v\n", texted(l.tables, reflect.ValueOf(table.Rows[i])), table.Sound(int32(i)))
	}
	said := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		said[i] = fmt.Sprintf("%+v", f)
	}
	slices.Sort(said)
	fmt.Fprintf(&out, "%s\n%v %s %s", strings.Join(said, "\n"), e.Broken, l.slug, table.refusedBy)
	return out.String()
}

// texted gives a row with the text of each token.
func texted(t *Tables, v reflect.Value) any {
	switch {
	case v.Type() == reflect.TypeFor[Token]():
		return t.Text(Token(v.Uint()))
	case v.Type() == reflect.TypeFor[Name]():
		return t.Name(Name{v.Field(0).Uint(), uint32(v.Field(1).Uint())})
	case v.Type() == reflect.TypeFor[RareName]():
		return t.Name(t.RareName(RareName(v.Uint())))
	case v.Type() == reflect.TypeFor[List]():
		return texted(t, reflect.ValueOf(t.List(List(v.Uint()))))
	case v.Kind() == reflect.Struct:
		var out []any
		for i := range v.NumField() {
			out = append(out, texted(t, v.Field(i)))
		}
		return out
	case v.Type() == reflect.TypeFor[[]Token]():
		var out []any
		for i := range v.Len() {
			out = append(out, texted(t, v.Index(i)))
		}
		return out
	}
	return fmt.Sprintf("%v", v)
}

// agree demands the same outcome whatever the size of the parts.
func agree[T any](t *testing.T, s dataset.Schema, name string, cols []column[T], b []byte, sizes ...int64) {
	t.Helper()
	want := outcome(t, s, name, cols, b, 1<<40)
	for _, n := range sizes {
		got := outcome(t, s, name, cols, b, n)
		for i, line := range strings.Split(want, "\n") {
			if other := strings.Split(got+strings.Repeat("\n", i), "\n")[i]; other != line {
				t.Errorf("%s in parts of %d:\n%s\nin one:\n%s", name, n, other, line)
				break
			}
		}
		if len(got) > len(want) {
			t.Errorf("%s in parts of %d has more: %s", name, n, got[len(want):])
		}
	}
}

// TestParts reads tables in parts of any size, sound and broken ones, as one
// reader would.
func TestParts(t *testing.T) {
	dir := t.TempDir()
	if err := (datagen.NuScenesTables{Seed: 1, Samples: 2}).Write(dir); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "v1.0-trainval/sample_data.json"))
	if err != nil {
		t.Fatal(err)
	}
	boxes, err := os.ReadFile(filepath.Join(dir, "v1.0-trainval/sample_annotation.json"))
	if err != nil {
		t.Fatal(err)
	}
	agree(t, dataset.NuScenes, "sample_data", sampleDataColumns, b, 1, 100, 511, 4096, 1<<15)
	agree(t, dataset.NuScenes, "sample_annotation", sampleAnnotationColumns, boxes, 1, 100, 997, 4096)
	strange := bytes.ReplaceAll(b, []byte(`"token"`), []byte(`"new": 1, "token"`)) // in all records, so that parts learn it
	agree(t, dataset.NuScenes, "sample_data", sampleDataColumns, strange, 511, 4096, 1<<15)
	r := rand.New(rand.NewPCG(3, 4))
	insert := []string{
		"", "x", `"`, "{", "}", "[", "]", ",", "\\", "\r", "\xff", `},{`, `"},{"`, `{"a":[{},{}]},`, "1,", "NaN", `"new":1,`,
		`"width": 1,`, strings.Repeat(" ", 300), strings.Repeat(`"k": [{"a": 1}, {"a": 2}],`, 4),
	}
	for range 150 {
		at := r.IntN(len(b))
		if r.IntN(2) == 0 { // between the members of a record
			at += bytes.IndexByte(b[at:], '\n') + 1
		}
		in := insert[r.IntN(len(insert))]
		m := slices.Concat(b[:at], []byte(in), b[min(at+r.IntN(3)*r.IntN(2), len(b)):])
		if r.IntN(20) == 0 {
			m = m[:r.IntN(len(m))]
		}
		agree(t, dataset.NuScenes, "sample_data", sampleDataColumns, m, int64(50+r.IntN(20000)))
	}
}
