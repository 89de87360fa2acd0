package jsonrow

import (
	"math"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// Text gives the content of a string literal. The result shares raw's memory
// where there are no escapes.
func Text(raw []byte) []byte {
	in := raw[1 : len(raw)-1]
	for _, c := range in {
		if c == '\\' {
			return AppendText(nil, raw)
		}
	}
	return in
}

// AppendText appends the content of a string literal, unescaped, to dst. A
// lone surrogate becomes U+FFFD.
func AppendText(dst, raw []byte) []byte {
	in := raw[1 : len(raw)-1]
	for i := 0; i < len(in); i++ {
		if in[i] != '\\' {
			dst = append(dst, in[i])
			continue
		}
		i++
		switch in[i] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(in[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				pair := rune(utf8.RuneError)
				if i+6 < len(in) && in[i+1] == '\\' && in[i+2] == 'u' {
					pair = utf16.DecodeRune(r, hex4(in[i+3:]))
				}
				if pair != utf8.RuneError {
					i += 6
				}
				r = pair
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, in[i])
		}
	}
	return dst
}

func hex4(b []byte) rune {
	n, _ := strconv.ParseUint(string(b[:4]), 16, 32)
	return rune(n)
}

// IsInt reports whether a number is written as an integer: digits alone, with
// at most a sign before them.
func IsInt(raw []byte) bool {
	for i, c := range raw {
		if c-'0' > 9 && (c != '-' || i > 0) {
			return false
		}
	}
	return len(raw) > 0
}

// Scaled gives a number times 10^digits as an integer, without passing through
// float64. Digits beyond are rounded half away from zero, which exact tells.
// Values that leave int64 saturate, and exact is false.
func Scaled(raw []byte, digits int) (n int64, exact bool) {
	neg := false
	i := 0
	if len(raw) > 0 && raw[0] == '-' {
		neg = true
		i++
	}
	// The value is mant * 10^exp, where mant has at most 19 significant
	// digits and inexact tells whether others were dropped.
	var mant uint64
	exp, dot, inexact := digits, false, false
	taken, dropped := 0, byte('0') // dropped is the first digit behind the 19
	for ; i < len(raw); i++ {
		c := raw[i]
		if c == '.' {
			dot = true
			continue
		}
		if c-'0' > 9 {
			break
		}
		if dot {
			exp--
		}
		if taken < 19 {
			mant = mant*10 + uint64(c-'0')
			if mant > 0 {
				taken++
			}
		} else {
			if taken == 19 {
				dropped = c
				taken++
			}
			exp++
			inexact = inexact || c != '0'
		}
	}
	if i < len(raw) { // e or E
		e, err := strconv.Atoi(string(raw[i+1:]))
		if err != nil || e > 1000 || e < -1000 {
			e = 1000
			if raw[i+1] == '-' {
				e = -1000
			}
		}
		exp += e
	}
	saturated := func() (int64, bool) {
		if neg {
			return math.MinInt64, false
		}
		return math.MaxInt64, false
	}
	if exp == 0 && dropped >= '5' {
		mant++
	}
	for ; exp > 0 && mant > 0; exp-- {
		if mant > math.MaxUint64/10 {
			return saturated()
		}
		mant *= 10
	}
	for ; exp < 0 && (mant > 0 || exp == -1); exp++ {
		r := mant % 10
		mant /= 10
		if exp == -1 && r >= 5 {
			mant++
		}
		inexact = inexact || r > 0
	}
	if mant > math.MaxInt64 {
		return saturated()
	}
	n = int64(mant)
	if neg {
		n = -n
	}
	return n, !inexact
}

// Float gives a number as float64; numbers beyond become infinite.
func Float(raw []byte) float64 {
	f, _ := strconv.ParseFloat(unsafe.String(unsafe.SliceData(raw), len(raw)), 64)
	return f
}

// Elements calls yield with the kind and the literal of each element of an
// array literal that Next gave, until yield returns false.
func Elements(raw []byte, yield func(k Kind, raw []byte) bool) {
	s := scanner{b: raw, i: 1, cr: -1}
	for {
		c, ok := s.token()
		if !ok || c == ']' {
			return
		}
		if c == ',' {
			s.i++
			if _, ok = s.token(); !ok {
				return
			}
		}
		start := s.i
		k := s.value(1)
		if k == 0 || !yield(k, raw[start:s.i]) {
			return
		}
	}
}

// Members calls yield with each member of an object literal that Next gave,
// until yield returns false.
func Members(raw []byte, yield func(name string, k Kind, raw []byte) bool) {
	s := scanner{b: raw, i: 1, cr: -1}
	for {
		c, ok := s.token()
		if !ok || c == '}' {
			return
		}
		if c == ',' {
			s.i++
			if _, ok = s.token(); !ok {
				return
			}
		}
		key, ok := s.key()
		if !ok {
			return
		}
		start := s.i
		k := s.value(1)
		if k == 0 || !yield(string(key), k, raw[start:s.i]) {
			return
		}
	}
}
