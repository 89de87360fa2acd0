package jsonrow

import (
	"bytes"
	"fmt"

	"github.com/mmaudit/mmaudit/internal/human"
)

// A scanner reads one element from the front of b. When b ends too early,
// short is set, and the element is scanned anew with more bytes.
type scanner struct {
	b     []byte
	base  int64 // offset of b[0] in the file
	i     int
	short bool
	msg   string // syntax error at i
	cr    int64  // offset of the first carriage return, or -1
	rec   *Record
	field string   // the record's member being read, for flaws
	names []string // names of the last record: the next one likely has the same
	keys  [][]byte // keys of the open nested objects
}

func (s *scanner) reset(b []byte, base int64, rec *Record) {
	for i := len(s.names); i < len(rec.Fields) && i < 64; i++ {
		s.names = append(s.names, rec.Fields[i].Name)
	}
	s.b, s.base, s.i, s.short, s.msg, s.cr = b, base, 0, false, "", -1
	s.keys, s.field = s.keys[:0], ""
	s.rec = rec
	rec.Offset, rec.Raw, rec.Fields, rec.Flaws = base, nil, rec.Fields[:0], rec.Flaws[:0]
}

// element scans one value. If it is an object, the record is filled.
func (s *scanner) element() Kind {
	if s.b[0] != '{' {
		return s.value(0)
	}
	if s.record() {
		s.rec.Raw = s.b[:s.i]
	}
	return Object
}

// record scans the object at i into rec.
func (s *scanner) record() bool {
	s.i++
	var many map[string]int // index of fields, once there are many
	for n := 0; ; n++ {
		c, ok := s.token()
		if !ok {
			return false
		}
		if c == '}' && n == 0 {
			s.i++
			return true
		}
		key, ok := s.key()
		if !ok {
			return false
		}
		name := s.intern(key, n)
		s.field = name
		start := s.i
		kind := s.value(1)
		if kind == 0 {
			return false
		}
		f := Field{Name: name, Kind: kind, Raw: s.b[start:s.i:s.i], Offset: s.base + int64(start)}
		at := -1
		if len(s.rec.Fields) < 32 {
			for j := range s.rec.Fields {
				if s.rec.Fields[j].Name == name {
					at = j
				}
			}
		} else {
			if many == nil {
				many = map[string]int{}
				for j := range s.rec.Fields {
					many[s.rec.Fields[j].Name] = j
				}
			}
			if j, ok := many[name]; ok {
				at = j
			} else {
				many[name] = len(s.rec.Fields)
			}
		}
		if len(s.rec.Fields) == MaxMembers {
			return s.fail("an object with more than %d members", MaxMembers)
		}
		if at >= 0 {
			s.flaw(DuplicateKey, start, name)
			s.rec.Fields[at] = f
		} else {
			s.rec.Fields = append(s.rec.Fields, f)
		}
		if c, ok = s.token(); !ok {
			return false
		}
		switch c {
		case ',':
			s.i++
			if c, ok = s.token(); !ok {
				return false
			}
			if c == '}' {
				return s.fail("a comma before the closing }")
			}
		case '}':
			s.i++
			return true
		default:
			return s.fail("expected , or } behind the value of %q, found %s", name, quoteByte(c))
		}
	}
}

// key scans a name and its colon, up to the value.
func (s *scanner) key() ([]byte, bool) {
	if c := s.b[s.i]; c != '"' {
		return nil, s.fail("expected a name in double quotes, found %s", quoteByte(c))
	}
	start := s.i
	plain, ok := s.str()
	if !ok {
		return nil, false
	}
	key := s.b[start+1 : s.i-1]
	if !plain {
		key = AppendText(nil, s.b[start:s.i])
	}
	c, ok := s.token()
	if !ok {
		return nil, false
	}
	if c != ':' {
		return nil, s.fail("expected : behind the name %q, found %s", human.Clip(key, 40), quoteByte(c))
	}
	s.i++
	_, ok = s.token()
	return key, ok
}

