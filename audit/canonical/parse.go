package canonical

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// What the gate refuses, for errors.Is.
var (
	ErrSyntax    = errors.New("not JSON")
	ErrNonFinite = errors.New("NaN and Infinity are not JSON")
	ErrUTF8      = errors.New("text is not valid Unicode")
	ErrDuplicate = errors.New("key given twice")
	ErrDepth     = fmt.Errorf("nested deeper than %d levels", MaxDepth)
	ErrSize      = fmt.Errorf("larger than %d bytes", MaxSize)
	ErrInteger   = errors.New("integer beyond 2^53-1 must be a string")
	ErrMember    = errors.New("a member is misspelt, null or empty")
	ErrFloat     = errors.New("number does not survive as a double")
)

// Error is a document that the gate refused.
type Error struct {
	Offset int    // in bytes from the start of the document
	Path   string // RFC 6901 pointer to the value, where one was reached
	Kind   error  // one of the Err values
	Text   string // what was found there, shortened
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "byte %d", e.Offset)
	if e.Path != "" {
		fmt.Fprintf(&b, ", %s", strconv.Quote(shorten(e.Path)))
	}
	fmt.Fprintf(&b, ": %v", e.Kind)
	if e.Text != "" {
		fmt.Fprintf(&b, ": %q", shorten(e.Text))
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Kind }

func shorten(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// Kind is the JSON type of a Value.
type Kind uint8

// The JSON types.
const (
	NullKind Kind = iota
	BoolKind
	NumberKind
	StringKind
	ArrayKind
	ObjectKind
)

// Value is a parsed JSON value that keeps numbers as written, objects in
// order, and where everything stood.
type Value struct {
	Kind    Kind
	Offset  int    // of its first byte
	Text    string // "true" or "false", a number as written, a decoded string
	Items   []Value
	Members []Member
}

// Member is one key of an object.
type Member struct {
	Key    string
	Offset int // of the key
	Value  Value
}

// Get gives the value of a key of an object.
func (v *Value) Get(key string) (*Value, bool) {
	for i := range v.Members {
		if v.Members[i].Key == key {
			return &v.Members[i].Value, true
		}
	}
	return nil, false
}

// Parse reads one JSON document by RFC 8259, with everything refused that the
// package refuses, except numbers: those are kept as written, so that a reader
// with types of its own (64-bit seeds) loses nothing.
func Parse(data []byte) (*Value, error) {
	if len(data) > MaxSize {
		return nil, &Error{Offset: MaxSize, Kind: ErrSize}
	}
	p := &parser{data: data}
	p.space()
	var v Value
	if err := p.value(&v, 0); err != nil {
		return nil, err
	}
	p.space()
	if p.pos < len(data) {
		return nil, p.syntax()
	}
	return &v, nil
}

type parser struct {
	data []byte
	pos  int
}

func (p *parser) fail(at int, kind error, text string) error {
	return &Error{Offset: at, Kind: kind, Text: text}
}

// syntax complains about what stands at the position.
func (p *parser) syntax() error {
	if p.pos >= len(p.data) {
		return p.fail(p.pos, ErrSyntax, "unexpected end")
	}
	rest := p.data[p.pos:]
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if strings.HasPrefix(string(rest[:min(len(rest), len(word))]), word) {
			return p.fail(p.pos, ErrNonFinite, word)
		}
	}
	return p.fail(p.pos, ErrSyntax, string(rest[:min(len(rest), 20)]))
}

func (p *parser) peek() byte {
	if p.pos < len(p.data) {
		return p.data[p.pos]
	}
	return 0
}

