package nuscenes

import (
	"bytes"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
)

// A check accepts the values of one schema that are surely valid. It may
// decline valid ones.
type check struct {
	ask      bool // the schema says more than a check can
	kinds    kindSet
	integers bool // numbers must be integers
	enum     []string
	hex      int // length of a lower-case hexadecimal text
	pattern  *regexp.Regexp
	minLen   int
	lengths  [][2]int // allowed lengths of an array; nil: any
	items    *check   // nil: anything
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

// accepts reports that a value is surely valid.
func (c *check) accepts(kind jsonrow.Kind, raw []byte) bool {
	if c.ask || !c.kinds.has(kind) {
		return false
	}
	switch kind {
	case jsonrow.Number:
		return !c.integers || jsonrow.IsInt(raw)
	case jsonrow.String:
		return c.acceptsText(raw[1 : len(raw)-1])
	case jsonrow.Array:
		n, ok := 0, true
		jsonrow.Elements(raw, func(k jsonrow.Kind, e []byte) bool {
			n++
			ok = c.items == nil || c.items.accepts(k, e)
			return ok
		})
		return ok && c.acceptsLength(n)
	}
	return true
}

func (c *check) acceptsLength(n int) bool {
	for _, l := range c.lengths {
		if l[0] <= n && n <= l[1] {
			return true
		}
	}
	return c.lengths == nil
}

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
	if bytes.IndexByte(s, '\\') >= 0 {
		return false
	}
	return (c.pattern == nil || c.pattern.Match(s)) && (c.minLen <= 1 && len(s) >= c.minLen || utf8.RuneCount(s) >= c.minLen)
}
