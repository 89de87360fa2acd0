package nuscenes

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/internal/suggest"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A problem is what is wrong with one record.
type problem struct {
	slug             string
	field            string // member it is about
	offset           int64
	message          string
	expected, actual string
	hint             string
	// harmless problems leave a value that can be used.
	harmless bool
}

// judge says what is wrong with a record that a layout declined. Members that
// the schema does not know are left to unknown.
func (s *recordSchema) judge(rec *jsonrow.Record, strictInts bool) []problem {
	var out []problem
	for _, f := range rec.Flaws {
		out = append(out, flaw(f))
	}
	have := s.have(rec)
	for i, name := range s.required {
		if have&(1<<i) == 0 {
			out = append(out, problem{
				slug: "field-missing", field: name, offset: rec.Offset,
				message: fmt.Sprintf("%s is missing", name), expected: s.props[name].expects(),
			})
		}
	}
	lib, err := s.library()
	if err != nil {
		return append(out, problem{slug: "field-type", offset: rec.Offset, message: err.Error()})
	}
	for i := range rec.Fields {
		f := &rec.Fields[i]
		p := s.props[f.Name]
		if p == nil || p.check.accepts(f.Raw) {
			continue
		}
		out = append(out, p.judge(lib.Properties[f.Name], f, strictInts)...)
	}
	if (s.ask || s.conditional != nil && !s.passes(rec)) && !slices.ContainsFunc(out, func(p problem) bool { return slices.Contains(s.conditional, p.field) }) {
		out = append(out, s.conditions(lib, rec)...)
	}
	return out
}

func flaw(f jsonrow.Flaw) problem {
	p := problem{field: f.Field, offset: f.Offset, harmless: true}
	switch f.Kind {
	case jsonrow.DuplicateKey:
		p.slug = "json-duplicate-key"
		p.message = fmt.Sprintf("the key %q occurs twice in one object", f.Text)
	case jsonrow.NotFinite:
		p.slug, p.harmless = "json-nonfinite", false
		p.message = fmt.Sprintf("%s holds %s, which is not a finite number", f.Field, f.Text)
		p.actual = f.Text
	case jsonrow.InvalidUTF8:
		p.slug = "text-encoding"
		p.message = fmt.Sprintf("%s holds bytes that are not UTF-8", cmp.Or(f.Field, "a name"))
		p.hint = "convert the file to UTF-8 (iconv)"
	}
	return p
}

// judge asks the library about one member.
func (p *property) judge(lib *jsonschema.Schema, f *jsonrow.Field, strictInts bool) []problem {
	var out []problem
	if strictInts && p.check.integers && f.Kind == jsonrow.Number && !jsonrow.IsInt(f.Raw) {
		return []problem{intAsFloat(p.name, p.name, f)}
	}
	leaves, err := verdict(lib, value(f.Kind, f.Raw))
	if err != nil {
		return []problem{{slug: "field-type", field: p.name, offset: f.Offset, message: fmt.Sprintf("%s cannot be checked: %v", p.name, err)}}
	}
	for _, e := range leaves {
		out = append(out, p.problem(e, f, strictInts))
	}
	// Numbers inside arrays are as literal as others.
	if items := p.check.items; strictInts && len(out) == 0 && items != nil && items.integers {
		jsonrow.Elements(f.Raw, func(k jsonrow.Kind, raw []byte) bool {
			if k == jsonrow.Number && !jsonrow.IsInt(raw) {
				out = append(out, intAsFloat(p.name, p.name, &jsonrow.Field{Kind: k, Raw: raw, Offset: f.Offset}))
			}
			return len(out) == 0
		})
	}
	return out[:min(len(out), 1)]
}

