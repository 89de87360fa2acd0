package nuscenes

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/schemas"
	"github.com/mmaudit/mmaudit/schemas/draft2020"
	"github.com/mmaudit/mmaudit/validate/dataset"
)

// schemaFolders holds the schemas of each format below schemas/tables.
var schemaFolders = map[dataset.Schema]string{
	dataset.NuScenes: "nuscenes",
	dataset.Lyft:     "lyft",
	dataset.T4:       "t4",
}

// A recordSchema is the JSON Schema of one table's records in two forms: a
// checker that accepts what is surely valid and knows no errors, and the
// library, compiled when the checker first declines a record. The library's
// verdict counts.
type recordSchema struct {
	ask      bool   // the schema says more than a checker can: every record is the library's
	words    string // its keywords
	props    map[string]*property
	required []string
	// conditional names the members that if, then and else speak about. A
	// record without them passes; so it does where they are null, or the one
	// that begins the condition is false.
	conditional []string
	begins      string

	library func() (*jsonschema.Schema, error)
}

type property struct {
	name  string
	bit   uint64 // in the set of required members; 0 if optional
	check *check
	doc   *schemaDoc
}

// loaded has the schemas that were asked for, by file: data sets of one run share
// them.
var loaded sync.Map

// loadSchema reads the schema of a table, once.
func loadSchema(format dataset.Schema, table string) (*recordSchema, error) {
	name := "tables/" + schemaFolders[format] + "/" + table + ".schema.json"
	load, _ := loaded.LoadOrStore(name, sync.OnceValues(func() (*recordSchema, error) {
		b, err := schemas.Files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		return newSchema(b)
	}))
	return load.(func() (*recordSchema, error))()
}

func newSchema(b []byte) (*recordSchema, error) {
	doc, err := parseSchema(b)
	if err != nil {
		return nil, err
	}
	s := &recordSchema{ask: !doc.record(), words: doc.words(), props: map[string]*property{}, required: doc.Required}
	for name, p := range doc.Properties {
		s.props[name] = &property{name: name, check: compile(p), doc: p}
	}
	if len(doc.Required) > 64 {
		return nil, fmt.Errorf("%s: more than 64 required members", doc.ID)
	}
	for i, name := range doc.Required {
		p := s.props[name]
		if p == nil {
			return nil, fmt.Errorf("%s: required member %s is not described", doc.ID, name)
		}
		p.bit = 1 << i
	}
	if doc.If != nil && len(doc.If.Required) == 1 {
		s.begins = doc.If.Required[0]
	}
	for _, c := range []*schemaDoc{doc.If, doc.Then, doc.Else} {
		if c != nil {
			for name := range c.Properties {
				s.conditional = append(s.conditional, name)
			}
		}
	}
	slices.Sort(s.conditional)
	s.conditional = slices.Compact(s.conditional)
	s.library = sync.OnceValues(func() (*jsonschema.Schema, error) { return draft2020.CompileText(b, doc.ID, "") })
	return s, nil
}

// all is the set of required members.
func (s *recordSchema) all() uint64 { return 1<<len(s.required) - 1 }

// A schemaDoc is what a checker understands of a JSON Schema.
type schemaDoc struct {
	ID          string                `json:"$id"`
	Description string                `json:"description"`
	Examples    []json.RawMessage     `json:"examples"`
	Type        stringOrList          `json:"type"`
	Properties  map[string]*schemaDoc `json:"properties"`
	Required    []string              `json:"required"`
	Items       *schemaDoc            `json:"items"`
	MinItems    *int                  `json:"minItems"`
	MaxItems    *int                  `json:"maxItems"`
	AnyOf       []*schemaDoc          `json:"anyOf"`
	Enum        []any                 `json:"enum"`
	Const       any                   `json:"const"`
	Pattern     string                `json:"pattern"`
	MinLength   int                   `json:"minLength"`
	If          *schemaDoc            `json:"if"`
	Then        *schemaDoc            `json:"then"`
	Else        *schemaDoc            `json:"else"`

	keywords map[string]bool
}

type stringOrList []string

func (s *stringOrList) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		*s = stringOrList{""}
		return json.Unmarshal(b, &(*s)[0])
	}
	return json.Unmarshal(b, (*[]string)(s))
}

