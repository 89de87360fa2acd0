package shape

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/mmaudit/mmaudit/schemas"
	"github.com/mmaudit/mmaudit/schemas/draft2020"
)

const file = "fabric.schema.json"

const full = `{
	"version": 1, "channel": "audit", "chaincode": "auditlog", "origin": "example.com/audit",
	"identity": {"msp": "Org1MSP", "certificate": "cert.pem", "key": "priv_sk"},
	"peers": [{"address": "peer0:7051", "tls": "ca.pem", "name": "peer0"}, {"address": "peer1:7051", "tls": "ca.pem"}],
	"organisations": [{"msp": "Org1MSP", "ca": "ca.pem"}], "endorsements": 1, "orderers": [{"msp": "O", "ca": "o.pem"}],
	"folder": "f", "client": "sdk", "sdk": "s", "timeouts": {"evaluate": "10s", "commit": "1m30s"}
}`

// both compiles the schema twice: as a shape, and by the library.
func both(t testing.TB) (*Shape, *jsonschema.Schema) {
	t.Helper()
	text, err := schemas.Files.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	library, err := draft2020.Compile(file, "")
	if err != nil {
		t.Fatal(err)
	}
	return s, library
}

// agree holds a verdict against the library's, and its words against those that
// the library has for the same place.
func agree(t testing.TB, s *Shape, library *jsonschema.Schema, v any) (fits bool) {
	t.Helper()
	m, err := s.Check(v), library.Validate(v)
	if (m == nil) != (err == nil) {
		t.Fatalf("%v: %v, the library says %v", v, m, err)
	}
	if m == nil {
		return true
	}
	var ve *jsonschema.ValidationError
	if !errors.As(err, &ve) {
		t.Fatal(err)
	}
	var says []string
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			says = append(says, e.InstanceLocation+": "+sorted(e.Message))
		}
		for _, c := range e.Causes {
			walk(c)
		}
	}
	walk(ve)
	if !slices.Contains(says, m.Error()) {
		t.Fatalf("%v: %q, the library says %q", v, m, says)
	}
	return false
}

// sorted puts the unknown members that the library names in order: it has none.
func sorted(message string) string {
	names, ok := strings.CutPrefix(message, "additionalProperties '")
	names, ok2 := strings.CutSuffix(names, "' not allowed")
	if !ok || !ok2 {
		return message
	}
	list := strings.Split(names, "', '")
	slices.Sort(list)
	return "additionalProperties '" + strings.Join(list, "', '") + "' not allowed"
}

// TestLikeTheLibrary puts every value in every place, takes every member away,
// and adds one everywhere.
func TestLikeTheLibrary(t *testing.T) {
	s, library := both(t)
	var doc any
	if err := json.Unmarshal([]byte(full), &doc); err != nil {
		t.Fatal(err)
	}
	if !agree(t, s, library, doc) {
		t.Fatal("the whole profile does not fit")
	}
	peers := slices.Repeat([]any{map[string]any{"address": "a:1", "tls": "t"}}, 17)
	organisations := slices.Repeat([]any{map[string]any{"msp": "m", "ca": "c"}}, 33)
	values := []any{
		nil, true, false, 0.0, 1.0, -1.0, 2.0, 1.5, 32.0, 33.0, 1e300, "", "a", "a b", "A.b", "sdk", "gateway", "1s", "0.5h3ms", "x:1", "é'\"\n",
		strings.Repeat("a", 300),
		[]any{},
		[]any{"a"},
		peers, peers[:16], organisations, organisations[:32],
		map[string]any{},
		map[string]any{"a": 1.0, "b'": 2.0},
	}
	var fit, misfit int
	count := func() {
		if agree(t, s, library, doc) {
			fit++
		} else {
			misfit++
		}
	}
	var walk func(v any, set func(any))
	walk = func(v any, set func(any)) {
		for _, other := range values {
			set(other)
			count()
		}
		set(v)
		switch v := v.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				was := v[name]
				delete(v, name)
				count()
				v[name] = was
				walk(was, func(x any) { v[name] = x })
			}
			v["unknown"] = 1.0
			count()
			delete(v, "unknown")
		case []any:
			for i := range v {
				walk(v[i], func(x any) { v[i] = x })
			}
		}
	}
	walk(doc, func(x any) { doc = x })
	if fit < 100 || misfit < 500 {
		t.Errorf("%d fit and %d do not: that shows little", fit, misfit)
	}
}

// TestLengths: a length is counted in characters, not in bytes.
func TestLengths(t *testing.T) {
	s, err := Compile([]byte(`{"minLength": 2}`))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{"é": ": length must be >= 2, but got 1", "éé": "", "ab": ""} {
		got := ""
		if m := s.Check(text); m != nil {
			got = m.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzLikeTheLibrary(f *testing.F) {
	s, library := both(f)
	f.Add(full)
	for _, seed := range []string{"{}", "[]", "null", "1", `{"version":1,"a":2,"b":3}`, `{"version":2e0,"peers":[{}],"timeouts":{"grace":"1"}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var v any
		if json.Unmarshal([]byte(text), &v) != nil || strings.Contains(text, "'") {
			return // sorted cannot tell apart names with quotation marks
		}
		agree(t, s, library, v)
	})
}

// TestRefusesWhatItDoesNotUnderstand: nothing in a schema is passed over.
func TestRefusesWhatItDoesNotUnderstand(t *testing.T) {
	for _, text := range []string{
		`{"uniqueItems": true}`,
		`{"properties": {"a": {"format": "date"}}}`,
		`{"items": {"anyOf": []}}`,
		`{"$defs": {"a": {"not": {}}}}`,
		`{"type": ["string", "null"]}`,
		`{"type": "text"}`,
		`{"const": "a"}`,
		`{"enum": [1]}`,
		`{"additionalProperties": {"type": "string"}}`,
		`{"pattern": "("}`,
		`{"$ref": "#/$defs/none"}`,
		`{"$ref": "other.schema.json"}`,
		`{"$defs": {"a": {"$ref": "#/$defs/a"}}}`,
		`{"properties": {"a": {"$defs": {}}}}`,
		`{"properties": {"a": null}}`,
		`[`,
	} {
		if s, err := Compile([]byte(text)); err == nil {
			t.Errorf("%s was compiled: %v", text, fmt.Sprint(s))
		}
	}
}
