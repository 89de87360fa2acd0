package nuscenes

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

// one reads a data set that consists of one table.
func one(t *testing.T, s dataset.Schema, table, content string) (*Tables, *ruletest.Emitter) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "v1.0-mini"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "v1.0-mini", table+".json"), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	e := &ruletest.Emitter{}
	tables, err := load(t.Context(), open(t, dir, s, "v1.0-mini"), 2, e)
	if err != nil {
		t.Fatal(err)
	}
	for name, slug := range e.Broken {
		if slug == "table-missing" {
			delete(e.Broken, name)
		}
	}
	kept := e.Faults[:0]
	for _, f := range e.Faults {
		if f.Slug != "table-missing" {
			kept = append(kept, f)
		}
	}
	e.Faults = kept
	return tables, e
}

const (
	tokenA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	tokenB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestFaults(t *testing.T) {
	pose := func(change ...string) string {
		s := `[{"token": "` + tokenA + `", "timestamp": 1532402927647951, "rotation": [1.0, 0.0, 0.0, 0.0], "translation": [1.5, 2, -3e-1]}]`
		return strings.NewReplacer(change...).Replace(s)
	}
	for _, c := range []struct {
		name          string
		schema        dataset.Schema
		table, in     string
		said          string
		broken        bool
		refused, rows int
	}{
		{"sound", dataset.NuScenes, "ego_pose", pose(), "", false, 0, 1},
		{"null", dataset.NuScenes, "ego_pose", pose("1532402927647951", "null"), "value-null: timestamp is null", false, 1, 1},
		{"null in an array", dataset.NuScenes, "ego_pose", pose("2, -3e-1", "2, null"), "value-null: translation.2 is null", false, 1, 1},
		{"type", dataset.NuScenes, "ego_pose", pose("1532402927647951", `"1532402927647951"`), "field-type: timestamp is a string", false, 1, 1},
		{"type in an array", dataset.NuScenes, "ego_pose", pose("1.5, 2", `1.5, "2"`), "field-type: translation.1 is a string", false, 1, 1},
		{
			"exact float", dataset.NuScenes, "ego_pose", pose("1532402927647951", "1532402927647951.0"),
			"int-as-float: timestamp is written 1532402927647951.0: not an integer literal, though float64 is still exact at this size", false, 0, 1,
		},
		{
			"lossy float", dataset.NuScenes, "ego_pose", pose("1532402927647951", "1.67e18"),
			"int-as-float: timestamp is written 1.67e18: float64 has steps of 256 at this size, so digits are lost", false, 0, 1,
		},
		{"fraction", dataset.NuScenes, "ego_pose", pose("1532402927647951", "0.5"), "int-as-float: timestamp is written 0.5, which is not a whole number", false, 1, 1},
		{"fractions are legal in Lyft", dataset.Lyft, "ego_pose", pose(tokenA, tokenA+tokenB, "647951", "647951.25"), "", false, 0, 1},
		{"length", dataset.NuScenes, "ego_pose", pose("[1.0, 0.0, 0.0, 0.0]", "[0.0, 0.0, 1.57]"), "array-length: rotation has 3 elements", false, 1, 1},
		{"missing", dataset.NuScenes, "ego_pose", pose(`"timestamp": 1532402927647951, `, ""), "field-missing: timestamp is missing", false, 1, 1},
		{"missing twice", dataset.NuScenes, "ego_pose", `[{"token": "` + tokenA + `", "timestamp": 1}]`, "field-missing: rotation is missing\nfield-missing: translation is missing", false, 1, 1},
		{"unknown", dataset.NuScenes, "ego_pose", pose(`"timestamp"`, `"time_stamp": 1, "timestamp"`), "field-unknown: time_stamp is not a documented field of ego_pose; 1 of 1 rows have it", false, 0, 1},
		{"not finite", dataset.NuScenes, "ego_pose", pose("1.5", "NaN"), "json-nonfinite: translation holds NaN, which is not a finite number", false, 1, 1},
		{
			"not finite and of another type", dataset.NuScenes, "ego_pose", pose("[1.0, 0.0, 0.0, 0.0]", "-Infinity"),
			"field-type: rotation is not finite\njson-nonfinite: rotation holds -Infinity, which is not a finite number", false, 1, 1,
		},
		{"key twice", dataset.NuScenes, "ego_pose", pose(`"timestamp"`, `"timestamp": 1, "timestamp"`), `json-duplicate-key: the key "timestamp" occurs twice in one object`, false, 0, 1},
		{"short token", dataset.NuScenes, "ego_pose", pose(tokenA, "abc"), `token-format: token is "abc"`, false, 0, 1},
		{"Lyft's token", dataset.NuScenes, "ego_pose", pose(tokenA, tokenA+tokenB), `token-format: token is "` + tokenA + tokenB + `"`, false, 0, 1},
		{"nuScenes' token", dataset.Lyft, "ego_pose", pose(), `token-format: token is "` + tokenA + `"`, false, 0, 1},
		{"any token", dataset.T4, "ego_pose", pose(tokenA, "x"), "", false, 0, 1},
		{"empty token", dataset.T4, "ego_pose", pose(tokenA, ""), `token-format: token is ""`, false, 0, 1},
		{
			"token twice", dataset.NuScenes, "ego_pose", strings.ReplaceAll(pose("}]", "}, ")+pose("[{", "{"), "\n", ""),
			"token-duplicate: an earlier row of ego_pose has the same token, at byte 1", false, 1, 2,
		},
		{"syntax", dataset.NuScenes, "ego_pose", pose("1.5", "1.", "}]", "}, {}]"), "field-missing: rotation is missing\nfield-missing: timestamp is missing\nfield-missing: token is missing\nfield-missing: translation is missing\njson-syntax: expected a digit, found \",\"", true, 1, 1},
		{"empty file", dataset.NuScenes, "ego_pose", "", "file-empty: the file is empty (0 bytes)", true, 0, 0},
		{"no rows", dataset.NuScenes, "ego_pose", "[]", "table-empty: ego_pose has no rows", true, 0, 0},
		{"no rows in Lyft", dataset.Lyft, "ego_pose", "[]", "", false, 0, 0},
		{
			"pointer", dataset.NuScenes, "ego_pose", "version https://git-lfs.github.com/spec/v1\noid sha256:" + strings.Repeat("0", 64) + "\nsize 645000000\n",
			"lfs-pointer: is a Git-LFS pointer; the file itself (645.0 MB) was never pulled", true, 0, 0,
		},
		{"object", dataset.NuScenes, "ego_pose", `{"a": []}`, "json-not-array: the top level is an object, not an array of objects", true, 0, 0},
		{"mark and carriage returns", dataset.NuScenes, "ego_pose", "\xef\xbb\xbf" + pose(", \"", ",\r\n\""), "text-encoding: begins with a byte order mark\ntext-encoding: has carriage returns", false, 0, 1},

		{"enum", dataset.NuScenes, "sensor", `[{"token": "` + tokenA + `", "channel": "LIDAR_TOP", "modality": "Lidar"}]`, `enum-value: modality is "Lidar", which is not one of the known values`, false, 1, 1},
		{"date", dataset.NuScenes, "log", `[{"token": "` + tokenA + `", "logfile": "", "vehicle": "", "date_captured": "24.07.2018", "location": ""}]`, `date-format: date_captured is "24.07.2018"`, false, 1, 1},
		{
			"automatic", dataset.T4, "surface_ann", `[{"token": "x", "sample_data_token": "y", "category_token": "z", "mask": {"size": [1, 2], "counts": ""}, "automatic_annotation": true}]`,
			"autolabel-metadata: automatic_annotation is true, but autolabel_metadata is missing", false, 0, 1,
		},
		{
			"automatic, null", dataset.T4, "surface_ann", `[{"token": "x", "sample_data_token": "y", "category_token": "z", "mask": {"size": [1, 2], "counts": ""}, "automatic_annotation": true, "autolabel_metadata": null}]`,
			"autolabel-metadata: automatic_annotation is true, but autolabel_metadata is missing", false, 0, 1,
		},
		{
			"mask", dataset.T4, "surface_ann", `[{"token": "x", "sample_data_token": "y", "category_token": "z", "mask": {"size": [1.5, 2], "counts": ""}}]`,
			"int-as-float: mask.size.0 is written 1.5, which is not a whole number", false, 1, 1,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			tables, e := one(t, c.schema, c.table, c.in)
			if got := e.Said(); got != c.said {
				t.Errorf("said\n%s\nwant\n%s", got, c.said)
			}
			if broken := len(e.Broken) > 0; broken != c.broken {
				t.Errorf("broken %v", e.Broken)
			}
			rows, refused := 0, 0
			switch c.table {
			case "ego_pose":
				rows, refused = len(tables.EgoPose.Rows), len(tables.EgoPose.Refused)
			case "sensor":
				rows, refused = len(tables.Sensor.Rows), len(tables.Sensor.Refused)
			case "log":
				rows, refused = len(tables.Log.Rows), len(tables.Log.Refused)
			case "surface_ann":
				rows, refused = len(tables.SurfaceAnn.Rows), len(tables.SurfaceAnn.Refused)
			}
			if rows != c.rows || refused != c.refused {
				t.Errorf("%d rows, %d refused; want %d, %d", rows, refused, c.rows, c.refused)
			}
		})
	}
}

