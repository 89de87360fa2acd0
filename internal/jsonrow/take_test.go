package jsonrow

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

const array = `[{"a": 1}, {"b": 2},{"c": "}, {"}
 , {"d": 4}]`

// begins gives where the records of array begin.
func begins() (at []int64) {
	for _, r := range []string{`{"a"`, `{"b"`, `{"c"`, `{"d"`} {
		at = append(at, int64(strings.Index(array, r)))
	}
	return at
}

// TestTake: what is taken is passed over and counted; what is declined comes
// out of Next, whatever the sizes of reads.
func TestTake(t *testing.T) {
	for taken := range 1 << 4 {
		d := NewReader(strings.NewReader(array))
		var shown, given []int64
		d.Take = func(b []byte, offset int64) int {
			i := slices.Index(begins(), offset)
			if i < 0 || b[0] != '{' {
				t.Fatalf("shown %q at %d", b, offset)
			}
			shown = append(shown, offset)
			if taken>>i&1 == 0 {
				return 0
			}
			return []int{8, 8, 13, 8}[i]
		}
		for {
			rec, err := d.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%04b taken: %v", taken, err)
			}
			given = append(given, rec.Offset)
		}
		want := slices.Clone(begins())
		for i := 3; i >= 0; i-- {
			if taken>>i&1 == 1 {
				want = slices.Delete(want, i, i+1)
			}
		}
		if !slices.Equal(shown, begins()) || !slices.Equal(given, want) || d.Rows() != 4 {
			t.Errorf("%04b taken: %d shown, %d given, %d rows", taken, shown, given, d.Rows())
		}
	}
}

// TestLimit: reading ends in front of the first record that begins at the limit
// or behind it, and goes on from there after Reset as if it had not ended.
func TestLimit(t *testing.T) {
	for limit := int64(1); limit <= int64(len(array)); limit++ {
		d := NewReader(strings.NewReader(array))
		d.Limit = limit
		var given []int64
		var err error
		for err == nil {
			var rec *Record
			if rec, err = d.Next(); err == nil {
				given = append(given, rec.Offset)
			}
		}
		n := 0
		for n < 4 && begins()[n] < limit {
			n++
		}
		want := error(ErrLimit)
		if n == 4 {
			want = io.EOF
		}
		if !slices.Equal(given, begins()[:n]) || !errors.Is(err, want) || err == ErrLimit && d.Offset() != begins()[n] {
			t.Fatalf("limit %d: %d given, then %v at %d", limit, given, err, d.Offset())
		}
		if n == 4 {
			continue
		}
		from := d.Offset()
		d.Limit = 0
		d.Reset(strings.NewReader(array[from:]), from, n)
		for err = nil; err == nil; {
			var rec *Record
			if rec, err = d.Next(); err == nil {
				given = append(given, rec.Offset)
			}
		}
		if err != io.EOF || !slices.Equal(given, begins()) || d.Rows() != 4 {
			t.Errorf("limit %d: %d given in all, %d rows, then %v", limit, given, d.Rows(), err)
		}
	}
}

// TestBoundary finds what looks like a record behind another, and may be wrong
// in a string.
func TestBoundary(t *testing.T) {
	var all []int
	for at := Boundary([]byte(array), 0); at >= 0; at = Boundary([]byte(array), at+1) {
		all = append(all, at)
	}
	in := strings.Index(array, `}, {"}`) + 3 // in a string
	want := []int{int(begins()[1]), int(begins()[2]), in, int(begins()[3])}
	if !slices.Equal(all, want) {
		t.Errorf("%d, want %d", all, want)
	}
}

// TestPlainStringBytes puts each byte at each place of short and long strings.
func TestPlainStringBytes(t *testing.T) {
	for length := range 20 {
		for at := range length {
			for c := range 256 {
				b := []byte(`"` + strings.Repeat("x", length) + `",`)
				b[1+at] = byte(c)
				want := length + 2
				switch {
				case c == '"':
					want = at + 2
				case c == '\\', c < 0x20, c >= 0x80:
					want = 0
				}
				if n := PlainString(b); n != want {
					t.Fatalf("%q has length %d, want %d", b, n, want)
				}
			}
		}
	}
}

// TestPlainNumberIsFinite: what strconv says is beyond a float64 is not taken.
func TestPlainNumberIsFinite(t *testing.T) {
	for digits := 295; digits < 330; digits++ {
		for _, text := range []string{"", "e9", "e22", "e99", ".5", ".5e1"} {
			plain(t, fmt.Append(nil, strings.Repeat("9", digits), text))
			plain(t, fmt.Append(nil, "1", strings.Repeat("0", digits-1), text))
		}
	}
}
