package export_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/export"
)

// FuzzDocuments gives documents that say anything: a toolchain and parameters.
// What comes out of them is refused, or a document that its schema takes.
func FuzzDocuments(f *testing.F) {
	report, err := tools().JSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(report, []byte(`{"params":[{"k":"lr","t":"f64","v":"0.1"},{"k":"x","t":"list","v":[{"t":"null","v":null}]}],"v":1}`))
	f.Add([]byte(`{"fields":{"cuda.runtime_set":{"value":{"libraries":[{"sha3_512":"xy"}]}}}}`), []byte(`{"params":[{}]}`))
	f.Add([]byte(`{"fields":{"source.git":{"value":{"commit":"c","remote":"a:b c%zz"}},"container.image":{"value":"@"}}}`), []byte(`[]`))
	schema, err := bomSchema()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, toolchain, params []byte) {
		l := newLife(t)
		started := l.of(audit.TrainStarted)
		started.Toolchain.Report = l.document("toolchain.json", "application/json", toolchain)
		started.Params.Form = l.document("params.json", "application/json", params)
		src := l.source()
		for _, name := range []string{"cyclonedx", "slsa"} {
			f, err := export.FormatOf(name)
			if err != nil {
				t.Fatal(err)
			}
			text, err := f.Make(t.Context(), src)
			if err != nil {
				continue
			}
			d := json.NewDecoder(bytes.NewReader(text))
			d.UseNumber()
			var v any
			if err := d.Decode(&v); err != nil {
				t.Fatal(err)
			}
			if name == "cyclonedx" {
				if err := schema.Validate(v); err != nil {
					t.Fatalf("%#v\n%s", err, text)
				}
			}
		}
	})
}
