package jsonrow

import (
	"encoding/binary"
	"math/bits"
	"strconv"
	"unicode/utf8"
	"unsafe"

	"github.com/mmaudit/mmaudit/internal/human"
)

// Eight bytes at a time: low is 0x01 in each, high is 0x80 in each.
const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

// str scans the string at i. plain says that it holds no escapes.
func (s *scanner) str() (plain, ok bool) {
	start := s.i
	s.i++
	plain = true
	ascii := true
	for {
		// Find the first byte that is a quote, a backslash, a control
		// character or not ASCII.
		for s.i+8 <= len(s.b) {
			x := binary.LittleEndian.Uint64(s.b[s.i:])
			q := x ^ '"'*low
			e := x ^ '\\'*low
			m := ((q-low)&^q | (e-low)&^e | (x - 0x20*low)) & high
			if m |= x & high; m != 0 {
				s.i += bits.TrailingZeros64(m) / 8
				break
			}
			s.i += 8
		}
		if s.i >= len(s.b) {
			s.short = true
			return false, false
		}
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			if !ascii && !utf8.Valid(s.b[start:s.i]) {
				s.flaw(InvalidUTF8, start, "")
			}
			return plain, true
		case c == '\\':
			plain = false
			if s.i+1 >= len(s.b) {
				s.short = true
				return false, false
			}
			switch e := s.b[s.i+1]; e {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				s.i += 2
			case 'u':
				for k := 2; k < 6; k++ {
					if s.i+k >= len(s.b) {
						s.short = true
						return false, false
					}
					if !isHex(s.b[s.i+k]) {
						s.i += k
						return false, s.fail("\\u needs four hexadecimal digits")
					}
				}
				s.i += 6
			default:
				s.i++
				return false, s.fail("unknown escape \\%s in a string", quoteByte(e))
			}
		case c < 0x20:
			return false, s.fail("%s in a string (is a quote missing?)", quoteByte(c))
		case c >= 0x80:
			ascii = false
			s.i++
		default:
			s.i++
		}
	}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// number scans the number at i.
func (s *scanner) number() Kind {
	start := s.i
	b, i := s.b, s.i
	at := func() byte { // 0 at the end
		if i < len(b) {
			return b[i]
		}
		return 0
	}
	if b[i] == '-' {
		i++
		if at() == 'I' {
			return s.nonFinite("-Infinity")
		}
	}
	digits := func() bool {
		from := i
		for i < len(b) && b[i]-'0' <= 9 {
			i++
		}
		return i > from
	}
	ok := true
	if at() == '0' {
		i++
	} else {
		ok = digits()
	}
	exp := false
	if ok && at() == '.' {
		i++
		ok = digits()
	}
	if ok && (at() == 'e' || at() == 'E') {
		exp = true
		i++
		if c := at(); c == '+' || c == '-' {
			i++
		}
		ok = digits()
	}
	s.i = i
	if i >= len(b) {
		s.short = true
		return 0
	}
	if !ok {
		s.fail("expected a digit, found %s", quoteByte(b[i]))
		return 0
	}
	if b[i]-'0' <= 9 {
		s.fail("a number with a leading zero")
		return 0
	}
	if exp || i-start > 300 {
		if _, err := strconv.ParseFloat(unsafe.String(&b[start], i-start), 64); err != nil {
			s.flaw(NotFinite, start, human.Clip(b[start:i], 40))
			return NonFinite
		}
	}
	return Number
}

func (s *scanner) nonFinite(word string) Kind {
	start := s.i
	k := s.literal(word, NonFinite)
	if k != 0 {
		s.flaw(NotFinite, start, word)
	}
	return k
}

func (s *scanner) literal(word string, k Kind) Kind {
	rest := s.b[s.i:]
	if len(rest) >= len(word) {
		if string(rest[:len(word)]) == word {
			s.i += len(word)
			return k
		}
	} else if string(rest) == word[:len(rest)] {
		s.short = true
		return 0
	}
	s.fail("expected a value, found %s", quoteByte(rest[0]))
	return 0
}
