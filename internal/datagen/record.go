package datagen

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Record is one object of a JSON table: its fields in the order of the file,
// each value as the text that stands there, so that editing one field leaves
// every other byte alone.
type Record struct {
	fields []field
	above  *Record // the row above, of rows that were read from a table
}

type field struct{ key, literal string }

// record makes a Record from alternating keys and values. Values are strings,
// bools, integers, floats (written as Python writes them), slices of those,
// and literal JSON.
func record(pairs ...any) *Record {
	r := &Record{fields: make([]field, 0, len(pairs)/2)}
	for i := 0; i < len(pairs); i += 2 {
		r.fields = append(r.fields, field{pairs[i].(string), literalOf(pairs[i+1])})
	}
	return r
}

// literal is JSON that goes into a record as it stands.
type literal string

// Literal gives the text of a field's value, "" where there is no such field.
func (r *Record) Literal(key string) string {
	for _, f := range r.fields {
		if f.key == key {
			return f.literal
		}
	}
	return ""
}

// Str gives a string field's value, "" where it is missing or not a string.
func (r *Record) Str(key string) string {
	var s string
	if json.Unmarshal([]byte(r.Literal(key)), &s) != nil {
		return ""
	}
	return s
}

// Int gives an integer field's value, 0 where it is missing or not an integer.
func (r *Record) Int(key string) int64 {
	n, _ := strconv.ParseInt(r.Literal(key), 10, 64)
	return n
}

// Floats gives the numbers of an array field.
func (r *Record) Floats(key string) []float64 {
	var v []float64
	if json.Unmarshal([]byte(r.Literal(key)), &v) != nil {
		return nil
	}
	return v
}

// Set replaces a field's value, or appends the field. See record for values.
func (r *Record) Set(key string, value any) { r.SetLiteral(key, literalOf(value)) }

// SetLiteral replaces a field's value by JSON text, or appends the field. The
// text may be anything, legal or not.
func (r *Record) SetLiteral(key, text string) {
	for i := range r.fields {
		if r.fields[i].key == key {
			r.fields[i].literal = text
			return
		}
	}
	r.fields = append(r.fields, field{key, text})
}

// Append adds a field at the end, even one that is there already.
func (r *Record) Append(key, text string) { r.fields = append(r.fields, field{key, text}) }

// Delete removes a field.
func (r *Record) Delete(key string) {
	kept := r.fields[:0]
	for _, f := range r.fields {
		if f.key != key {
			kept = append(kept, f)
		}
	}
	r.fields = kept
}

// Clone gives a copy to be edited by itself.
func (r *Record) Clone() *Record { return &Record{fields: append([]field(nil), r.fields...)} }

func (r *Record) append(b []byte) []byte {
	b = append(b, "{\n"...)
	for i, f := range r.fields {
		if i > 0 {
			b = append(b, ",\n"...)
		}
		b = appendString(b, f.key)
		b = append(b, ": "...)
		b = append(b, f.literal...)
	}
	return append(b, "\n}"...)
}

func literalOf(v any) string {
	switch v := v.(type) {
	case literal:
		return string(v)
	case string:
		return string(appendString(nil, v))
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return pythonFloat(v)
	case []float64:
		return array(v)
	case [3]float64:
		return array(v[:])
	case [4]float64:
		return array(v[:])
	case [][]float64:
		return array(v)
	case []literal:
		return array(v)
	case []string:
		return array(v)
	case []int:
		return array(v)
	case []*Record:
		return array(v)
	case *Record:
		return string(v.append(nil))
	}
	panic(fmt.Sprintf("datagen: no literal for %T", v))
}

func array[T any](v []T) string {
	if len(v) == 0 {
		return "[]"
	}
	b := []byte("[\n")
	for i, e := range v {
		if i > 0 {
			b = append(b, ",\n"...)
		}
		b = append(b, literalOf(e)...)
	}
	return string(append(b, "\n]"...))
}

func appendString(b []byte, s string) []byte {
	q, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return append(b, q...)
}

// pythonFloat writes a float as Python's repr does: the fewest digits that
// read back, and always a point or an exponent.
func pythonFloat(v float64) string {
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
