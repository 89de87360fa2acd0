package hparams

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/mmaudit/mmaudit/audit/canonical"
)

// Type is the type of a value, as it stands in the canonical form.
type Type string

// The types. An integer has the first of i64, u64 and bigint that holds it.
const (
	Null     Type = "null"     // v is null
	Bool     Type = "bool"     // v is true or false
	I64      Type = "i64"      // v is a string of decimal digits
	U64      Type = "u64"      // the same, from 2^63 on
	BigInt   Type = "bigint"   // the same, outside of both
	F64      Type = "f64"      // shortest text that reads back, "-0", "nan", "inf", "-inf"
	Str      Type = "str"      // v is the text
	Bytes    Type = "bytes"    // v is base64, RFC 4648 section 4
	List     Type = "list"     // v is an array of values
	Map      Type = "map"      // v is an array of parameters, sorted by key; in lists, or empty
	Redacted Type = "redacted" // v is what the redactor left of a secret
)

// Value is a typed value.
type Value struct {
	Type Type
	Text string  // v, of scalars
	List []Value // of a List
	Map  []Param // of a Map; their keys are names, without escapes
}

// String gives the value for people: numbers bare, strings quoted.
func (v Value) String() string {
	switch v.Type {
	case Null:
		return "null"
	case Str:
		return strconv.Quote(v.Text)
	case Bytes:
		return "base64:" + v.Text
	case F64:
		if !strings.ContainsAny(v.Text, ".ein") {
			return v.Text + ".0"
		}
		return v.Text
	case List, Map:
		var b strings.Builder
		opening, closing := "[", "]"
		if v.Type == Map {
			opening, closing = "{", "}"
		}
		b.WriteString(opening)
		for i, item := range v.List {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(item.String())
		}
		for i, p := range v.Map {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "%q: %s", p.Key, p.Value)
		}
		b.WriteString(closing)
		return b.String()
	default:
		return v.Text
	}
}

// Equal reports whether two values have the same type and content.
func (v Value) Equal(w Value) bool {
	return v.Type == w.Type && v.Text == w.Text && slices.EqualFunc(v.List, w.List, Value.Equal) &&
		slices.EqualFunc(v.Map, w.Map, func(a, b Param) bool { return a.Key == b.Key && a.Value.Equal(b.Value) })
}

// OfBool gives a Bool.
func OfBool(b bool) Value { return Value{Type: Bool, Text: strconv.FormatBool(b)} }

// OfString gives a Str. Text that is not UTF-8 is refused when it joins a Set.
func OfString(s string) Value { return Value{Type: Str, Text: s} }

// OfBytes gives Bytes.
func OfBytes(b []byte) Value {
	return Value{Type: Bytes, Text: base64.StdEncoding.EncodeToString(b)}
}

// OfInt gives the smallest integer type that holds i.
func OfInt(i *big.Int) Value {
	v := Value{Type: BigInt, Text: i.String()}
	if i.IsInt64() {
		v.Type = I64
	} else if i.IsUint64() {
		v.Type = U64
	}
	return v
}

// OfFloat gives an F64. NaN and the infinities are values too: they are tagged
// by their text, and a run that used one is recorded as having used it.
func OfFloat(f float64) Value {
	switch {
	case math.IsNaN(f):
		return Value{Type: F64, Text: "nan"}
	case math.IsInf(f, 1):
		return Value{Type: F64, Text: "inf"}
	case math.IsInf(f, -1):
		return Value{Type: F64, Text: "-inf"}
	case f == 0 && math.Signbit(f):
		return Value{Type: F64, Text: "-0"}
	}
	text, err := canonical.Number(f)
	if err != nil {
		panic("hparams: a finite float has no text: " + err.Error())
	}
	return Value{Type: F64, Text: text}
}

// maxDigits bounds integers: converting them costs quadratic time.
const maxDigits = 10_000

// parseInt reads an integer of the base, with sign.
func parseInt(text string, base int) (Value, error) {
	if len(text) > maxDigits {
		return Value{}, fmt.Errorf("integer of more than %d digits: %w", maxDigits, ErrTooBig)
	}
	i, ok := new(big.Int).SetString(text, base)
	if !ok {
		return Value{}, fmt.Errorf("%q: %w", text, ErrValue)
	}
	return OfInt(i), nil
}

// parseFloat reads a decimal float. One beyond the range of doubles is
// refused: some readers make infinity or zero of it, others fail.
func parseFloat(text string) (Value, error) {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return Value{}, fmt.Errorf("%q is beyond the range of a double: %w", abbreviate(text), ErrValue)
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
	if f == 0 && strings.Trim(mantissa, "+-0.") != "" {
		return Value{}, fmt.Errorf("%q is not zero, but a double makes it so: %w", abbreviate(text), ErrValue)
	}
	return OfFloat(f), nil
}

