package export_test

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/toolchain"
)

// bomSchema is the schema of CycloneDX 1.6, which lies in the source of the
// library.
var bomSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat = true
	c.LoadURL = func(url string) (io.ReadCloser, error) {
		name := path.Base(url)
		if name == "jsf-0.82.schema.json" {
			name = "jsf-0.82.schemax.json"
		}
		return os.Open(filepath.Join(strings.TrimSpace(string(dir)), "schema", name))
	}
	return c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
})

// checkBOM holds a document against the schema, and its references against what
// they refer to, and reads it with the library.
func checkBOM(t *testing.T, text []byte) *cdx.BOM {
	t.Helper()
	schema, err := bomSchema()
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("%#v\n%s", err, text)
	}
	refs := map[string]bool{}
	walk(v, func(key, value string) {
		if key == "bom-ref" {
			if refs[value] {
				t.Errorf("bom-ref %q twice", value)
			}
			refs[value] = true
		}
	})
	walk(v, func(key, value string) {
		if key == "ref" && !refs[value] {
			t.Errorf("reference to %q, which is not there", value)
		}
	})
	bom := new(cdx.BOM)
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(bom); err != nil {
		t.Fatal(err)
	}
	return bom
}

func walk(v any, member func(key, value string)) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if s, ok := x.(string); ok {
				member(k, s)
			}
			walk(x, member)
		}
	case []any:
		for _, x := range v {
			walk(x, member)
		}
	}
}

func TestCycloneDXSchema(t *testing.T) {
	cases := map[string]func(*life){
		"whole life":   func(*life) {},
		"no documents": func(l *life) { clear(l.documents) },
		"running":      func(l *life) { l.predicates = l.predicates[:4] },
		"planned only": func(l *life) { l.predicates = l.predicates[5:6] },
		"no toolchain": func(l *life) { l.drop(audit.TrainStarted) },
		"a folder": func(l *life) {
			l.of(audit.TrainFinished).Outputs = []audit.Artifact{{
				Name: "out", Kind: "folder", Size: 3, Digest: audittest.Digests("x"), Tree: &fingerprint.Head{Leaves: 1, Bytes: 3},
			}, audittest.Artifact("log.txt", "log")}
		},
		"hostile names": func(l *life) {
			const evil = "</script>\"'`$(id);\u202e\u2066 & <b>é\\"
			ended := l.of(audit.TrainFinished)
			ended.Outputs[0].Name, ended.Actor.ID = evil, evil
			ended.Labels = map[string]string{"model.task": evil, "model.ethics": evil, evil: evil}
			started := l.of(audit.TrainStarted)
			d := &started.Data[0]
			d.Name, d.Source, d.Licence, d.Classification, d.Role = evil, evil, evil, evil, evil
			started.Gaps = []audit.Gap{{What: evil, Reason: evil}}
			report := tools()
			for name, f := range report.Fields {
				f.Source = evil
				report.Fields[name] = f
			}
			report.Fields["python.packages"] = toolchain.Field{Method: toolchain.Observed, Value: toolchain.Packages{
				Packages: []toolchain.Package{{Name: evil, Version: evil, Path: evil}},
			}}
			report.Fields["source.git"] = toolchain.Field{Method: toolchain.Observed, Value: toolchain.Source{Commit: "abc", Remote: "git@example.com:x/y.git"}}
			text, err := json.Marshal(report)
			if err != nil {
				l.t.Fatal(err)
			}
			started.Toolchain.Report = l.document(evil, "application/json", text)
			for _, p := range l.predicates {
				if p.Run != "" {
					p.Run = evil
				}
			}
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			change(l)
			checkBOM(t, makes(t, "cyclonedx", l.source()))
		})
	}
}

// TestSchemaIsAsked makes sure that the schema can say no.
func TestSchemaIsAsked(t *testing.T) {
	schema, err := bomSchema()
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`{"bomFormat":"CycloneDX"}`,
		`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"magic","name":"x"}]}`,
		`{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"timestamp":"yesterday"}}`,
	} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if schema.Validate(v) == nil {
			t.Errorf("accepted %s", text)
		}
	}
}

func TestCycloneDX(t *testing.T) {
	bom := checkBOM(t, makes(t, "cyclonedx", newLife(t).source()))
	model := bom.Metadata.Component
	want := audittest.Digests("bev-seg3.2.0")
	for _, h := range *model.Hashes {
		if h.Algorithm == cdx.HashAlgoSHA3_512 && h.Value != want["sha3_512"] || h.Algorithm == cdx.HashAlgoSHA256 && h.Value != want["sha256"] {
			t.Errorf("%s of the model is %s", h.Algorithm, h.Value)
		}
	}
	properties := map[string]string{}
	for _, p := range *model.Properties {
		properties[p.Name] = p.Value
	}
	for name, value := range map[string]string{
		"auditlog:param:optimizer.lr": "0.0001", "auditlog:param:epochs": "20",
		"auditlog:param:name": `"1"`, "auditlog:param:seed": "18446744073709551615", "auditlog:run": "run-7",
	} {
		if properties[name] != value {
			t.Errorf("%s is %q, want %q", name, properties[name], value)
		}
	}
	if n := len(*model.ModelCard.ModelParameters.Datasets); n != 2 {
		t.Errorf("%d data sets, want those of training and evaluation", n)
	}
	if n := len(*model.ExternalReferences); n != 10 {
		t.Errorf("refers to %d records, want all but the heartbeat", n)
	}

	other := newLife(t)
	other.of(audit.Approved).Approval.Reason = "another reason"
	if again := checkBOM(t, makes(t, "cyclonedx", other.source())); again.SerialNumber == bom.SerialNumber {
		t.Error("another document has the same serial number")
	}
	src := newLife(t).source()
	src.Ledger = ""
	if again := checkBOM(t, makes(t, "cyclonedx", src)); again.SerialNumber == bom.SerialNumber {
		t.Error("another document has the same serial number")
	}
}
