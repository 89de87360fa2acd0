package hparams

import (
	"bytes"
	"encoding/json"
	"testing"
)

// fuzz holds a parser to this: no panic; with an error no document; and what is
// read has a form that reads back as the same set.
func fuzz(f *testing.F, format Format, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Parse("f", format, data)
		if err != nil {
			if d != nil {
				t.Fatal("a document together with an error")
			}
			return
		}
		form, err := d.Set.Canonical()
		if err != nil {
			t.Fatalf("%q was read, but has no form: %v", data, err)
		}
		var back Set
		if err := json.Unmarshal(form, &back); err != nil {
			t.Fatalf("%q: %s: %v", data, form, err)
		}
		if again, err := back.Canonical(); err != nil || !bytes.Equal(again, form) {
			t.Fatalf("%q: %s becomes %s, %v", data, form, again, err)
		}
	})
}

func FuzzYAML(f *testing.F) {
	fuzz(f, YAML, "a: 1\nb: [1e-4, on, 017, 12:30:00, 1_000, .nan, ~]\n", "base: &b {x: 1}\nrun: {<<: *b, y: !!binary AQI=}\n", "a: &a [*a]", "? [x]\n: y", "a: !!python/tuple [1]", "--- |\n x", "a: 12:30:00.5", "%YAML 1.1\n---\na: 0b1_0\n")
}

func FuzzJSON(f *testing.F) {
	fuzz(f, JSON, `{"a":{"b":[1,1.0,"x",null,true,{"c.d":18446744073709551616}]}}`, `{"":{"":{}}}`, `{"a":-0.0,"b":5e-324}`)
}

func FuzzHook(f *testing.F) {
	fuzz(f, Hook, `{"auditlog_hook":1,"params":{"a":{"$float":"nan"},"b":{"$bytes":"AQI="},"c":{"$map":{"$x":1}}}}`)
}

func FuzzTOML(f *testing.F) {
	fuzz(f, TOML, "a = 1\nb.c = [1.5, nan, {x = 0x1F}]\n[d]\ne = 1979-05-27T07:32:00Z\n[[f]]\ng = '''x'''\n", "a = 1e-400", "a = 1979-05-27 07:32:00.5")
}

func FuzzArgs(f *testing.F) {
	f.Add("lr=1e-4", `a\.b={"x":[1]}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		d, err := ParseArgs([]string{a, b})
		if err != nil {
			return
		}
		if _, err := d.Set.Hash(); err != nil {
			t.Fatalf("%q, %q were read, but have no hash: %v", a, b, err)
		}
	})
}

func FuzzDisclosure(f *testing.F) {
	f.Add([]byte(`{"v":1,"index":0,"param":{"k":"a","t":"i64","v":"1"},"salt":"00","path":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d Disclosure
		if json.Unmarshal(data, &d) == nil && d.Verify(Root{Count: 3}) == nil {
			t.Fatalf("%s verifies against nothing", data)
		}
	})
}