func abbreviate(s string) string {
	const most = 60
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// check holds a value to its type's form, so that a Set is canonical whoever
// made its parameters.
func (p Param) check(depth int) error {
	if !utf8.ValidString(p.Key) {
		return fmt.Errorf("key is not UTF-8: %w", ErrValue)
	}
	return p.Value.check(depth)
}

func (v Value) check(depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("more than %d levels: %w", MaxDepth, ErrTooBig)
	}
	if v.Type != List && v.List != nil || v.Type != Map && v.Map != nil {
		return fmt.Errorf("a %s has no items: %w", v.Type, ErrValue)
	}
	ok := true
	switch v.Type {
	case Null:
		ok = v.Text == ""
	case Bool:
		ok = v.Text == "true" || v.Text == "false"
	case I64, U64, BigInt:
		got, err := parseInt(v.Text, 10)
		ok = err == nil && got.Equal(v)
	case F64:
		f, err := strconv.ParseFloat(v.Text, 64)
		ok = err == nil && OfFloat(f).Text == v.Text
	case Str, Redacted:
		ok = utf8.ValidString(v.Text)
	case Bytes:
		b, err := base64.StdEncoding.Strict().DecodeString(v.Text)
		ok = err == nil && OfBytes(b).Text == v.Text
	case List:
		ok = v.Text == ""
		for _, item := range v.List {
			if err := item.check(depth + 1); err != nil {
				return err
			}
		}
	case Map:
		ok = v.Text == ""
		for i, p := range v.Map {
			if i > 0 && p.Key <= v.Map[i-1].Key {
				return fmt.Errorf("%q, %q: keys of a map rise: %w", v.Map[i-1].Key, p.Key, ErrValue)
			}
			if err := p.check(depth + 1); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("type %q is not known: %w", v.Type, ErrValue)
	}
	if !ok {
		return fmt.Errorf("%q is not the form of a %s: %w", abbreviate(v.Text), v.Type, ErrValue)
	}
	return nil
}

// append writes {"k":…,"t":…,"v":…}.
func (p Param) append(b []byte) []byte {
	b = append(b, `{"k":`...)
	b = appendString(b, p.Key)
	b = append(b, ',')
	b = p.appendMembers(b)
	return append(b, '}')
}

func (v Value) appendMembers(b []byte) []byte {
	b = append(b, `"t":"`...)
	b = append(b, v.Type...)
	b = append(b, `","v":`...)
	switch v.Type {
	case Null:
		return append(b, "null"...)
	case Bool:
		return append(b, v.Text...)
	case List:
		b = append(b, '[')
		for i, item := range v.List {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, '{')
			b = item.appendMembers(b)
			b = append(b, '}')
		}
		return append(b, ']')
	case Map:
		b = append(b, '[')
		for i, p := range v.Map {
			if i > 0 {
				b = append(b, ',')
			}
			b = p.append(b)
		}
		return append(b, ']')
	default:
		return appendString(b, v.Text)
	}
}

func appendString(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic("hparams: a string has no JSON: " + err.Error())
	}
	return append(b, text...)
}

// paramsFromJSON and valueFromJSON read the canonical form back. What they
// give is checked by NewSet.
func paramsFromJSON(list *canonical.Value) ([]Param, error) {
	params := make([]Param, 0, len(list.Items))
	for i := range list.Items {
		item := &list.Items[i]
		k, ok := item.Get("k")
		if !ok || k.Kind != canonical.StringKind || len(item.Members) != 3 {
			return nil, fmt.Errorf("byte %d: not a parameter {k, t, v}: %w", item.Offset, ErrValue)
		}
		v, err := valueFromJSON(item)
		if err != nil {
			return nil, err
		}
		params = append(params, Param{Key: k.Text, Value: v})
	}
	return params, nil
}

func valueFromJSON(obj *canonical.Value) (Value, error) {
	t, okT := obj.Get("t")
	v, okV := obj.Get("v")
	bad := fmt.Errorf("byte %d: not a typed value {t, v}: %w", obj.Offset, ErrValue)
	if !okT || !okV || t.Kind != canonical.StringKind {
		return Value{}, bad
	}
	out := Value{Type: Type(t.Text)}
	want := canonical.StringKind
	switch out.Type {
	case Null:
		want = canonical.NullKind
	case Bool:
		want = canonical.BoolKind
	case List, Map:
		want = canonical.ArrayKind
	}
	if v.Kind != want {
		return Value{}, bad
	}
	switch out.Type {
	case List:
		for i := range v.Items {
			if len(v.Items[i].Members) != 2 {
				return Value{}, bad
			}
			item, err := valueFromJSON(&v.Items[i])
			if err != nil {
				return Value{}, err
			}
			out.List = append(out.List, item)
		}
	case Map:
		var err error
		if out.Map, err = paramsFromJSON(v); err != nil {
			return Value{}, err
		}
		if len(out.Map) == 0 {
			out.Map = nil
		}
	default:
		out.Text = v.Text
	}
	return out, nil
}
