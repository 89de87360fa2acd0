package validate_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate/report"
)

// TestHostileSidecars breaks the text of sidecars in ways that no rule about
// metadata covers: each gives its one finding, and what the unreadable lines
// would have said is reported as skipped, not as missing.
func TestHostileSidecars(t *testing.T) {
	const sidecar = ".mm/kitti_raw/2011_09_26_drive_0001.jsonl"
	base := datagen.Annotated()[0]
	for name, c := range map[string]struct {
		file  string
		edit  func(b string) string
		rule  string
		skips bool
	}{
		"cut off":        {sidecar, func(b string) string { return b[:len(b)-40] + "\n" }, "SCH001", true},
		"no JSON":        {sidecar, func(b string) string { return strings.Replace(b, "\n{", "\n<html>", 1) }, "SCH001", true},
		"an array":       {sidecar, func(b string) string { return b + "[]\n" }, "SCH001", true},
		"deep":           {sidecar, func(b string) string { return b + strings.Repeat("[", 100000) + "\n" }, "SCH001", true},
		"a long line":    {sidecar, func(b string) string { return b + `{"x_":"` + strings.Repeat("a", 3<<20) + `"}` + "\n" }, "SCH001", true},
		"empty":          {sidecar, func(b string) string { return "" }, "UMM035", true},
		"header no JSON": {sidecar, func(b string) string { return "x" + b }, "SCH001", true},
		"duplicate key":  {sidecar, func(b string) string { return strings.Replace(b, `"channel":`, `"channel":"x","channel":`, 1) }, "SCH003", false},
		"NaN": {sidecar, func(b string) string {
			return strings.Replace(b, `"temporal_offset_ns":0`, `"temporal_offset_ns":NaN`, 1)
		}, "SCH004", false},
		"CRLF":          {sidecar, func(b string) string { return strings.ReplaceAll(b, "\n", "\r\n") }, "SCH005", false},
		"BOM":           {sidecar, func(b string) string { return "\xef\xbb\xbf" + b }, "SCH005", false},
		"no last LF":    {sidecar, func(b string) string { return b[:len(b)-1] }, "SCH005", false},
		"not UTF-8":     {sidecar, func(b string) string { return strings.Replace(b, `"source":"`, "\"source\":\"\xff", 1) }, "SCH005", false},
		"blank lines":   {sidecar, func(b string) string { return strings.ReplaceAll(b, "\n", "\n\n") }, "", false},
		"descriptor":    {"mm_dataset.json", func(b string) string { return b[:20] + "\n" }, "SCH001", false},
		"descriptor CR": {"mm_dataset.json", func(b string) string { return strings.ReplaceAll(b, "\n", "\r\n") }, "SCH005", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(root, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := base.Generate(root); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(root, c.file)
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(c.edit(string(b))), 0o644); err != nil {
				t.Fatal(err)
			}
			rep := check(t, root, datagen.Mutation{Base: base})
			n := 0
			for _, f := range rep.Findings {
				switch {
				case f.Rule == c.rule:
					n++
				case !statistic(f.Rule):
					t.Errorf("also %s %s:%d: %s", f.Rule, f.Path, f.Line, f.Message)
				}
			}
			if c.rule != "" && n != 1 {
				t.Errorf("%d findings of %s, want 1", n, c.rule)
			}
			if got := skipped(rep, "UMM001"); got != c.skips {
				t.Errorf("UMM001 skipped: %v, want %v", got, c.skips)
			}
		})
	}
}

func skipped(rep *report.Report, id string) bool {
	for _, s := range rep.Skipped {
		if s.Rule == id {
			return true
		}
	}
	return false
}

// TestUnannotated wants one finding for each data set without sidecars, however
// many samples it has, and every other rule about metadata skipped.
func TestUnannotated(t *testing.T) {
	root := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	base := datagen.Annotated()[1] // KITTI raw and object
	if err := base.Generate(root); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".mm", "mm_dataset.json"} {
		if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	rep := check(t, root, datagen.Mutation{Base: base})
	if rep.Counts["UMM001"] != 2 {
		t.Errorf("%d findings of UMM001, want one for each data set", rep.Counts["UMM001"])
	}
	for _, f := range rep.Findings {
		if f.Rule != "UMM001" && !statistic(f.Rule) {
			t.Errorf("also %s %s:%d: %s", f.Rule, f.Path, f.Line, f.Message)
		}
	}
	for n := 2; n <= 25; n++ {
		if n == 23 { // not for KITTI
			continue
		}
		if id := fmt.Sprintf("UMM%03d", n); !skipped(rep, id) {
			t.Errorf("%s is not reported as skipped", id)
		}
	}
}

// TestSingleRecords annotates by single records beside the payload alone.
func TestSingleRecords(t *testing.T) {
	root := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	base := datagen.Annotated()[0]
	if err := base.Generate(root); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(root, ".mm/kitti_raw/2011_09_26_drive_0001.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(root, ".mm")); err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		_, rest, ok := strings.Cut(line, `"file":"`)
		if !ok {
			continue // the header
		}
		file, _, _ := strings.Cut(rest, `"`)
		if n++; n%2 == 0 {
			file = strings.TrimSuffix(file, filepath.Ext(file))
		}
		line = `{"schema_version":"1.0",` + line[1:]
		if err := os.WriteFile(filepath.Join(root, file+".mm.json"), []byte(line), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rep := check(t, root, datagen.Mutation{Base: base})
	for _, f := range rep.Findings {
		if !statistic(f.Rule) {
			t.Errorf("%s %s:%d: %s", f.Rule, f.Path, f.Line, f.Message)
		}
	}
	if c := rep.Datasets[0].Channels; len(c) != 6 || c[0].Records != 12 || c[0].Offset != 12 {
		t.Errorf("channels %+v", c)
	}
}

// TestSharedDescriptor breaks the descriptor of two data sets with one root,
// which is one fault.
func TestSharedDescriptor(t *testing.T) {
	root := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	base := datagen.Annotated()[1] // KITTI raw and object
	if err := base.Generate(root); err != nil {
		t.Fatal(err)
	}
	const entries = `{"schema_version":"1.0","standard":"RFC-2025-04","datasets":[{"name":"kitti_v2.1"%s},{"name":"kitti_raw"%s}]%s}` + "\n"
	for content, id := range map[string]string{
		fmt.Sprintf(entries, "", "", `,"temporal_offset_ns":0`): "UMM032",
		fmt.Sprintf(entries, `,"sensor_sync_id":"x"`, "", ""):   "UMM032",
		fmt.Sprintf(entries, "", `,"sensor_sync_id":"x"`, ""):   "UMM032",
		fmt.Sprintf(entries, "", `,"refrence":"image_00"`, ""):  "UMM036",
		fmt.Sprintf(entries, "", `,"clock":"Berlin"`, ""):       "UMM036",
		"{\n": "SCH001",
		`{"schema_version":"9","standard":"RFC-2025-04","datasets":[]}` + "\n":            "UMM035",
		`{"schema_version":"1.0","standard":"RFC-2025-04","datasets":[],"size":1}` + "\n": "UMM036",
	} {
		if err := os.WriteFile(filepath.Join(root, "mm_dataset.json"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		rep := check(t, root, datagen.Mutation{Base: base})
		if rep.Counts[id] != 1 {
			t.Errorf("%q: %d findings of %s, want 1", content, rep.Counts[id], id)
		}
		for _, f := range rep.Findings {
			if f.Rule != id && !statistic(f.Rule) {
				t.Errorf("%q: also %s %s: %s", content, f.Rule, f.Path, f.Message)
			}
		}
	}
}
