package jsonrow

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// plain holds the plain literals against encoding/json and strconv.
func plain(t *testing.T, b []byte) {
	t.Helper()
	if n := PlainString(b); n > 0 {
		var s string
		if err := json.Unmarshal(b[:n], &s); err != nil || s != string(b[1:n-1]) {
			t.Errorf("%q is no plain string: %v", b[:n], err)
		}
	}
	if lo, hi, ok := PlainHex(b); ok {
		var want [16]byte
		_, err := hex.Decode(want[:], b[:32])
		if err != nil || !bytes.Equal(b[:32], bytes.ToLower(b[:32])) || lo != binary.LittleEndian.Uint64(want[:]) || hi != binary.LittleEndian.Uint64(want[8:]) {
			t.Errorf("%q is %x %x", b[:32], lo, hi)
		}
	} else if len(b) >= 32 {
		if _, err := hex.Decode(make([]byte, 16), b[:32]); err == nil && bytes.Equal(b[:32], bytes.ToLower(b[:32])) {
			t.Errorf("%q is hexadecimal", b[:32])
		}
	}
	d, n := PlainNumber(b)
	if skip := SkipNumber(b); skip != n {
		t.Errorf("%q is skipped with length %d, not %d", b, skip, n)
	}
	padded := append(bytes.Clone(b), strings.Repeat(",", 40)...)
	if _, n := PlainNumber(padded); SkipNumber(padded) != n {
		t.Errorf("%q is skipped with length %d, not %d", padded, SkipNumber(padded), n)
	}
	if n == 0 {
		return
	}
	raw := b[:n]
	want, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !json.Valid(raw) || IsInt(raw) != d.Int {
		t.Errorf("%q is no number: %v, %+v", raw, err, d)
	}
	if f, ok := d.Float(); ok && math.Float64bits(f) != math.Float64bits(want) {
		t.Errorf("%q is %v, want %v", raw, f, want)
	}
	for _, scale := range []int{0, 3} {
		if v, ok := d.Whole(scale); ok {
			if w, exact := Scaled(raw, scale); v != w || !exact {
				t.Errorf("%q with %d digits is %d, want %d", raw, scale, v, w)
			}
		}
	}
}

func TestPlain(t *testing.T) {
	for _, c := range []struct {
		in                string
		str, number, frac int // lengths; frac: 1 if Float knows it
	}{
		{`"abc",`, 5, 0, 0},
		{`"a long string of text"`, 23, 0, 0},
		{`"`, 0, 0, 0},
		{`""`, 2, 0, 0},
		{`"a\n"`, 0, 0, 0},
		{"\"0123456\x01\"", 0, 0, 0},
		{`"ü"`, 0, 0, 0},
		{"0", 0, 1, 1},
		{"-0", 0, 2, 1},
		{"01", 0, 0, 0},
		{"-", 0, 0, 0},
		{"1.", 0, 0, 0},
		{"1.5e", 0, 0, 0},
		{"1.5e+3,", 0, 6, 0},
		{"1.5e-3,", 0, 6, 1},
		{"1e400", 0, 0, 0},
		{"1532402927647951,", 0, 16, 1},
		{"0.00034567890123456789", 0, 22, 1},
		{"12345678901234567890123", 0, 23, 0},
		{"0.9968170812210683\n", 0, 18, 1},
		{"2.3e-05]", 0, 7, 1},
	} {
		b := []byte(c.in)
		if n := PlainString(b); n != c.str {
			t.Errorf("string %q has length %d, want %d", b, n, c.str)
		}
		d, n := PlainNumber(b)
		if n != c.number {
			t.Errorf("number %q has length %d, want %d", b, n, c.number)
		}
		if _, ok := d.Float(); ok != (c.frac == 1) && n > 0 {
			t.Errorf("number %q: %v", b, ok)
		}
		plain(t, b)
	}
}

// TestPlainNumbers rounds as strconv does, also halfway between two floats.
func TestPlainNumbers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		f := math.Float64frombits(r.Uint64())
		switch r.IntN(4) {
		case 0:
			f = r.NormFloat64()
		case 1:
			f = r.Float64() * 1e-5
		case 2:
			f = r.NormFloat64() * 2000
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			continue
		}
		b := strconv.AppendFloat(nil, f, "gfe"[r.IntN(3)], []int{-1, 15, 17, 18}[r.IntN(4)], 64)
		plain(t, b)
	}
	for range 100_000 {
		// m + 1/2 for m of 53 and 54 bits, with a few digits more or less.
		m := 1<<53 | r.Uint64()>>11
		b := strconv.AppendUint(nil, m, 10)
		at := 1 + r.IntN(len(b)-1)
		b = append(b[:at:at], append([]byte{'.'}, b[at:]...)...)
		b = append(b, []string{"", "5", "50", "49", "51"}[r.IntN(5)]...)
		plain(t, b)
	}
	for range 100_000 {
		plain(t, strconv.AppendInt(nil, int64(r.Uint64())>>r.IntN(64), 10))
		b := hex.AppendEncode(nil, binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, r.Uint64()), r.Uint64()))
		plain(t, b)
		b[r.IntN(32)] = byte(r.Uint32())
		plain(t, b)
	}
}

func FuzzPlain(f *testing.F) {
	for _, s := range []string{`"abc"`, "-0.5e-7", "9007199254740993.0", "1e22", "0123456789abcdef0123456789abcdef"} {
		f.Add([]byte(s))
	}
	f.Fuzz(plain)
}
