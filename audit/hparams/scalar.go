package hparams

import (
	"math/big"
	"strings"

	"github.com/mmaudit/mmaudit/internal/lazyre"
)

const (
	readerYAML12 = "YAML 1.2"
	readerPyYAML = "YAML 1.1 (PyYAML)"
)

var (
	coreInt   = lazyre.New(`^[-+]?[0-9]+$`)
	coreOctal = lazyre.New(`^0o[0-7]+$`)
	coreHex   = lazyre.New(`^0x[0-9a-fA-F]+$`)
	coreFloat = lazyre.New(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
)

// readCore reads a plain scalar by YAML 1.2, section 10.3.2 (core schema).
func readCore(s string) (Value, error) {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return Value{Type: Null}, nil
	case "true", "True", "TRUE":
		return OfBool(true), nil
	case "false", "False", "FALSE":
		return OfBool(false), nil
	}
	if v, ok := nonFinite(s); ok {
		return v, nil
	}
	switch {
	case coreInt().MatchString(s):
		return parseInt(s, 10)
	case coreOctal().MatchString(s):
		return parseInt(s[2:], 8)
	case coreHex().MatchString(s):
		return parseInt(s[2:], 16)
	case coreFloat().MatchString(s):
		return parseFloat(s)
	}
	return OfString(s), nil
}

func nonFinite(s string) (Value, bool) {
	switch s {
	case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF":
		return Value{Type: F64, Text: "inf"}, true
	case "-.inf", "-.Inf", "-.INF":
		return Value{Type: F64, Text: "-inf"}, true
	case ".nan", ".NaN", ".NAN":
		return Value{Type: F64, Text: "nan"}, true
	}
	return Value{}, false
}

// Timestamp is a type that only readers of YAML 1.1 see.
const timestamp Type = "timestamp"

// The implicit resolvers of PyYAML 6 (resolver.py), in their order.
var (
	pyBool = lazyre.New(`^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$`)
	// The last alternatives are sexagesimal: 12:30 is 750.
	pyFloat = lazyre.New(`^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*)$`)
	pyInt   = lazyre.New(`^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)$`)
	pyTime  = lazyre.New(`^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9][0-9]?-[0-9][0-9]?(?:[Tt]|[ \t]+)[0-9][0-9]?:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9][0-9]?(?::[0-9]{2})?))?)$`)
)

// readPyYAML reads a plain scalar as PyYAML 6 does.
func readPyYAML(s string) (Value, error) {
	switch s {
	case "", "~", "null", "Null", "NULL":
		return Value{Type: Null}, nil
	}
	if v, ok := nonFinite(s); ok {
		return v, nil
	}
	switch {
	case pyBool().MatchString(s):
		switch strings.ToLower(s) {
		case "yes", "true", "on":
			return OfBool(true), nil
		}
		return OfBool(false), nil
	case pyFloat().MatchString(s):
		text := strings.ReplaceAll(s, "_", "")
		if strings.Contains(text, ":") {
			whole, fraction, _ := strings.Cut(text, ".")
			v, err := sexagesimal(whole)
			if err != nil || strings.Trim(fraction, "0") != "" {
				// Shown only, so the exact sum of a fraction does not matter.
				return Value{Type: F64, Text: v.Text + "." + fraction}, err
			}
			return parseFloat(v.Text)
		}
		return parseFloat(text)
	case pyInt().MatchString(s):
		return pyInteger(strings.ReplaceAll(s, "_", ""))
	case pyTime().MatchString(s):
		return Value{Type: timestamp, Text: s}, nil
	}
	return OfString(s), nil
}

// pyInteger reads what matched pyInt, without underscores.
func pyInteger(s string) (Value, error) {
	sign, digits := "", s
	if s[0] == '-' || s[0] == '+' {
		sign, digits = s[:1], s[1:]
	}
	switch {
	case strings.HasPrefix(digits, "0b"):
		return parseInt(sign+digits[2:], 2)
	case strings.HasPrefix(digits, "0x"):
		return parseInt(sign+digits[2:], 16)
	case strings.Contains(digits, ":"):
		return sexagesimal(s)
	case len(digits) > 1 && digits[0] == '0':
		return parseInt(sign+digits[1:], 8)
	}
	return parseInt(s, 10)
}

// sexagesimal reads [-+]?a:b:c, where b and c are less than 60.
func sexagesimal(s string) (Value, error) {
	negative := strings.HasPrefix(s, "-")
	total := new(big.Int)
	for _, digits := range strings.Split(strings.TrimLeft(s, "+-"), ":") {
		v, err := parseInt(digits, 10)
		if err != nil {
			return Value{}, err
		}
		part, _ := new(big.Int).SetString(v.Text, 10)
		total.Add(total.Mul(total, big.NewInt(60)), part)
		if total.BitLen() > 4*maxDigits {
			return Value{}, ErrTooBig
		}
	}
	if negative {
		total.Neg(total)
	}
	return OfInt(total), nil
}
