package jsonrow

import (
	"encoding/json"
	"testing"
)

func TestParserObject(t *testing.T) {
	var p Parser
	for in, want := range map[string]int64{ // offset of the error; -1: none
		`{}`: -1, ` {"a":1} `: -1, `{"a":{"b":[1,2]},"c":"x"}` + "\r": -1,
		``: 0, `  `: 2, `[]`: 0, `x`: 0, `{"a":1`: 6, `{"a":1}}`: 7, `{"a":01}`: 6, `{"a":+1}`: 5, `{"a"}`: 4,
	} {
		_, err := p.Object([]byte(in), 0)
		at, bad := Position(err)
		if !bad {
			at = -1
		}
		if at != want {
			t.Errorf("%q: %v, want an error at %d", in, err, want)
		}
	}
}

// FuzzParserObject holds the parser against encoding/json: what it accepts
// without a flaw is JSON, and an object that is JSON is accepted.
func FuzzParserObject(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":"\u00e9","c":[{}]}`, `{"a":NaN}`, `{"a":1,"a":2}`, `{`, "{\"\xff\":1}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var p Parser
		rec, err := p.Object(b, 7)
		var m map[string]json.RawMessage
		std := json.Unmarshal(b, &m) == nil && m != nil
		switch {
		case err == nil && len(rec.Flaws) == 0 && !std:
			t.Errorf("accepted %q", b)
		case err == nil && len(rec.Flaws) == 0 && len(m) != len(rec.Fields):
			t.Errorf("%d fields of %q, want %d", len(rec.Fields), b, len(m))
		}
	})
}
