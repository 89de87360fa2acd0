package jsonrow

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Plain literals are those that nearly every value of a table is: strings of
// ASCII without escapes, and numbers. What the functions here do not take, with
// length 0, may still be JSON: Reader and Parser know.

// PlainString gives the length of the string at the front of b, with its
// quotes.
func PlainString(b []byte) int {
	if len(b) < 2 || b[0] != '"' {
		return 0
	}
	i := 1
	for ; i+8 <= len(b); i += 8 {
		// The first byte that is a quote, a backslash, a control character or
		// not ASCII.
		x := binary.LittleEndian.Uint64(b[i:])
		q, e := x^'"'*low, x^'\\'*low
		if m := ((q-low)&^q | (e-low)&^e | (x - 0x20*low) | x) & high; m != 0 {
			i += bits.TrailingZeros64(m) / 8
			if b[i] == '"' {
				return i + 1
			}
			return 0
		}
	}
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c == '"':
			return i + 1
		case c == '\\' || c < 0x20 || c >= 0x80:
			return 0
		}
	}
	return 0
}

// A Decimal is the value ±Digits * 10^Exp of a number, if Exact: if it has at
// most 19 digits.
type Decimal struct {
	Digits uint64
	Exp    int32
	Neg    bool
	Exact  bool
	Int    bool // written as an integer: IsInt
}

// PlainNumber reads the finite number at the front of b, and gives its length.
// It may be longer in what follows b.
func PlainNumber(b []byte) (d Decimal, n int) {
	i := 0
	if i < len(b) && b[i] == '-' {
		d.Neg = true
		i++
	}
	first := i
	var v uint64
	if v, i = digits(b, i, 0); i == first || b[first] == '0' && i > first+1 {
		return d, 0
	}
	count := i - first
	d.Int = true
	if i < len(b) && b[i] == '.' {
		i++
		point := i
		if v, i = digits(b, i, v); i == point {
			return d, 0
		}
		count += i - point
		d.Exp = int32(point - i)
		d.Int = false
	}
	d.Digits = v
	if count > 19 {
		for k := first; k < i && (b[k] == '0' || b[k] == '.'); k++ {
			if b[k] == '0' {
				count--
			}
		}
	}
	d.Exact = count <= 19
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		neg := false
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			neg = b[i] == '-'
			i++
		}
		e, end := digits(b, i, 0)
		if end == i || end-i > 2 || count > 100 { // beyond, it may not be finite
			return d, 0
		}
		i = end
		if neg {
			d.Exp -= int32(e)
		} else {
			d.Exp += int32(e)
		}
		d.Int = false
	} else if count > 300 {
		return d, 0
	}
	return d, i
}

// SkipNumber is the length that PlainNumber gives, without the value.
func SkipNumber(b []byte) int {
	if len(b) >= 40 {
		i := 0
		if b[0] == '-' {
			i = 1
		}
		n := leadingDigits(binary.LittleEndian.Uint64(b[i:]))
		if n == 0 || n > 1 && b[i] == '0' {
			return 0
		}
		if i += n; n < 8 && b[i] == '.' {
			point := i + 1
			for i = point; i < 32; i += n {
				if n = leadingDigits(binary.LittleEndian.Uint64(b[i:])); n < 8 {
					i += n
					break
				}
			}
			if i == point {
				return 0
			}
		}
		if n < 8 && b[i]|0x20 != 'e' {
			return i
		}
	}
	_, n := PlainNumber(b)
	return n
}

// leadingDigits counts the digits before the first byte of x that is none.
func leadingDigits(x uint64) int {
	// A byte that is none may carry into those behind it, which do not matter.
	return bits.TrailingZeros64(((x^'0'*low)|((x+0x06*low)^'0'*low))&(0xf0*low)) / 8
}

// PlainStamp reads the 16 digits at the front of b.
func PlainStamp(b []byte) (n uint64, ok bool) {
	if len(b) < 16 {
		return 0, false
	}
	x, y := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
	return eight(x)*100000000 + eight(y), leadingDigits(x)+leadingDigits(y) == 16
}