func (p *parser) space() {
	for p.pos < len(p.data) {
		switch p.data[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

func (p *parser) word(w string) error {
	if !strings.HasPrefix(string(p.data[p.pos:min(len(p.data), p.pos+len(w))]), w) {
		return p.syntax()
	}
	p.pos += len(w)
	return nil
}

func (p *parser) value(v *Value, depth int) error {
	v.Offset = p.pos
	switch c := p.peek(); {
	case c == '{' || c == '[':
		if depth >= MaxDepth {
			return p.fail(p.pos, ErrDepth, "")
		}
		p.pos++
		if c == '{' {
			v.Kind = ObjectKind
			return p.object(v, depth)
		}
		v.Kind = ArrayKind
		return p.array(v, depth)
	case c == '"':
		v.Kind = StringKind
		var err error
		v.Text, err = p.str()
		return err
	case c == 't':
		v.Kind, v.Text = BoolKind, "true"
		return p.word("true")
	case c == 'f':
		v.Kind, v.Text = BoolKind, "false"
		return p.word("false")
	case c == 'n':
		v.Kind = NullKind
		return p.word("null")
	case c == '-' || '0' <= c && c <= '9':
		v.Kind = NumberKind
		return p.number(v)
	default:
		return p.syntax()
	}
}

func (p *parser) object(v *Value, depth int) error {
	seen := map[string]struct{}{}
	for first := true; ; first = false {
		p.space()
		if p.peek() == '}' && first {
			p.pos++
			return nil
		}
		m := Member{Offset: p.pos}
		if p.peek() != '"' {
			return p.syntax()
		}
		var err error
		if m.Key, err = p.str(); err != nil {
			return err
		}
		if _, twice := seen[m.Key]; twice {
			return p.fail(m.Offset, ErrDuplicate, m.Key)
		}
		seen[m.Key] = struct{}{}
		p.space()
		if p.peek() != ':' {
			return p.syntax()
		}
		p.pos++
		p.space()
		if err := p.value(&m.Value, depth+1); err != nil {
			return err
		}
		v.Members = append(v.Members, m)
		if done, err := p.next('}'); done || err != nil {
			return err
		}
	}
}

func (p *parser) array(v *Value, depth int) error {
	p.space()
	if p.peek() == ']' {
		p.pos++
		return nil
	}
	for {
		p.space()
		var item Value
		if err := p.value(&item, depth+1); err != nil {
			return err
		}
		v.Items = append(v.Items, item)
		if done, err := p.next(']'); done || err != nil {
			return err
		}
	}
}

// next reads a comma, or the closing bracket.
func (p *parser) next(closing byte) (done bool, err error) {
	p.space()
	switch c := p.peek(); {
	case c == closing && p.pos < len(p.data):
		p.pos++
		return true, nil
	case c == ',':
		p.pos++
		return false, nil
	default:
		return false, p.syntax()
	}
}

// number checks -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?
func (p *parser) number(v *Value) error {
	start := p.pos
	digits := func() bool {
		from := p.pos
		for '0' <= p.peek() && p.peek() <= '9' {
			p.pos++
		}
		return p.pos > from
	}
	if p.peek() == '-' {
		p.pos++
		if p.peek() == 'I' {
			p.pos = start
			return p.syntax()
		}
	}
	if p.peek() == '0' {
		p.pos++
		if c := p.peek(); '0' <= c && c <= '9' {
			p.pos = start
			return p.syntax()
		}
	} else if !digits() {
		return p.syntax()
	}
	if p.peek() == '.' {
		p.pos++
		if !digits() {
			return p.syntax()
		}
	}
	if c := p.peek(); c == 'e' || c == 'E' {
		p.pos++
		if c := p.peek(); c == '+' || c == '-' {
			p.pos++
		}
		if !digits() {
			return p.syntax()
		}
	}
	v.Text = string(p.data[start:p.pos])
	return nil
}

// str decodes a string. Where encoding/json puts U+FFFD for what is no
// Unicode, this fails: two different inputs must not become one.
func (p *parser) str() (string, error) {
	p.pos++
	var b []byte
	for {
		if p.pos >= len(p.data) {
			return "", p.syntax()
		}
		switch c := p.data[p.pos]; {
		case c == '"':
			p.pos++
			return string(b), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, r)
		case c < 0x20:
			return "", p.fail(p.pos, ErrSyntax, "control character in a string")
		case c < utf8.RuneSelf:
			b = append(b, c)
			p.pos++
		default:
			r, size := utf8.DecodeRune(p.data[p.pos:])
			if r == utf8.RuneError && size == 1 {
				return "", p.fail(p.pos, ErrUTF8, "")
			}
			b = append(b, p.data[p.pos:p.pos+size]...)
			p.pos += size
		}
	}
}

const (
	escapes   = `"\/bfnrt`
	escapedAs = "\"\\/\b\f\n\r\t"
)

func (p *parser) escape() (rune, error) {
	at := p.pos
	p.pos++
	c := p.peek()
	if i := strings.IndexByte(escapes, c); i >= 0 && p.pos < len(p.data) {
		p.pos++
		return rune(escapedAs[i]), nil
	}
	if c != 'u' {
		p.pos = at
		return 0, p.syntax()
	}
	r, ok := p.hex4()
	if !ok {
		p.pos = at
		return 0, p.syntax()
	}
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if p.peek() == '\\' && p.pos+1 < len(p.data) && p.data[p.pos+1] == 'u' {
		p.pos++
		if low, ok := p.hex4(); ok {
			if r := utf16.DecodeRune(r, low); r != utf8.RuneError {
				return r, nil
			}
		}
	}
	return 0, p.fail(at, ErrUTF8, "half of a surrogate pair")
}

// hex4 reads u and four hexadecimal digits.
func (p *parser) hex4() (rune, bool) {
	if p.pos+5 > len(p.data) {
		return 0, false
	}
	var r rune
	for _, c := range p.data[p.pos+1 : p.pos+5] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	p.pos += 5
	return r, true
}
