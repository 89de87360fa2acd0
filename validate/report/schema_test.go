package report_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/schemas"
	"github.com/mmaudit/mmaudit/validate"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/rules"
)

func compile(t testing.TB, name string, text []byte, draft *jsonschema.Draft) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.Draft = draft
	c.AssertFormat = true
	if err := c.AddResource(name, bytes.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func reportSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	text, err := schemas.Files.ReadFile("report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compile(t, "report.schema.json", text, jsonschema.Draft2020)
}

// sarifSchema gives the public schema of SARIF 2.1.0, which the SARIF library
// embeds in its source.
var sarifSchema = sync.OnceValues(func() ([]byte, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3").Output()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(strings.TrimSpace(string(dir)), "pkg", "report", "v210", "sarif", "schema.go")
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		return nil, err
	}
	var text string
	ast.Inspect(f, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			text, err = strconv.Unquote(lit.Value)
		}
		return true
	})
	return []byte(text), err
})

func validJSON(t testing.TB, s *jsonschema.Schema, text []byte) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%#v", err)
	}
}

// runs gives real reports: one for each kind of generated data set, with a
// fault in it.
func runs(t *testing.T) map[string]*report.Report {
	out := map[string]*report.Report{}
	for _, m := range datagen.Mutations() {
		if out[m.Base.Name] != nil {
			continue
		}
		root := filepath.Join(t.TempDir(), "data")
		if err := m.Write(root); err != nil {
			t.Fatal(err)
		}
		rep, err := validate.Run(t.Context(), []string{root}, validate.Options{Params: rule.DefaultParams()})
		if err != nil {
			t.Fatal(err)
		}
		out[m.Base.Name] = rep
	}
	return out
}

func TestPublicSchemas(t *testing.T) {
	own := reportSchema(t)
	text, err := sarifSchema()
	if err != nil {
		t.Fatal(err)
	}
	public := compile(t, "sarif.json", text, jsonschema.Draft4)
	reports := runs(t)
	reports["nasty"] = nastyReport()
	reports["nothing"] = &report.Report{SchemaVersion: report.SchemaVersion, Scope: report.Scope{Sample: 1}, Complete: true}
	for name, rep := range reports {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			for _, f := range report.FormatNames() {
				b.Reset()
				if err := report.Write(&b, f, rep, append(nastyCatalogue(), rules.Catalogue()...), report.Options{}); err != nil {
					t.Fatal(err)
				}
				switch f {
				case "json":
					validJSON(t, own, b.Bytes())
				case "sarif":
					validJSON(t, public, b.Bytes())
					soundSARIF(t, b.Bytes())
				case "junit":
					validJUnit(t, b.Bytes())
				case "html":
					soundHTML(t, b.Bytes())
				}
			}
		})
	}
}

// TestSchemaExamples: what the schemas give as examples is valid by them.
func TestSchemaExamples(t *testing.T) {
	for _, name := range []string{"report.schema.json", "baseline.schema.json"} {
		text, err := schemas.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s := compile(t, name, text, jsonschema.Draft2020)
		var doc struct{ Examples []json.RawMessage }
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		if len(doc.Examples) == 0 {
			t.Errorf("%s has no example", name)
		}
		for _, e := range doc.Examples {
			validJSON(t, s, e)
		}
	}
}

// TestSchemaIsStrict: the report's schema refuses what a reader could stumble over.
func TestSchemaIsStrict(t *testing.T) {
	s := reportSchema(t)
	for name, edit := range map[string]func(m map[string]any){
		"unknown key":          func(m map[string]any) { m["surprise"] = 1 },
		"no findings":          func(m map[string]any) { delete(m, "findings") },
		"another version":      func(m map[string]any) { m["schema_version"] = "2.0" },
		"why, though complete": func(m map[string]any) { m["complete"] = true },
		"key in finding":       func(m map[string]any) { m["findings"].([]any)[0].(map[string]any)["extra"] = 1 },
		"line 0":               func(m map[string]any) { m["findings"].([]any)[0].(map[string]any)["line"] = 0 },
		"bad fingerprint":      func(m map[string]any) { m["findings"].([]any)[0].(map[string]any)["fingerprint"] = "x" },
		"severity off":         func(m map[string]any) { m["findings"].([]any)[0].(map[string]any)["severity"] = "off" },
	} {
		var m map[string]any
		if err := json.Unmarshal(write(t, "json", nastyReport(), report.Options{}), &m); err != nil {
			t.Fatal(err)
		}
		edit(m)
		if s.Validate(m) == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}