// TestTokens keeps apart what a shorter key would join.
// TestOneOfSeveral reports the same fault of a value that has several, every
// time: the library goes through members in any order.
func TestOneOfSeveral(t *testing.T) {
	for mask, want := range map[string]string{
		`{"size": [1, 2, 3], "counts": [1]}`:                             "field-type: mask.counts is an array",
		`{"size": [1, 2], "counts": "", "b": 1, "a": 2, "d": 3, "c": 4}`: "field-unknown: mask: additionalProperties 'a', 'b', 'c', 'd' not allowed",
	} {
		in := `[{"token": "a", "sample_data_token": "b", "instance_token": "", "category_token": "c", "attribute_tokens": [],
			"bbox": [0, 0, 1, 1], "mask": ` + mask + `, "autolabel_metadata": null}]`
		for range 40 {
			_, e := one(t, dataset.T4, "object_ann", in)
			if got := e.Said(); got != want {
				t.Fatalf("%s: %s", mask, got)
			}
		}
	}
}

func TestTokens(t *testing.T) {
	var x texts
	tables := &Tables{texts: &x}
	seen := map[Token]string{}
	for _, s := range []string{
		"", tokenA, strings.ToUpper(tokenA), tokenA + tokenB, tokenA + tokenA, "x", "4", strings.Repeat("0", 32), strings.Repeat("0", 64), tokenA[:31], "ä",
	} {
		k := x.token([]byte(s))
		if other, ok := seen[k]; ok {
			t.Errorf("%q and %q have one token", s, other)
		}
		seen[k] = s
		if k.Zero() != (s == "") {
			t.Errorf("%q: zero %v", s, k.Zero())
		}
		if got := tables.Text(k); got != s {
			t.Errorf("the text of %q is %q", s, got)
		}
	}
}

