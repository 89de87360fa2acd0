package report_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/rules"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file below the repository's root.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = filepath.Join("..", "..", filepath.FromSlash(name))
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v (run go test ./validate/report -update)", err)
	}
	if bytes.Equal(got, want) {
		return
	}
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(g), len(w)) {
		if !bytes.Equal(g[i], w[i]) {
			t.Fatalf("%s:%d: got\n%s\nwant\n%s\n(go test ./validate/report -update writes it anew)", name, i+1, g[i], w[i])
		}
	}
	t.Fatalf("%s: %d lines, want %d (go test ./validate/report -update writes it anew)", name, len(g), len(w))
}

func write(t testing.TB, format string, rep *report.Report, o report.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, format, rep, nastyCatalogue(), o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestGolden fixes every format for a report of nasty content.
func TestGolden(t *testing.T) {
	for _, f := range report.FormatNames() {
		t.Run(f, func(t *testing.T) {
			got := write(t, f, nastyReport(), report.Options{})
			if f == "sarif" { // one line: not for reading
				var b bytes.Buffer
				if err := json.Indent(&b, got, "", " "); err != nil {
					t.Fatal(err)
				}
				got = b.Bytes()
			}
			golden(t, "testdata/golden/report/nasty."+f, got)
		})
	}
	t.Run("color", func(t *testing.T) {
		golden(t, "testdata/golden/report/nasty.color", write(t, "text", nastyReport(), report.Options{Color: true, MaxPerRule: 2}))
	})
	t.Run("clean", func(t *testing.T) {
		rep := &report.Report{Tool: report.Tool{Name: "mmvalidate"}, Complete: true, Datasets: nastyReport().Datasets[1:]}
		golden(t, "testdata/golden/report/clean.text", write(t, "text", rep, report.Options{}))
	})
}

func TestGoldenCatalogue(t *testing.T) {
	for _, format := range []string{"text", "json", "md"} {
		var list, explain bytes.Buffer
		if err := report.List(&list, format, nastyCatalogue()); err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/golden/report/rules."+format, list.Bytes())
		if err := report.Explain(&explain, format, nastyCatalogue()[:3]...); err != nil {
			t.Fatal(err)
		}
		golden(t, "testdata/golden/report/explain."+format, explain.Bytes())
	}
}

// TestRulesDoc keeps docs/rules.md in step with the catalogue.
func TestRulesDoc(t *testing.T) {
	var b bytes.Buffer
	if err := report.List(&b, "md", rules.Catalogue()); err != nil {
		t.Fatal(err)
	}
	golden(t, "docs/rules.md", b.Bytes())
}

// TestEveryRuleIsExplained: explain has something to say on each point.
func TestEveryRuleIsExplained(t *testing.T) {
	for _, r := range rules.Catalogue() {
		for name, text := range map[string]string{"summary": r.Summary, "why": r.Why, "example": r.Example, "hint": r.Hint} {
			if text == "" && !(name == "hint" && r.Severity == rule.Info) {
				t.Errorf("%s has no %s", r.ID, name)
			}
		}
	}
}

func TestUnknownFormats(t *testing.T) {
	if err := report.Write(&bytes.Buffer{}, "xml", nastyReport(), nil, report.Options{}); err == nil {
		t.Error("Write takes an unknown format")
	}
	if err := report.List(&bytes.Buffer{}, "xml", nil); err == nil {
		t.Error("List takes an unknown format")
	}
	if err := report.Explain(&bytes.Buffer{}, "xml"); err == nil {
		t.Error("Explain takes an unknown format")
	}
}