func (d *schemaDoc) UnmarshalJSON(b []byte) error {
	type plain schemaDoc
	if err := json.Unmarshal(b, (*plain)(d)); err != nil {
		return err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	d.keywords = map[string]bool{}
	for k := range all {
		if !slices.Contains([]string{"$schema", "$id", "title", "description", "examples"}, k) {
			d.keywords[k] = true
		}
	}
	return nil
}

func parseSchema(b []byte) (*schemaDoc, error) {
	d := &schemaDoc{}
	err := json.Unmarshal(b, d)
	return d, err
}

// only reports whether the schema has no keywords but these.
func (d *schemaDoc) only(keywords ...string) bool {
	for k := range d.keywords {
		if !slices.Contains(keywords, k) {
			return false
		}
	}
	return true
}

// record reports whether the checker understands all that the schema asks of a
// record as a whole: an object with members, some of them required, and at
// most one condition of the form of conditional.
func (d *schemaDoc) record() bool {
	return len(d.Type) == 1 && d.Type[0] == "object" &&
		d.only("type", "required", "additionalProperties", "properties", "if", "then", "else") &&
		(!d.keywords["if"] && !d.keywords["then"] && !d.keywords["else"] || d.conditional())
}

// conditional reports whether a condition holds of every record in which its
// first member is not true and the others are absent or null: it begins where
// that member is true, and else asks at most that others are null.
func (d *schemaDoc) conditional() bool {
	if d.If == nil || !d.If.only("properties", "required") || len(d.If.Properties) != 1 || len(d.If.Required) != 1 {
		return false
	}
	begins := d.If.Properties[d.If.Required[0]]
	if begins == nil || !begins.only("const") || begins.Const != true {
		return false
	}
	if d.Else == nil {
		return !d.keywords["else"]
	}
	for _, p := range d.Else.Properties {
		if !p.only("type") || len(p.Type) != 1 || p.Type[0] != "null" {
			return false
		}
	}
	return d.Else.only("properties")
}

// have gives the required members that a record has.
func (s *recordSchema) have(rec *jsonrow.Record) (set uint64) {
	for i := range rec.Fields {
		if p := s.props[rec.Fields[i].Name]; p != nil {
			set |= p.bit
		}
	}
	return set
}

// holds reports whether the value of a member that conditions speak about makes
// them hold whatever they say.
func (s *recordSchema) holds(name string, raw []byte) bool {
	return string(raw) == "null" || name == s.begins && string(raw) == "false"
}

// passes reports whether all these members do.
func (s *recordSchema) passes(rec *jsonrow.Record) bool {
	for _, name := range s.conditional {
		if f := rec.Field(name); f != nil && !s.holds(name, f.Raw) {
			return false
		}
	}
	return true
}

// value turns a literal into what the library validates. Numbers that are no
// numbers become 0: a rule of their own speaks about them. None reaches the
// library with an exponent of its own, which it would expand.
func value(kind jsonrow.Kind, raw []byte) any {
	switch kind {
	case jsonrow.Bool:
		return raw[0] == 't'
	case jsonrow.Number:
		if jsonrow.IsInt(raw) && len(raw) <= 18 {
			n, _ := jsonrow.Scaled(raw, 0)
			return n
		}
		return jsonrow.Float(raw)
	case jsonrow.NonFinite:
		return 0.0
	case jsonrow.String:
		return string(jsonrow.Text(raw))
	case jsonrow.Array:
		list := []any{}
		jsonrow.Elements(raw, func(k jsonrow.Kind, e []byte) bool {
			list = append(list, value(k, e))
			return true
		})
		return list
	case jsonrow.Object:
		m := map[string]any{}
		jsonrow.Members(raw, func(name string, k jsonrow.Kind, e []byte) bool {
			m[name] = value(k, e)
			return true
		})
		return m
	}
	return nil
}

func recordValue(rec *jsonrow.Record) map[string]any {
	m := make(map[string]any, len(rec.Fields))
	for i := range rec.Fields {
		m[rec.Fields[i].Name] = value(rec.Fields[i].Kind, rec.Fields[i].Raw)
	}
	return m
}

// verdict asks the library about a value. It gives the innermost faults, in
// order of where they are, or an error where the library could not judge.
func verdict(s *jsonschema.Schema, v any) (leaves []*jsonschema.ValidationError, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the schema library failed: %v", r)
		}
	}()
	err = s.Validate(v)
	if ve, ok := err.(*jsonschema.ValidationError); ok {
		leaves = innermost(ve, nil)
		slices.SortStableFunc(leaves, func(a, b *jsonschema.ValidationError) int {
			return cmp.Or(comparePointers(a.InstanceLocation, b.InstanceLocation), cmp.Compare(a.KeywordLocation, b.KeywordLocation))
		})
		return leaves, nil
	}
	return nil, err
}

// comparePointers orders JSON pointers: the library goes through members in any
// order. Elements of arrays are in theirs.
func comparePointers(a, b string) int {
	return slices.CompareFunc(strings.Split(a, "/"), strings.Split(b, "/"), func(a, b string) int {
		x, errX := strconv.Atoi(a)
		y, errY := strconv.Atoi(b)
		if errX == nil && errY == nil {
			return cmp.Or(cmp.Compare(x, y), cmp.Compare(a, b))
		}
		return cmp.Compare(a, b)
	})
}

// innermost gathers the errors that have no causes. The branches of anyOf,
// which exclude one another, count as one.
func innermost(e *jsonschema.ValidationError, out []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 || keyword(e) == "anyOf" {
		return append(out, e)
	}
	for _, c := range e.Causes {
		out = innermost(c, out)
	}
	return out
}

// keyword gives the keyword that an error is about.
func keyword(e *jsonschema.ValidationError) string {
	return e.KeywordLocation[strings.LastIndexByte(e.KeywordLocation, '/')+1:]
}