// TestIndex indexes rows by both forms: the tokens of the first spread far.
func TestIndex(t *testing.T) {
	for _, step := range []int{1 << 20, 5} {
		table := &Table[Visibility]{row: func(r *Visibility) *Row { return &r.Row }}
		for i := range 1000 {
			var r Visibility
			r.Token = Token(1 + i*step)
			table.Rows = append(table.Rows, r)
		}
		table.Rows = append(table.Rows, table.Rows[7], Visibility{})
		var again [][2]int32
		table.buildIndex(1000*step, func(i, first int32) { again = append(again, [2]int32{i, first}) })
		if (table.index.rows == nil) != (step > 5) {
			t.Errorf("step %d has the wrong form", step)
		}
		if !slices.Equal(again, [][2]int32{{1000, 7}}) || !table.keyless {
			t.Errorf("again %v, keyless %v", again, table.keyless)
		}
		for i := range 1000 {
			if at, ok := table.Find(table.Rows[i].Token); !ok || at != int32(i) {
				t.Errorf("row %d: %d, %v", i, at, ok)
			}
		}
		for _, k := range []Token{0, 2, 1 << 19, 1 << 30} {
			if at, ok := table.Find(k); ok {
				t.Errorf("%v is at %d", k, at)
			}
		}
	}
	if _, ok := (&Table[Visibility]{}).Find(1); ok {
		t.Error("an empty table has a row")
	}
}

func TestRunLengths(t *testing.T) {
	for _, c := range []struct {
		text   string
		pixels int64
		fault  string
	}{
		{"", 0, ""},
		{"NjI=", 8, ""},      // "62": runs 6, 2
		{"NjIyTw==", 11, ""}, // "622O": the fourth run is 2 - 1
		{"YDE=", 48, ""},     // "`1": 16 + 32
		{"NjIyQA==", 0, "run 4 has the length -14"}, // "622@"
		{"YA==", 0, "counts ends inside a run"},
		{"IQ==", 0, "counts is not a run-length code at run 1"},
		{"!", 0, "counts is not base64"},
	} {
		n, err := runLengths([]byte(c.text))
		fault := ""
		if err != nil {
			fault = err.Error()
		}
		if fault != c.fault || err == nil && n != c.pixels {
			t.Errorf("runLengths(%q) = %d, %v; want %d, %q", c.text, n, err, c.pixels, c.fault)
		}
	}
}

func FuzzRunLengths(f *testing.F) {
	f.Add([]byte("NjIyTw=="))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, err := runLengths(b); err == nil && n < 0 {
			t.Errorf("%d pixels", n)
		}
	})
}

// TestRealLyftAsNuScenes: what is legal in Lyft is wrong in nuScenes.
func TestRealLyftAsNuScenes(t *testing.T) {
	dir := filepath.Join(shareddata.Dir(t), "open-mmlab+mmdetection3d/tests/data/lyft/v1.01-train")
	var e ruletest.Emitter
	if _, err := load(t.Context(), open(t, dir, dataset.NuScenes, "v1.01-train"), 2, &e); err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	for _, f := range e.Faults {
		have[f.Slug] = true
	}
	for _, slug := range []string{"token-format", "int-as-float", "field-missing", "enum-value"} {
		if !have[slug] {
			t.Errorf("%s is silent", slug)
		}
	}
}
