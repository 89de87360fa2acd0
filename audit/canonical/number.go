package canonical

import (
	"math"
	"strconv"
	"strings"
)

// MaxSafeInteger is 2^53-1: up to here every integer is a double of its own.
const MaxSafeInteger = 1<<53 - 1

// checkNumbers holds every number of the document to the gate.
func (v *Value) checkNumbers(path string) error {
	switch v.Kind {
	case NumberKind:
		if kind := checkNumber(v.Text); kind != nil {
			return &Error{Offset: v.Offset, Path: path, Kind: kind, Text: v.Text}
		}
	case ArrayKind:
		for i := range v.Items {
			if err := v.Items[i].checkNumbers(path + "/" + strconv.Itoa(i)); err != nil {
				return err
			}
		}
	case ObjectKind:
		for i := range v.Members {
			m := &v.Members[i]
			if err := m.Value.checkNumbers(path + "/" + pointerEscape.Replace(m.Key)); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkNumber(literal string) error {
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || math.IsInf(f, 0) {
		return ErrFloat
	}
	text, err := Number(f)
	if err != nil {
		return ErrFloat
	}
	if (isInteger(literal) || isInteger(text)) && math.Abs(f) > MaxSafeInteger {
		return ErrInteger
	}
	if !SameDecimal(literal, text) {
		return ErrFloat
	}
	return nil
}

// isInteger reports whether a number is written as an integer, without
// fraction and exponent.
func isInteger(literal string) bool { return !strings.ContainsAny(literal, ".eE") }

// SameDecimal reports whether two JSON numbers are one decimal value, however
// they are written: 4.50 and 45e-1 are, 0.1 and 0.10000000000000001 are not.
// The sign of zero is not looked at.
func SameDecimal(a, b string) bool {
	da, ok := parseDecimal(a)
	db, ok2 := parseDecimal(b)
	return ok && ok2 && da == db
}

// A decimal is ±0.digits × 10^exp, digits without zeros at either end.
type decimal struct {
	neg    bool
	digits string
	exp    int64
}

// parseDecimal takes a number apart. It gives false if its exponent does not
// fit: no double comes near.
func parseDecimal(s string) (decimal, bool) {
	var d decimal
	s, d.neg = strings.CutPrefix(s, "-")
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		// An exponent beyond int32 is one that no double has, unless the digits
		// are all zero: then it does not matter.
		exp, err := strconv.ParseInt(strings.TrimPrefix(s[i+1:], "+"), 10, 32)
		if err != nil && strings.Trim(s[:i], "0.") != "" {
			return d, false
		}
		d.exp, s = exp, s[:i]
	}
	whole, fraction, _ := strings.Cut(s, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	d.exp += int64(len(whole)) - int64(len(whole)+len(fraction)-len(digits))
	d.digits = strings.TrimRight(digits, "0")
	if d.digits == "" {
		return decimal{}, true
	}
	return d, true
}
