package nuscenes

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/schemas"
)

// A keywordAt is one keyword of a schema, and the schema that holds it.
type keywordAt struct {
	parent map[string]any
	key    string
	where  string // "properties/size/minItems"
}

// keywordsOf lists every keyword of a schema and of those inside it.
func keywordsOf(doc map[string]any, where string) (all []keywordAt) {
	for _, k := range slices.Sorted(maps.Keys(doc)) {
		v := doc[k]
		switch k {
		case "$schema", "$id", "title", "description", "examples":
			continue
		case "properties":
			for _, name := range slices.Sorted(maps.Keys(v.(map[string]any))) {
				all = append(all, keywordsOf(v.(map[string]any)[name].(map[string]any), where+"properties/"+name+"/")...)
			}
			continue
		case "anyOf":
			for i, a := range v.([]any) {
				all = append(all, keywordsOf(a.(map[string]any), fmt.Sprintf("%sanyOf/%d/", where, i))...)
			}
		case "items", "if", "then", "else":
			all = append(all, keywordsOf(v.(map[string]any), where+k+"/")...)
		}
		all = append(all, keywordAt{doc, k, where + k})
	}
	return all
}

// others gives what a keyword is changed to: another value of its kind, or nil
// for none at all.
func others(k keywordAt) []any {
	switch v := k.parent[k.key].(type) {
	case string:
		switch k.key {
		case "type":
			return []any{nil, "null", "boolean", "number", "integer", "string", "array", "object", []any{"boolean", "null"}}
		case "pattern":
			return []any{nil, "^x$", "^[0-9a-f]{32}$", "^[0-9a-f]{64}$", "^$"}
		}
	case []any:
		switch k.key {
		case "anyOf", "type":
			return []any{nil, v[:1], v[len(v)-1:]}
		case "enum":
			return []any{nil, v[:1], append(v[:len(v):len(v)], 1.0, nil)}
		case "required":
			return []any{nil, v[:len(v)-1]}
		}
	case float64: // minItems, maxItems, minLength, minimum, maximum
		return []any{nil, v + 1, max(v-1, 0)}
	case bool:
		return []any{nil, !v}
	}
	return []any{nil}
}

// shape gives a schema without what it says to people.
func shape(schema any) string {
	var strip func(any) any
	strip = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			out := map[string]any{}
			for k, e := range v {
				if k != "description" && k != "examples" {
					out[k] = strip(e)
				}
			}
			return out
		case []any:
			out := make([]any, len(v))
			for i := range v {
				out[i] = strip(v[i])
			}
			return out
		}
		return v
	}
	return fmt.Sprint(strip(schema))
}

