package lifecycle

import (
	"math/big"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
)

// A decimal is a number as a metric has it, for exact comparison at any size of
// the exponent: sign · 0.digits · 10^exp.
type decimal struct {
	sign   int    // -1, 0, 1
	digits string // the first and the last are not 0
	exp    *big.Int
	inf    bool
}

// parseDecimal reads a number that audit.Predicate.Validate accepts; ok is false
// for nan, which compares with nothing, and for anything else.
func parseDecimal(s string) (d decimal, ok bool) {
	switch s {
	case "inf":
		return decimal{sign: 1, inf: true}, true
	case "-inf":
		return decimal{sign: -1, inf: true}, true
	}
	mantissa, exponent, hasExp := strings.Cut(strings.ToLower(s), "e")
	d.sign = 1
	if rest, minus := strings.CutPrefix(mantissa, "-"); minus {
		d.sign, mantissa = -1, rest
	} else {
		mantissa = strings.TrimPrefix(mantissa, "+")
	}
	whole, part, _ := strings.Cut(mantissa, ".")
	if whole+part == "" || strings.Trim(whole+part, "0123456789") != "" {
		return decimal{}, false
	}
	d.exp = big.NewInt(0)
	if hasExp {
		if _, ok := d.exp.SetString(exponent, 10); !ok {
			return decimal{}, false
		}
	}
	whole = strings.TrimLeft(whole, "0")
	d.exp.Add(d.exp, big.NewInt(int64(len(whole))))
	d.digits = whole + part
	if whole == "" {
		d.digits = strings.TrimLeft(part, "0")
		d.exp.Sub(d.exp, big.NewInt(int64(len(part)-len(d.digits))))
	}
	if d.digits = strings.TrimRight(d.digits, "0"); d.digits == "" {
		return decimal{exp: big.NewInt(0)}, true
	}
	return d, true
}

// compare is -1, 0 or 1.
func (d decimal) compare(e decimal) int {
	switch {
	case d.sign != e.sign:
		return map[bool]int{true: -1, false: 1}[d.sign < e.sign]
	case d.sign == 0 || d.inf && e.inf:
		return 0
	case d.inf:
		return d.sign
	case e.inf:
		return -d.sign
	}
	c := d.exp.Cmp(e.exp)
	if c == 0 {
		c = strings.Compare(d.digits, e.digits)
	}
	return d.sign * c
}

// meets reports whether a value meets a threshold; nan meets none.
func meets(value string, t audit.Threshold) bool {
	v, ok := parseDecimal(value)
	limit, ok2 := parseDecimal(t.Value)
	if !ok || !ok2 {
		return false
	}
	c := v.compare(limit)
	switch t.Op {
	case ">=":
		return c >= 0
	case ">":
		return c > 0
	case "<=":
		return c <= 0
	case "<":
		return c < 0
	}
	return false
}
