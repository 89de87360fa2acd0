package nuscenes

import (
	"regexp"
	"slices"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
)

// A check accepts the values of one schema that are surely valid. It declines
// some that are valid: those that are not plain, such as strings with escapes.
type check struct {
	ask      bool // the schema says more than a check can
	kinds    kindSet
	integers bool // numbers must be integers
	enum     []string
	hex      int // length of a lower-case hexadecimal text
	pattern  *regexp.Regexp
	minLen   int
	lengths  [][2]int // allowed lengths of an array; nil: any
	items    *check   // of an array; scalars if the schema says nothing
}

type kindSet uint16

func (s kindSet) has(k jsonrow.Kind) bool { return s&(1<<k) != 0 }

var kindOfType = map[string]kindSet{
	"null":    1 << jsonrow.Null,
	"boolean": 1 << jsonrow.Bool,
	"integer": 1 << jsonrow.Number,
	"number":  1 << jsonrow.Number,
	"string":  1 << jsonrow.String,
	"array":   1 << jsonrow.Array,
}

// compile makes a check of the schema of a value.
func compile(d *schemaDoc) *check {
	c := &check{ask: !d.only("type", "enum", "pattern", "minLength", "items", "minItems", "maxItems", "anyOf"), minLen: d.MinLength}
	for _, t := range d.Type {
		c.kinds |= kindOfType[t]
	}
	c.integers = slices.Contains(d.Type, "integer") && !slices.Contains(d.Type, "number")
	if d.Type == nil {
		c.ask = c.ask || d.Enum == nil
	}
	for _, v := range d.Enum {
		switch v := v.(type) {
		case string:
			c.enum = append(c.enum, v)
			c.kinds |= 1 << jsonrow.String
		case nil:
			c.kinds |= 1 << jsonrow.Null
		default:
			c.ask = true
		}
	}
	if d.Enum != nil && d.Type != nil {
		c.ask = true
	}
	switch d.Pattern {
	case "":
	case "^[0-9a-f]{32}$":
		c.hex = 32
	case "^[0-9a-f]{64}$":
		c.hex = 64
	default:
		c.pattern = regexp.MustCompile(d.Pattern) // our own schemas: tested
	}
	c.items = scalars
	if d.Items != nil {
		c.items = compile(d.Items)
	}
	if d.MinItems != nil || d.MaxItems != nil {
		c.lengths = [][2]int{d.length()}
	}
	if d.AnyOf != nil {
		c.ask = c.ask || c.lengths != nil
		for _, a := range d.AnyOf {
			c.ask = c.ask || !a.only("minItems", "maxItems")
			c.lengths = append(c.lengths, a.length())
		}
	}
	return c
}

func (d *schemaDoc) length() [2]int {
	l := [2]int{0, 1 << 30}
	if d.MinItems != nil {
		l[0] = *d.MinItems
	}
	if d.MaxItems != nil {
		l[1] = *d.MaxItems
	}
	return l
}

// accepts reports that a literal is surely valid.
func (c *check) accepts(raw []byte) bool { return c.accept(raw) == len(raw) }

// accept gives the length of the value at the front of b, if that is surely
// valid, else 0. It reads values in their plain form alone.
func (c *check) accept(b []byte) int {
	if c.ask || len(b) == 0 {
		return 0
	}
	switch b[0] {
	case '"':
		if n := jsonrow.PlainString(b); n > 0 && c.kinds.has(jsonrow.String) && c.acceptsText(b[1:n-1]) {
			return n
		}
	case '[':
		if c.kinds.has(jsonrow.Array) {
			return c.acceptArray(b)
		}
	case 't':
		return c.word(b, jsonrow.Bool, "true")
	case 'f':
		return c.word(b, jsonrow.Bool, "false")
	case 'n':
		return c.word(b, jsonrow.Null, "null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		if c.kinds.has(jsonrow.Number) {
			if d, n := jsonrow.PlainNumber(b); d.Int || !c.integers {
				return n
			}
		}
	}
	return 0
}

func (c *check) word(b []byte, k jsonrow.Kind, word string) int {
	if c.kinds.has(k) && len(b) >= len(word) && string(b[:len(word)]) == word {
		return len(word)
	}
	return 0
}

func (c *check) acceptArray(b []byte) int {
	if c.items.kinds == 1<<jsonrow.Number && !c.items.integers && !c.items.ask && len(c.lengths) == 1 && c.lengths[0][0] == c.lengths[0][1] && c.lengths[0][0] > 0 {
		return plainNumbers(b, c.lengths[0][0], nil)
	}
	count := 0
	n := elements(b, func(b []byte) int {
		count++
		return c.items.accept(b)
	})
	if !c.acceptsLength(count) {
		return 0
	}
	return n
}

// anything accepts plain values, and arrays of them.
var anything = &check{kinds: scalars.kinds | 1<<jsonrow.Array, items: scalars}

var scalars = &check{kinds: 1<<jsonrow.Null | 1<<jsonrow.Bool | 1<<jsonrow.Number | 1<<jsonrow.String}

// elements reads the array at the front of b, whose elements take tells the
// lengths of, and gives its own; 0 if take gives 0 or a carriage return is met.
func elements(b []byte, take func(b []byte) int) int {
	i := blank(b, 1)
	if i < len(b) && b[i] == ']' {
		return i + 1
	}
	for i < len(b) {
		n := take(b[i:])
		if n == 0 {
			return 0
		}
		if i = blank(b, i+n); i >= len(b) {
			break
		}
		switch b[i] {
		case ',':
			i = blank(b, i+1)
		case ']':
			return i + 1
		default:
			return 0
		}
	}
	return 0
}

// blank passes over white space from i on.
func blank(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t') {
		i++
	}
	return i
}

func (c *check) acceptsLength(n int) bool {
	for _, l := range c.lengths {
		if l[0] <= n && n <= l[1] {
			return true
		}
	}
	return c.lengths == nil
}

// acceptsText judges the content of a plain string.
func (c *check) acceptsText(s []byte) bool {
	if c.enum != nil {
		return slices.Contains(c.enum, string(s))
	}
	if c.hex > 0 {
		var bad byte
		for _, b := range s {
			bad |= nibble[b]
		}
		return len(s) == c.hex && bad&0xf0 == 0
	}
	if c.pattern == nil && c.minLen == 0 {
		return true
	}
	return (c.pattern == nil || c.pattern.Match(s)) && len(s) >= c.minLen
}