// intern gives the name as a string, without allocating where the last record
// had it at the same position.
func (s *scanner) intern(key []byte, n int) string {
	if n < len(s.names) && s.names[n] == string(key) {
		return s.names[n]
	}
	for _, k := range s.names {
		if k == string(key) {
			return k
		}
	}
	return string(key)
}

// value scans the value at i, which token has found, inside depth brackets.
// It gives 0 where it fails.
func (s *scanner) value(depth int) Kind {
	switch c := s.b[s.i]; c {
	case '"':
		if _, ok := s.str(); !ok {
			return 0
		}
		return String
	case '[', '{':
		if depth >= MaxDepth {
			s.fail("nested deeper than %d levels", MaxDepth)
			return 0
		}
		if c == '[' {
			return s.array(depth + 1)
		}
		return s.object(depth + 1)
	case 't':
		return s.literal("true", Bool)
	case 'f':
		return s.literal("false", Bool)
	case 'n':
		return s.literal("null", Null)
	case 'N':
		return s.nonFinite("NaN")
	case 'I':
		return s.nonFinite("Infinity")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.number()
	default:
		s.fail("expected a value, found %s", quoteByte(c))
		return 0
	}
}

func (s *scanner) array(depth int) Kind {
	s.i++
	c, ok := s.token()
	if !ok {
		return 0
	}
	if c == ']' {
		s.i++
		return Array
	}
	for {
		if s.value(depth) == 0 {
			return 0
		}
		if c, ok = s.token(); !ok {
			return 0
		}
		s.i++
		switch c {
		case ',':
			if c, ok = s.token(); !ok {
				return 0
			}
			if c == ']' {
				s.fail("a comma before the closing ]")
				return 0
			}
		case ']':
			return Array
		default:
			s.i--
			s.fail("expected , or ] in an array, found %s", quoteByte(c))
			return 0
		}
	}
}

func (s *scanner) object(depth int) Kind {
	s.i++
	bottom := len(s.keys)
	defer func() { s.keys = s.keys[:bottom] }()
	var many map[string]bool
	c, ok := s.token()
	if !ok {
		return 0
	}
	if c == '}' {
		s.i++
		return Object
	}
	for {
		key, ok := s.key()
		if !ok {
			return 0
		}
		twice := false
		if own := s.keys[bottom:]; len(own) < 32 {
			for _, k := range own {
				twice = twice || bytes.Equal(k, key)
			}
		} else {
			if many == nil {
				many = map[string]bool{}
				for _, k := range own {
					many[string(k)] = true
				}
			}
			twice = many[string(key)]
			many[string(key)] = true
		}
		if twice {
			s.flaw(DuplicateKey, s.i, string(key))
		} else if s.keys = append(s.keys, key); len(s.keys)-bottom > MaxMembers {
			s.fail("an object with more than %d members", MaxMembers)
			return 0
		}
		if s.value(depth) == 0 {
			return 0
		}
		if c, ok = s.token(); !ok {
			return 0
		}
		s.i++
		switch c {
		case ',':
			if c, ok = s.token(); !ok {
				return 0
			}
			if c == '}' {
				s.fail("a comma before the closing }")
				return 0
			}
		case '}':
			return Object
		default:
			s.i--
			s.fail("expected , or } in an object, found %s", quoteByte(c))
			return 0
		}
	}
}

// token skips white space and gives the byte at i.
func (s *scanner) token() (byte, bool) {
	for s.i < len(s.b) {
		c := s.b[s.i]
		if c > ' ' {
			return c, true
		}
		switch c {
		case '\r':
			if s.cr < 0 {
				s.cr = s.base + int64(s.i)
			}
		case ' ', '\t', '\n':
		default:
			return c, true
		}
		s.i++
	}
	s.short = true
	return 0, false
}

func (s *scanner) fail(format string, args ...any) bool {
	s.msg = fmt.Sprintf(format, args...)
	return false
}

func (s *scanner) flaw(k FlawKind, at int, text string) {
	if s.rec == nil || len(s.rec.Flaws) == MaxFlaws { // nil: a part of a record, scanned before
		return
	}
	s.rec.Flaws = append(s.rec.Flaws, Flaw{Kind: k, Offset: s.base + int64(at), Field: s.field, Text: text})
}