// problem names the rule that an error of the library stands for.
func (p *property) problem(e *jsonschema.ValidationError, f *jsonrow.Field, strictInts bool) problem {
	kind, raw := at(f.Kind, f.Raw, e.InstanceLocation)
	what := strings.TrimPrefix(p.name+strings.ReplaceAll(e.InstanceLocation, "/", "."), ".")
	out := problem{field: p.name, offset: f.Offset, actual: clip(raw), expected: p.expects()}
	switch key := keyword(e); {
	case strictInts && key == "type" && kind == jsonrow.Number && strings.HasPrefix(e.Message, "expected integer"):
		return intAsFloat(p.name, what, &jsonrow.Field{Kind: kind, Raw: raw, Offset: f.Offset})
	case kind == jsonrow.Null && (key == "type" || key == "enum"):
		out.slug = "value-null"
		out.message = fmt.Sprintf("%s is null", what)
	case key == "enum" && kind == jsonrow.String:
		out.slug = "enum-value"
		out.message = fmt.Sprintf("%s is %s, which is not one of the known values", what, clip(raw))
		if near := suggest.Nearest(string(jsonrow.Text(raw)), p.check.enum); near != "" {
			out.hint = fmt.Sprintf("did you mean %q?", near)
		}
	case key == "minItems", key == "maxItems", key == "anyOf":
		out.slug = "array-length"
		out.message = fmt.Sprintf("%s has %d elements", what, count(raw))
	case key == "pattern" && p.name != "token":
		out.slug = "date-format"
		out.message = fmt.Sprintf("%s is %s", what, clip(raw))
	case key == "pattern", key == "minLength":
		out.slug, out.harmless = "token-format", true
		out.message = fmt.Sprintf("%s is %s", what, clip(raw))
	case key == "minimum", key == "maximum":
		out.slug, out.harmless = "autolabel-metadata", true
		out.message = fmt.Sprintf("%s is %s, outside 0 to 1", what, clip(raw))
	case key == "required":
		out.slug = "field-missing"
		out.message = fmt.Sprintf("%s: %s", what, e.Message)
	case key == "additionalProperties":
		out.slug, out.harmless = "field-unknown", true
		out.message = fmt.Sprintf("%s: %s", what, sortNames(e.Message))
	default:
		out.slug = "field-type"
		out.message = fmt.Sprintf("%s is %s", what, kind)
	}
	return out
}

// sortNames sorts the names in the library's message about unknown members,
// which it gives in any order.
func sortNames(message string) string {
	const head, tail = "additionalProperties ", " not allowed"
	names := strings.Split(strings.TrimSuffix(strings.TrimPrefix(message, head), tail), ", ")
	slices.Sort(names)
	return head + strings.Join(names, ", ") + tail
}

// expects says what the schema asks of the member.
func (p *property) expects() string {
	c := p.check
	switch {
	case c.enum != nil:
		return "one of " + strings.Join(c.enum, ", ")
	case p.doc.Pattern != "" && c.hex > 0:
		return fmt.Sprintf("%d lower-case hexadecimal digits", c.hex)
	case p.doc.Pattern != "":
		return strings.TrimSuffix(p.doc.Description, ".")
	case c.minLen > 0:
		return "a text that is not empty"
	case c.integers:
		return "an integer"
	case c.lengths != nil:
		var n []string
		for _, l := range c.lengths {
			n = append(n, strconv.Itoa(l[0]))
		}
		return fmt.Sprintf("an array of %s elements", strings.Join(n, " or "))
	}
	var types []string
	for _, t := range p.doc.Type {
		types = append(types, nouns[t])
	}
	return strings.Join(types, " or ")
}

// nouns are the types of JSON Schema in a sentence.
var nouns = map[string]string{
	"null": "null", "boolean": "true or false", "integer": "an integer", "number": "a number",
	"string": "a string", "array": "an array", "object": "an object",
}

// intAsFloat says that an integer is written with a fraction or an exponent,
// and how exact it can still be.
func intAsFloat(field, what string, f *jsonrow.Field) problem {
	out := problem{slug: "int-as-float", field: field, offset: f.Offset, expected: "an integer literal", actual: clip(f.Raw)}
	v := math.Abs(jsonrow.Float(f.Raw))
	_, out.harmless = jsonrow.Scaled(f.Raw, 0)
	out.message = fmt.Sprintf("%s is written %s", what, clip(f.Raw))
	if v >= 1<<53 {
		out.message += fmt.Sprintf(": float64 has steps of %g at this size, so digits are lost", math.Nextafter(v, math.Inf(1))-v)
	} else if !out.harmless {
		out.message += ", which is not a whole number"
	} else {
		out.message += ": not an integer literal, though float64 is still exact at this size"
	}
	return out
}

