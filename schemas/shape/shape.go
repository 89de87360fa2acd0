// Package shape holds values against a JSON Schema (draft 2020-12) that says no
// more than of what shape they are: type, const, enum, required, properties
// without others, items, pattern, and bounds of lengths and numbers.
//
// Its verdicts and words are those of santhosh-tekuri/jsonschema v5, which
// compiles the schemas of all drafts whenever a program starts that links it. A
// schema that says more is refused when it is compiled, so that nothing in it is
// passed over. Of several misfits the first is told, in the order of keywords
// above, properties by name.
package shape

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Shape is a compiled schema. It is safe for concurrent use.
type Shape struct {
	defs map[string]*schema
	root *schema
}

// A Misfit is what a schema refuses in a value.
type Misfit struct {
	Where string // JSON pointer into the value
	Says  string
}

func (m *Misfit) Error() string { return m.Where + ": " + m.Says }

// schema has the keywords of a schema.
type schema struct {
	Type       string             `json:"type"`
	Const      *json.Number       `json:"const"`
	Enum       []string           `json:"enum"`
	Required   []string           `json:"required"`
	Properties map[string]*schema `json:"properties"`
	Additional *bool              `json:"additionalProperties"`
	Items      *schema            `json:"items"`
	MinItems   *int               `json:"minItems"`
	MaxItems   *int               `json:"maxItems"`
	MinLength  *int               `json:"minLength"`
	Pattern    string             `json:"pattern"`
	Minimum    *float64           `json:"minimum"`
	Maximum    *float64           `json:"maximum"`
	Ref        string             `json:"$ref"`

	Defs map[string]*schema `json:"$defs"`

	// What follows refuses nothing.
	Schema      string `json:"$schema"`
	ID          string `json:"$id"`
	Title       string `json:"title"`
	Description string `json:"description"`
	Default     any    `json:"default"`
	Examples    []any  `json:"examples"`

	pattern *regexp.Regexp
	ref     *schema
}

// Compile compiles the text of a schema. One that says more than a shape is an
// error.
func Compile(text []byte) (*Shape, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	s := &Shape{root: &schema{}}
	if err := dec.Decode(s.root); err != nil {
		return nil, fmt.Errorf("not the schema of a shape: %w", err)
	}
	s.defs, s.root.Defs = s.root.Defs, nil
	for _, name := range slices.Sorted(maps.Keys(s.defs)) {
		if err := s.prepare(s.defs[name]); err != nil {
			return nil, err
		}
	}
	return s, s.prepare(s.root)
}

var types = []string{"", "null", "boolean", "object", "array", "string", "number", "integer"}

// prepare resolves what a schema refers to, and refuses what it cannot mean.
func (s *Shape) prepare(x *schema) (err error) {
	if x == nil || !slices.Contains(types, x.Type) || x.Defs != nil {
		return fmt.Errorf("not the schema of a shape: type or $defs of %+v", x)
	}
	if name, ok := strings.CutPrefix(x.Ref, "#/$defs/"); ok {
		x.ref = s.defs[name]
	}
	if x.Ref != "" && (x.ref == nil || x.ref.Ref != "") { // so that none leads to itself
		return fmt.Errorf("not the schema of a shape: $ref %q", x.Ref)
	}
	if x.Pattern != "" {
		if x.pattern, err = regexp.Compile(x.Pattern); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(x.Properties)) {
		if err := s.prepare(x.Properties[name]); err != nil {
			return err
		}
	}
	if x.Items != nil {
		return s.prepare(x.Items)
	}
	return nil
}

// Check gives what is wrong with a value as json.Unmarshal makes it; nil if it
// fits.
func (s *Shape) Check(v any) *Misfit { return s.root.check(v, "") }

// check gives what is wrong with the value at a place.
func (x *schema) check(v any, at string) *Misfit {
	misfit := func(format string, args ...any) *Misfit { return &Misfit{at, fmt.Sprintf(format, args...)} }
	is := typeOf(v)
	if n, ok := v.(float64); x.Type != "" && x.Type != is && !(x.Type == "integer" && ok && n == math.Trunc(n)) {
		return misfit("expected %s, but got %s", x.Type, is)
	}
	if x.Const != nil {
		want, err := x.Const.Float64()
		if n, ok := v.(float64); err != nil || !ok || n != want {
			return misfit("value must be %#v", *x.Const)
		}
	}
	if x.Enum != nil {
		if word, ok := v.(string); !ok || !slices.Contains(x.Enum, word) {
			return misfit("value must be one of %s", words(x.Enum, strconv.Quote))
		}
	}
	var m *Misfit
	switch v := v.(type) {
	case map[string]any:
		m = x.object(v, at)
	case []any:
		switch {
		case x.MinItems != nil && len(v) < *x.MinItems:
			return misfit("minimum %d items required, but found %d items", *x.MinItems, len(v))
		case x.MaxItems != nil && len(v) > *x.MaxItems:
			return misfit("maximum %d items required, but found %d items", *x.MaxItems, len(v))
		}
		for i := 0; i < len(v) && m == nil && x.Items != nil; i++ {
			m = x.Items.check(v[i], at+"/"+strconv.Itoa(i))
		}
	case string:
		switch n := utf8.RuneCountInString(v); {
		case x.MinLength != nil && n < *x.MinLength:
			return misfit("length must be >= %d, but got %d", *x.MinLength, n)
		case x.pattern != nil && !x.pattern.MatchString(v):
			return misfit("does not match pattern %s", quote(x.Pattern))
		}
	case float64:
		switch {
		case x.Minimum != nil && v < *x.Minimum:
			return misfit("must be >= %v but found %v", *x.Minimum, v)
		case x.Maximum != nil && v > *x.Maximum:
			return misfit("must be <= %v but found %v", *x.Maximum, v)
		}
	}
	if m == nil && x.ref != nil {
		return x.ref.check(v, at)
	}
	return m
}

// object is check of the members of an object.
func (x *schema) object(v map[string]any, at string) *Misfit {
	has := func(name string) bool { _, ok := v[name]; return ok }
	if missing := slices.DeleteFunc(slices.Clone(x.Required), has); len(missing) > 0 {
		return &Misfit{at, "missing properties: " + words(missing, quote)}
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(v)) {
		p := x.Properties[name]
		if p == nil {
			unknown = append(unknown, name)
		} else if m := p.check(v[name], at+"/"+name); m != nil {
			return m
		}
	}
	if x.Additional != nil && !*x.Additional && unknown != nil {
		return &Misfit{at, "additionalProperties " + words(unknown, quote) + " not allowed"}
	}
	return nil
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	}
	return "number"
}

func words(names []string, quote func(string) string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = quote(n)
	}
	return strings.Join(out, ", ")
}

// quote is strconv.Quote with single quotation marks.
func quote(s string) string {
	s = strconv.Quote(s)
	s = strings.ReplaceAll(s[1:len(s)-1], `\"`, `"`)
	return "'" + strings.ReplaceAll(s, `'`, `\'`) + "'"
}
