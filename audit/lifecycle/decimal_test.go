package lifecycle

import (
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
)

func TestMeets(t *testing.T) {
	big := strings.Repeat("9", 60)
	for _, tt := range []struct {
		value, op, limit string
		want             bool
	}{
		{"0.60", ">=", "0.6", true},
		{"0.6", ">", "0.60", false},
		{"0.599999999999999999999", ">=", "0.6", false},
		{"-1", "<", "0", true},
		{"-0.0", ">=", "0", true},
		{"1e3", "<=", "1000", true},
		{"+5.", ">", ".5", true},
		{"1e-999999999", ">", "0", true},
		{"1e" + big, ">", "1e999999999", true},
		{"-1e" + big, "<", "-inf", false},
		{"inf", ">", "1e" + big, true},
		{"inf", ">=", "inf", true},
		{"-inf", "<", "-1e" + big, true},
		{"nan", ">=", "0", false},
		{"nan", "<", "0", false},
		{"1", "<", "nan", false},
		{"", ">=", "0", false},
		{"1", "==", "1", false},
	} {
		if got := meets(tt.value, audit.Threshold{Op: tt.op, Value: tt.limit}); got != tt.want {
			t.Errorf("%s %s %s is %t", tt.value, tt.op, tt.limit, got)
		}
	}
}

// TestDecimalAgainstRat compares with math/big, whose exponents must be small.
func TestDecimalAgainstRat(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	number := func() string {
		digits := func(n int) string {
			var b strings.Builder
			for range n {
				b.WriteByte("0019"[rng.IntN(4)])
			}
			return b.String()
		}
		s := []string{"", "-", "+"}[rng.IntN(3)] + digits(rng.IntN(4)) + "." + digits(1+rng.IntN(4))
		if rng.IntN(2) == 0 {
			s += []string{"e", "E-", "e+"}[rng.IntN(3)] + []string{"0", "1", "02", "3"}[rng.IntN(4)]
		}
		return s
	}
	for range 20000 {
		x, y := number(), number()
		a, ok := parseDecimal(x)
		b, ok2 := parseDecimal(y)
		p, _ := new(big.Rat).SetString(x)
		q, _ := new(big.Rat).SetString(y)
		if !ok || !ok2 || a.compare(b) != p.Cmp(q) {
			t.Fatalf("%s and %s compare as %d (%t %t), want %d", x, y, a.compare(b), ok, ok2, p.Cmp(q))
		}
	}
}

func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"0", "-1.50e-3", "nan", "inf", "1e999999999999", ".", "e5", "+.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := parseDecimal(s)
		if ok && d.compare(d) != 0 {
			t.Errorf("%q differs from itself", s)
		}
	})
}