// conditions asks the library about the record as a whole, for what depends on
// several members.
func (s *recordSchema) conditions(lib *jsonschema.Schema, rec *jsonrow.Record) []problem {
	leaves, err := verdict(lib, recordValue(rec))
	if err != nil {
		return []problem{{slug: "field-type", offset: rec.Offset, message: fmt.Sprintf("the record cannot be checked: %v", err)}}
	}
	for _, e := range leaves {
		if !strings.Contains(e.KeywordLocation, "/then") && !strings.Contains(e.KeywordLocation, "/else") {
			if s.ask && e.InstanceLocation == "" && e.KeywordLocation != "/required" && e.KeywordLocation != "/additionalProperties" {
				return []problem{{slug: "field-type", offset: rec.Offset, message: "the record is not as the schema says: " + e.Message}}
			}
			continue
		}
		p := problem{slug: "autolabel-metadata", harmless: true, field: "autolabel_metadata", offset: rec.Offset}
		if strings.Contains(e.KeywordLocation, "/then") {
			p.message = "automatic_annotation is true, but autolabel_metadata is missing"
		} else {
			p.message = "autolabel_metadata is given, but automatic_annotation is not true"
		}
		return []problem{p}
	}
	return nil
}

// at follows a JSON pointer into a literal.
func at(kind jsonrow.Kind, raw []byte, pointer string) (jsonrow.Kind, []byte) {
	for pointer != "" {
		var step string
		step, pointer, _ = strings.Cut(pointer[1:], "/")
		if pointer != "" {
			pointer = "/" + pointer
		}
		found := false
		take := func(k jsonrow.Kind, r []byte) { kind, raw, found = k, r, true }
		switch n := 0; kind {
		case jsonrow.Array:
			jsonrow.Elements(raw, func(k jsonrow.Kind, r []byte) bool {
				if strconv.Itoa(n) == step {
					take(k, r)
				}
				n++
				return !found
			})
		case jsonrow.Object:
			jsonrow.Members(raw, func(name string, k jsonrow.Kind, r []byte) bool {
				if name == step {
					take(k, r)
				}
				return !found
			})
		}
		if !found {
			break
		}
	}
	return kind, raw
}

func count(raw []byte) int {
	n := 0
	if raw[0] == '[' {
		jsonrow.Elements(raw, func(jsonrow.Kind, []byte) bool { n++; return true })
	}
	return n
}

// clip shortens a literal for a message, with its white space as single spaces.
func clip(raw []byte) string {
	raw = raw[:min(len(raw), 1<<10)] // a literal may have megabytes
	return human.Clip(strings.Join(strings.Fields(string(raw)), " "), 80)
}

// report emits what is wrong with a record.
func (l *loader) report(ps []problem, token string) {
	for _, p := range ps {
		place := l.at(p.offset)
		place.Token = token
		f := rule.Fault{
			Slug: p.slug, Message: p.message, Place: place,
			Expected: p.expected, Actual: p.actual, Hint: p.hint,
		}
		if p.slug == "field-unknown" && l.e.Params().Strict {
			f.Severity = rule.Warning
		}
		l.e.Emit(f)
	}
}

// unknown counts the members that no documentation names.
type unknown struct {
	rows   int
	offset int64 // of the first
}

func (l *loader) reportUnknown(s *recordSchema, seen map[string]*unknown, rows int) {
	known := make([]string, 0, len(s.props))
	for name := range s.props {
		known = append(known, name)
	}
	slices.Sort(known)
	for name, u := range seen {
		f := rule.Fault{
			Slug: "field-unknown", Place: l.at(u.offset), Key: l.name + "." + name,
			Message: fmt.Sprintf("%s is not a documented field of %s; %d of %d rows have it", name, l.name, u.rows, rows),
		}
		if name == "" {
			f.Message = fmt.Sprintf("further fields of %s are not documented; rows have %d of them", l.name, u.rows)
		}
		if l.e.Params().Strict {
			f.Severity = rule.Warning
		}
		if near := suggest.Nearest(name, known); near != "" {
			f.Hint = fmt.Sprintf("did you mean %q?", near)
		}
		l.e.Emit(f)
	}
}