// digits reads digits from i on, behind those of v, which overflows.
func digits(b []byte, i int, v uint64) (uint64, int) {
	for i+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[i:])
		if leadingDigits(x) < 8 {
			break
		}
		v = v*100000000 + eight(x)
		i += 8
	}
	for i < len(b) && b[i]-'0' <= 9 {
		v = v*10 + uint64(b[i]-'0')
		i++
	}
	return v, i
}

// eight gives the value of eight digits.
func eight(x uint64) uint64 {
	x -= '0' * low
	x = x*10 + x>>8 // pairs of digits, in every other byte
	return (x&0x000000ff000000ff*(100+1000000<<32) + x>>16&0x000000ff000000ff*(1+10000<<32)) >> 32
}

// Whole gives the value times 10^scale, which is 0 or 3, if the number is
// written as an integer and the outcome fits.
func (d Decimal) Whole(scale int) (n int64, ok bool) {
	unit := int64(1)
	if scale == 3 {
		unit = 1000
	}
	if !d.Int || !d.Exact || d.Digits > uint64(math.MaxInt64/unit) {
		return 0, false
	}
	if n = int64(d.Digits) * unit; d.Neg {
		n = -n
	}
	return n, true
}

// pow5 holds the powers of five that fit 64 bits.
var pow5 = func() (t [28]uint64) {
	t[0] = 1
	for i := 1; i < len(t); i++ {
		t[i] = 5 * t[i-1]
	}
	return t
}()

// Float gives the float64 nearest to the value, as strconv does; ok is false
// where that takes more than one division.
func (d Decimal) Float() (f float64, ok bool) {
	if !d.Exact || d.Exp > 0 || int(-d.Exp) >= len(pow5) {
		return 0, false
	}
	if f = float64(d.Digits); d.Exp < 0 && d.Digits != 0 {
		// Both operands with their highest bit set, the quotient has 63 or 64
		// bits: more than float64 keeps, and the lowest of them stands for the
		// remainder. So the conversion, which rounds to even, rounds once.
		n, p := d.Digits, pow5[-d.Exp]
		sn, sp := bits.LeadingZeros64(n), bits.LeadingZeros64(p)
		n, p = n<<sn, p<<sp
		q, r := bits.Div64(n>>1, n<<63, p)
		if r != 0 {
			q |= 1
		}
		f = float64(q)
		// q is (n/p) * 2^63, and 10^Exp is 5^Exp * 2^Exp: all normal numbers.
		f = math.Float64frombits(math.Float64bits(f) + uint64(int64(sp-sn-63)+int64(d.Exp))<<52)
	}
	if d.Neg {
		f = -f
	}
	return f, true
}

// PlainHex decodes the 32 lower-case hexadecimal digits at the front of b as
// two words, of which the first byte is the lowest.
func PlainHex(b []byte) (lo, hi uint64, ok bool) {
	if len(b) < 32 {
		return 0, 0, false
	}
	a, bad0 := hex8(binary.LittleEndian.Uint64(b))
	c, bad1 := hex8(binary.LittleEndian.Uint64(b[8:]))
	e, bad2 := hex8(binary.LittleEndian.Uint64(b[16:]))
	g, bad3 := hex8(binary.LittleEndian.Uint64(b[24:]))
	return a | c<<32, e | g<<32, bad0|bad1|bad2|bad3 == 0
}

// hex8 decodes eight digits. bad is 0 if they are what the outcome is written
// as.
func hex8(x uint64) (v, bad uint64) {
	v = x&(0x0f*low) + x>>6&low*9
	letter := (v + 0x06*low) >> 4 & low // 1 for a value above nine
	bad = v&(0xf0*low) | ((v + 0x30*low + letter*('a'-'0'-10)) ^ x)
	v = (v<<4 | v>>8) & 0x00ff00ff00ff00ff
	v = (v | v>>8) & 0x0000ffff0000ffff
	return (v | v>>16) & 0xffffffff, bad
}
