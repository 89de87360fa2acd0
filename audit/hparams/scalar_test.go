package hparams

import (
	"strings"
	"testing"
)

// What YAML 1.2 makes of a plain scalar, and what PyYAML 6.0.3 printed for it.
var scalars = []struct{ text, core, python string }{
	{"1e-4", "f64 0.0001", "str 1e-4"},
	{"1.0e-4", "f64 0.0001", "f64 0.0001"},
	{"1e5", "f64 100000", "str 1e5"},
	{"1.0e5", "f64 100000", "str 1.0e5"},
	{"1.0e+5", "f64 100000", "f64 100000"},
	{".5", "f64 0.5", "f64 0.5"},
	{"+.5", "f64 0.5", "str +.5"},
	{"-.5", "f64 -0.5", "str -.5"},
	{"5.", "f64 5", "f64 5"},
	{"1_000", "str 1_000", "i64 1000"},
	{"1_000.5", "str 1_000.5", "f64 1000.5"},
	{"on", "str on", "bool true"},
	{"off", "str off", "bool false"},
	{"yes", "str yes", "bool true"},
	{"NO", "str NO", "bool false"},
	{"y", "str y", "str y"},
	{"true", "bool true", "bool true"},
	{"TRUE", "bool true", "bool true"},
	{"tRue", "str tRue", "str tRue"},
	{"~", "null ", "null "},
	{"Null", "null ", "null "},
	{"", "null ", "null "},
	{"12:30:00", "str 12:30:00", "i64 45000"},
	{"12:30", "str 12:30", "i64 750"},
	{"-1:30", "str -1:30", "i64 -90"},
	{"0:30", "str 0:30", "str 0:30"},
	{"12:60", "str 12:60", "str 12:60"},
	{"12:30:00.5", "str 12:30:00.5", "f64 45000.5"},
	{"1:30.0", "str 1:30.0", "f64 90"},
	{"017", "i64 17", "i64 15"},
	{"-017", "i64 -17", "i64 -15"},
	{"0o17", "i64 15", "str 0o17"},
	{"08", "i64 8", "str 08"},
	{"0_7", "str 0_7", "i64 7"},
	{"0x1F", "i64 31", "i64 31"},
	{"-0x1F", "str -0x1F", "i64 -31"},
	{"0x_1", "str 0x_1", "i64 1"},
	{"0b11", "str 0b11", "i64 3"},
	{"-0b1_0", "str -0b1_0", "i64 -2"},
	{"-0", "i64 0", "i64 0"},
	{"+5", "i64 5", "i64 5"},
	{"00", "i64 0", "i64 0"},
	{"2026-11-23", "str 2026-11-23", "timestamp 2026-11-23"},
	{"2026-11-23T10:00:00Z", "str 2026-11-23T10:00:00Z", "timestamp 2026-11-23T10:00:00Z"},
	{"2026-1-2", "str 2026-1-2", "str 2026-1-2"},
	{".inf", "f64 inf", "f64 inf"},
	{"-.INF", "f64 -inf", "f64 -inf"},
	{".NaN", "f64 nan", "f64 nan"},
	{"+.nan", "str +.nan", "str +.nan"},
	{"inf", "str inf", "str inf"},
	{"nan", "str nan", "str nan"},
	{"-0.0", "f64 -0", "f64 -0"},
	{"9223372036854775807", "i64 9223372036854775807", "i64 9223372036854775807"},
	{"9223372036854775808", "u64 9223372036854775808", "u64 9223372036854775808"},
	{"18446744073709551616", "bigint 18446744073709551616", "bigint 18446744073709551616"},
	{"-9223372036854775809", "bigint -9223372036854775809", "bigint -9223372036854775809"},
	{"1__0", "str 1__0", "i64 10"},
	{"0x", "str 0x", "str 0x"},
	{"3.14.15", "str 3.14.15", "str 3.14.15"},
	{"1e", "str 1e", "str 1e"},
	{"-1_0.", "str -1_0.", "f64 -10"},
}

func TestScalars(t *testing.T) {
	for _, c := range scalars {
		core, err := readCore(c.text)
		if got := string(core.Type) + " " + core.Text; err != nil || got != c.core {
			t.Errorf("YAML 1.2 reads %q as %s, %v; want %s", c.text, got, err, c.core)
		}
		python, err := readPyYAML(c.text)
		if got := string(python.Type) + " " + python.Text; err != nil || got != c.python {
			t.Errorf("PyYAML reads %q as %s, %v; want %s", c.text, got, err, c.python)
		}
		// Exactly what differs is flagged, with its line.
		d, err := Parse("p.yaml", YAML, []byte("# one\na: [1, "+c.text+"]\n"))
		if c.text == "" {
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if differs := c.core != c.python; differs != (len(d.Ambiguities) == 1) {
			t.Errorf("%q: flagged %v, want %v", c.text, d.Ambiguities, differs)
		} else if differs {
			a := d.Ambiguities[0]
			if a.Line != 2 || a.Column != 8 || a.Key != "a" || a.In != "value" || !strings.HasPrefix(a.Read, string(core.Type)) || !strings.HasPrefix(a.Other, string(python.Type)) {
				t.Errorf("%q: %+v", c.text, a)
			}
		}
		// Quotes take the question away.
		d, err = Parse("p.yaml", YAML, []byte("a: '"+c.text+"'\n"))
		if err != nil || len(d.Ambiguities) != 0 || d.Set.Params()[0].Type != Str {
			t.Errorf("'%s': %v, %v", c.text, d, err)
		}
	}
}

func TestScalarsRefused(t *testing.T) {
	for _, text := range []string{"1e400", "-1e400", "1e-400", strings.Repeat("9", maxDigits+1)} {
		if v, err := readCore(text); err == nil {
			t.Errorf("%q was read as %v", abbreviate(text), v)
		}
	}
}