// TestCheckerAgreesOnOtherSchemas changes each keyword of each schema, one at a
// time: the checker that is compiled of the outcome never accepts a record that
// the library refuses. So it reads every keyword that the schemas use, and
// would notice if one of them was written differently.
func TestCheckerAgreesOnOtherSchemas(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	n, accepted := 0, 0
	seen := map[string]bool{} // many schemas describe members alike
	err := fs.WalkDir(schemas.Files, "tables", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(name) != ".json" || path.Base(name) == "splits.schema.json" {
			return err
		}
		b, err := schemas.Files.ReadFile(name)
		if err != nil {
			return err
		}
		original, err := newSchema(b)
		if err != nil {
			return err
		}
		valid := examples(t, original)
		count := 0
		for i := 0; ; i++ {
			var doc map[string]any
			if err := json.Unmarshal(b, &doc); err != nil {
				return err
			}
			all := keywordsOf(doc, "")
			if count = len(all); i >= count {
				break
			}
			k := all[i]
			used[k.key] = true
			member := strings.Split(k.where, "/")
			if member[0] == "properties" {
				id := k.where[len("properties/"+member[1]):] + shape(doc["properties"].(map[string]any)[member[1]])
				if seen[id] {
					continue
				}
				seen[id] = true
			}
			if testing.Short() && i%11 != 0 {
				continue
			}
			for _, other := range others(k) {
				was := k.parent[k.key]
				if k.parent[k.key] = other; other == nil {
					delete(k.parent, k.key)
				}
				changed, err := json.Marshal(doc)
				k.parent[k.key] = was
				if err != nil {
					return err
				}
				s, err := newSchema(changed)
				if err != nil {
					return fmt.Errorf("%s, %s = %v: %w", name, k.where, other, err)
				}
				lib, err := s.library()
				if err != nil {
					return fmt.Errorf("%s, %s = %v: %w", name, k.where, other, err)
				}
				try := func(m map[string]string) {
					n++
					rec := recordOf(t, m)
					if !accepts(s, rec) {
						return
					}
					accepted++
					if err := lib.Validate(recordValue(rec)); err != nil {
						t.Errorf("%s, %s = %v: the checker accepts %s, but %v", name, k.where, other, rec.Raw, err)
					}
				}
				try(valid)
				if member[0] != "properties" {
					for _, p := range keys(original.props) {
						m := clone(valid)
						delete(m, p)
						try(m)
					}
					for _, a := range []string{"true", "false", "null", ""} {
						for _, l := range []string{`[{"name": "m", "score": 0.5}]`, "null", "[]", "false", ""} {
							m := clone(valid)
							if a != "" {
								m["automatic_annotation"] = a
							}
							if l != "" {
								m["autolabel_metadata"] = l
							}
							if original.props["automatic_annotation"] != nil {
								try(m)
							}
						}
					}
					continue
				}
				for _, l := range literals {
					m := clone(valid)
					m[member[1]] = l
					try(m)
				}
			}
		}
		if count == 0 {
			t.Errorf("%s has no keyword", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{
		"type", "required", "additionalProperties", "items", "minItems", "maxItems", "anyOf", "enum", "pattern", "minLength",
		"const", "minimum", "maximum", "if", "then", "else",
	} {
		if !used[k] {
			t.Errorf("no schema has the keyword %s", k)
		}
		delete(used, k)
	}
	if len(used) > 0 {
		t.Errorf("keywords without a test: %v", slices.Sorted(maps.Keys(used)))
	}
	if accepted < n/50 {
		t.Errorf("of %d records the checkers accept %d: they are of no use", n, accepted)
	}
	t.Logf("%d records, %d accepted at once", n, accepted)
}

// TestSchemaBeyondChecker writes schemas that say more than a checker
// understands, of a member or of the record: every record is the library's.
func TestSchemaBeyondChecker(t *testing.T) {
	t.Parallel()
	const id = `"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "https://example.org/x", `
	for _, x := range []struct{ schema, refused string }{
		{`"type": "object", "properties": {"a": {"type": "integer", "maximum": 3}}`, `{"a": 4}`},
		{`"type": "object", "properties": {"a": {"type": "string", "format": "x", "maxLength": 1}}`, `{"a": "xy"}`},
		{`"type": "object", "properties": {"a": {"not": {"type": "string"}}}`, `{"a": "x"}`},
		{`"type": "object", "properties": {"a": {"const": 1}}`, `{"a": 2}`},
		{`"type": "object", "properties": {"a": {"type": "array", "uniqueItems": true}}`, `{"a": [1, 1]}`},
		{`"type": "object", "properties": {"a": {"type": "array", "prefixItems": [{"type": "string"}]}}`, `{"a": [1]}`},
		{`"type": "object", "properties": {"a": {"type": "array", "minItems": 1, "anyOf": [{"maxItems": 1}]}}`, `{"a": []}`},
		{`"type": "object", "properties": {"a": {"type": "array", "anyOf": [{"contains": {"type": "string"}}]}}`, `{"a": [1]}`},
		{`"type": "object", "properties": {"a": {"type": "string", "enum": ["x", "y"]}}`, `{"a": "z"}`},
		{`"type": "object", "properties": {"a": {"enum": [1, "x"]}}`, `{"a": 2}`},
		{`"type": "object", "minProperties": 2, "properties": {"a": {"type": "integer"}}`, `{"a": 1}`},
		{`"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "dependentRequired": {"a": ["b"]}`, `{"a": 1}`},
		{`"type": "object", "properties": {"a": {"type": "integer"}}, "allOf": [{"required": ["b"]}]`, `{"a": 1}`},
		{`"type": "object", "properties": {"a": {"type": "integer"}}, "anyOf": [{"required": ["b"]}]`, `{"a": 1}`},
		{`"type": "object", "properties": {"a": {"type": "integer"}}, "not": {"required": ["a"]}`, `{"a": 1}`},
		{`"type": "array", "properties": {"a": {"type": "integer"}}`, `{"a": 1}`},
		{`"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}}, "if": {"properties": {"a": {"const": false}}, "required": ["a"]}, "then": {"required": ["b"]}`, `{"a": false}`},
		{`"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}}, "if": {"properties": {"a": {"const": true}}}, "then": {"required": ["b"]}`, `{}`},
		{`"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}}, "if": {"properties": {"a": {"const": true}}, "required": ["a"]}, "else": {"required": ["b"]}`, `{"a": false}`},
		{`"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}}, "if": {"properties": {"a": {"const": true}}, "required": ["a"]}, "else": {"properties": {"b": {"type": "null"}}}`, `{"a": false, "b": false}`},
		{`"type": "object", "properties": {"a": {"type": "boolean"}, "b": {"type": "boolean"}}, "if": {"properties": {"a": {"const": true}}, "required": ["a"]}, "else": {"properties": {"b": {"const": true}}}`, `{"b": false}`},
	} {
		s, err := newSchema([]byte("{" + id + x.schema + "}"))
		if err != nil {
			t.Errorf("%s: %v", x.schema, err)
			continue
		}
		if s.beyond() == "" && len(s.conditional) == 0 {
			t.Errorf("nobody is told that the library judges %s", x.schema)
		}
		lib, err := s.library()
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(x.refused), &members); err != nil {
			t.Fatal(err)
		}
		m := map[string]string{}
		for k, v := range members {
			m[k] = string(v)
		}
		rec := recordOf(t, m)
		if lib.Validate(recordValue(rec)) == nil {
			t.Errorf("the library accepts %s under %s", x.refused, x.schema)
		}
		if accepts(s, rec) {
			t.Errorf("the checker accepts %s under %s", x.refused, x.schema)
		}
		if len(s.judge(rec, false)) == 0 {
			t.Errorf("nothing is said of %s under %s", x.refused, x.schema)
		}
	}
}
