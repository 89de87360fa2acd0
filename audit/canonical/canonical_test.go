package canonical

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gowebpki/jcs"
)

// RFC 8785, section 3.2 and the RFC's published test data.
var vectors = []struct{ name, in, want string }{
	{"3.2.2, less the number that no double carries", `{
		"numbers": [333333333.3333333, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
		"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
		"literals": [null, true, false]
	}`, `{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`},
	{"3.2.3, keys by UTF-16 code unit", `{
		"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
		"1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"
	}`, "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\"," +
		"\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}"},
	{
		"structures", `{"1": {"f": {"f": "hi","F": 5} ,"\n": 56.0}, "10": { }, "": "empty", "a": { }, "111": [ {"e": "yes","E": "no" } ], "A": { }}`,
		`{"":"empty","1":{"\n":56,"f":{"F":5,"f":"hi"}},"10":{},"111":[{"E":"no","e":"yes"}],"A":{},"a":{}}`,
	},
	{
		"french", `{"peach": "This sorting order", "péché": "is wrong according to French", "pêche": "but canonicalization MUST", "sin": "ignore locale"}`,
		`{"peach":"This sorting order","péché":"is wrong according to French","pêche":"but canonicalization MUST","sin":"ignore locale"}`,
	},
	{"no normalisation", `{"Unnormalized Unicode":"A\u030a"}`, "{\"Unnormalized Unicode\":\"A\u030a\"}"},
	{"nothing escaped for HTML", `"<a>&\u2028\u007f"`, "\"<a>&\u2028\x7f\""},
	{"scalars", ` -0 `, `0`},
	{"largest integers", `[9007199254740991, -9007199254740991, 1e21]`, `[9007199254740991,-9007199254740991,1e+21]`},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		got, err := Transform([]byte(v.in))
		if err != nil || string(got) != v.want {
			t.Errorf("%s:\n got %s, %v\nwant %s", v.name, got, err, v.want)
		}
		if !IsCanonical([]byte(v.want)) {
			t.Errorf("%s: its canonical form is not canonical", v.name)
		}
	}
}

// RFC 8785, appendix B.
func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		bits uint64
		want string
	}{
		{0x0000000000000000, "0"},
		{0x8000000000000000, "0"},
		{0x0000000000000001, "5e-324"},
		{0x8000000000000001, "-5e-324"},
		{0x7fefffffffffffff, "1.7976931348623157e+308"},
		{0xffefffffffffffff, "-1.7976931348623157e+308"},
		{0x4340000000000000, "9007199254740992"},
		{0xc340000000000000, "-9007199254740992"},
		{0x4430000000000000, "295147905179352830000"},
		{0x44b52d02c7e14af5, "9.999999999999997e+22"},
		{0x44b52d02c7e14af6, "1e+23"},
		{0x44b52d02c7e14af7, "1.0000000000000001e+23"},
		{0x444b1ae4d6e2ef4e, "999999999999999700000"},
		{0x444b1ae4d6e2ef4f, "999999999999999900000"},
		{0x444b1ae4d6e2ef50, "1e+21"},
		{0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
		{0x3eb0c6f7a0b5ed8d, "0.000001"},
		{0x41b3de4355555553, "333333333.3333332"},
		{0x41b3de4355555554, "333333333.33333325"},
		{0x41b3de4355555555, "333333333.3333333"},
		{0x41b3de4355555556, "333333333.3333334"},
		{0x41b3de4355555557, "333333333.33333343"},
		{0xbecbf647612f3696, "-0.0000033333333333333333"},
		{0x43143ff3c1cb0959, "1424953923781206.2"},
	} {
		if got, err := Number(math.Float64frombits(c.bits)); err != nil || got != c.want {
			t.Errorf("%016x: %s, %v; want %s", c.bits, got, err, c.want)
		}
	}
	for _, bits := range []uint64{0x7fffffffffffffff, 0x7ff0000000000000, 0xfff0000000000000} {
		if got, err := Number(math.Float64frombits(bits)); err == nil {
			t.Errorf("%016x: %s, want an error", bits, got)
		}
	}
}

func TestRefused(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		in   string
		kind error
		at   int
		path string
	}{
		{`{"seed":9007199254740993}`, ErrInteger, 8, "/seed"},
		{`{"seed":9007199254740992}`, ErrInteger, 8, "/seed"},
		{`[1,-9007199254740992]`, ErrInteger, 3, "/1"},
		{`18446744073709551615`, ErrInteger, 0, ""},
		{`9007199254740992.0`, ErrInteger, 0, ""},
		{`1e20`, ErrInteger, 0, ""},
		{`{"a/b":{"~":[0.10000000000000001]}}`, ErrFloat, 13, "/a~1b/~0/0"},
		{`333333333.33333329`, ErrFloat, 0, ""},
		{`1e400`, ErrFloat, 0, ""},
		{`-1e400`, ErrFloat, 0, ""},
		{`1e-400`, ErrFloat, 0, ""},
		{`1e99999999999999999999`, ErrFloat, 0, ""},
		{`[NaN]`, ErrNonFinite, 1, ""},
		{`[Infinity]`, ErrNonFinite, 1, ""},
		{`[-Infinity]`, ErrNonFinite, 1, ""},
		{`{"a":1,"b":2,"a":3}`, ErrDuplicate, 13, ""},
		{`{"a":1,"\u0061":3}`, ErrDuplicate, 7, ""},
		{`"\ud800"`, ErrUTF8, 1, ""},
		{`"\udc00\ud800"`, ErrUTF8, 1, ""},
		{`"\ud800\u0041"`, ErrUTF8, 1, ""},
		{"\"\xff\"", ErrUTF8, 1, ""},
		{"\"\xed\xa0\x80\"", ErrUTF8, 1, ""},
		{deep(MaxDepth + 1), ErrDepth, MaxDepth, ""},
		{strings.Repeat("[", 1<<20), ErrDepth, MaxDepth, ""},
		{strings.Repeat(" ", MaxSize) + "1", ErrSize, MaxSize, ""},
		{"\ufeff1", ErrSyntax, 0, ""},
		{``, ErrSyntax, 0, ""},
		{`{`, ErrSyntax, 1, ""},
		{`[1,]`, ErrSyntax, 3, ""},
		{`{"a":1,}`, ErrSyntax, 7, ""},
		{`[1 2]`, ErrSyntax, 3, ""},
		{`{"a" 1}`, ErrSyntax, 5, ""},
		{`{a:1}`, ErrSyntax, 1, ""},
		{`01`, ErrSyntax, 0, ""},
		{`-`, ErrSyntax, 1, ""},
		{`1.`, ErrSyntax, 2, ""},
		{`.5`, ErrSyntax, 0, ""},
		{`1e`, ErrSyntax, 2, ""},
		{`+1`, ErrSyntax, 0, ""},
		{`1 2`, ErrSyntax, 2, ""},
		{`tru`, ErrSyntax, 0, ""},
		{`'a'`, ErrSyntax, 0, ""},
		{"\"a\nb\"", ErrSyntax, 2, ""},
		{`"\x41"`, ErrSyntax, 1, ""},
		{`"\u00g1"`, ErrSyntax, 1, ""},
		{`"abc`, ErrSyntax, 4, ""},
		{"[1\x00]", ErrSyntax, 2, ""},
	} {
		out, err := Transform([]byte(c.in))
		var e *Error
		name := shorten(c.in)
		switch {
		case !errors.As(err, &e) || !errors.Is(err, c.kind):
			t.Errorf("%s: %q, %v; want %v", name, out, err, c.kind)
		case e.Offset != c.at || e.Path != c.path:
			t.Errorf("%s: at byte %d, path %q; want %d, %q", name, e.Offset, e.Path, c.at, c.path)
		}
	}
	if out, err := Transform([]byte(deep(MaxDepth))); err != nil || string(out) != deep(MaxDepth) {
		t.Errorf("%d levels: %v", MaxDepth, err)
	}
}

// The very loss that the gate is there for: JCS alone merges two seeds.
func TestGateIsNeeded(t *testing.T) {
	a, errA := jcs.Transform([]byte(`[9007199254740993]`))
	b, errB := jcs.Transform([]byte(`[9007199254740992]`))
	if errA != nil || errB != nil || !bytes.Equal(a, b) {
		t.Skipf("the library now tells %s from %s", a, b)
	}
}

func TestMarshal(t *testing.T) {
	got, err := Marshal(map[string]any{"z": int64(1), "a": "<&>", "n": nil})
	if err != nil || string(got) != `{"a":"<&>","n":null,"z":1}` {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := Marshal(map[string]any{"ns": int64(math.MaxInt64)}); !errors.Is(err, ErrInteger) {
		t.Errorf("an int64 that a double does not carry: %v", err)
	}
	if _, err := Marshal(math.NaN()); err == nil {
		t.Error("NaN was marshalled")
	}
}

func TestSameDecimal(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"4.50", "45e-1", true},
		{"0", "-0.000e9", true},
		{"1000", "1E+3", true},
		{"0.001", "1e-3", true},
		{"00", "0e99999999999999999999", true},
		{"1", "-1", false},
		{"10", "1", false},
		{"0.1", "0.10000000000000001", false},
		{"1e99999999999999999999", "1e99999999999999999999", false},
	} {
		if got := SameDecimal(c.a, c.b); got != c.same {
			t.Errorf("SameDecimal(%s, %s) = %v", c.a, c.b, got)
		}
	}
}

// Every double prints as a number that the gate lets pass or refuses as a big
// integer, never one that it takes for a loss; and the text reads back as it.
func TestEveryDoubleSurvives(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50000 {
		f := math.Float64frombits(rnd.Uint64())
		text, err := Number(f)
		if err != nil {
			continue // NaN, infinity
		}
		if kind := checkNumber(text); kind != nil && (!isInteger(text) || kind != ErrInteger) {
			t.Fatalf("%x: %s: %v", f, text, kind)
		}
		if got := fmt.Sprint(json.Number(text).Float64()); got != fmt.Sprint(f, nil) {
			t.Fatalf("%x: %s reads back as %s", f, text, got)
		}
	}
}

func FuzzTransform(f *testing.F) {
	for _, v := range vectors {
		f.Add([]byte(v.in))
	}
	for _, s := range []string{`{"a":[1,{"b":"\ud83d\ude00"}],"c":-1.5e-7}`, `[9007199254740993]`, `{"a":1,"a":2}`, "\"\xff\"", `[[[`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		out, err := Transform(data)
		if err != nil {
			if out != nil {
				t.Fatal("output together with an error")
			}
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q is not JSON, but passed", data)
		}
		if theirs, err := jcs.Transform(data); err != nil || !bytes.Equal(out, theirs) {
			t.Fatalf("%q: %q; jcs: %q, %v", data, out, theirs, err)
		}
		if !IsCanonical(out) {
			t.Fatalf("%q: %q is not canonical", data, out)
		}
	})
}

// Whatever our parser takes, the standard library takes and decodes alike; what
// it refuses, that one refuses, or the gate is meant to.
func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		f.Add([]byte(v.in))
	}
	f.Add([]byte(`["\u0000\ud800x",1e5,-0.0]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Parse(data)
		if err != nil {
			if errors.Is(err, ErrSyntax) && json.Valid(data) {
				t.Fatalf("%q: %v, but it is JSON", data, err)
			}
			return
		}
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		var theirs any
		if err := dec.Decode(&theirs); err != nil {
			t.Fatalf("%q passed: %v", data, err)
		}
		if ours, want := fmt.Sprintf("%#v", v.plain()), fmt.Sprintf("%#v", theirs); ours != want {
			t.Fatalf("%q:\nours   %s\ntheirs %s", data, ours, want)
		}
	})
}

// plain gives what encoding/json would, with numbers kept as written.
func (v *Value) plain() any {
	switch v.Kind {
	case BoolKind:
		return v.Text == "true"
	case NumberKind:
		return json.Number(v.Text)
	case StringKind:
		return v.Text
	case ArrayKind:
		items := make([]any, len(v.Items))
		for i := range v.Items {
			items[i] = v.Items[i].plain()
		}
		return items
	case ObjectKind:
		members := map[string]any{}
		for i := range v.Members {
			members[v.Members[i].Key] = v.Members[i].Value.plain()
		}
		return members
	}
	return nil
}

// TestDecode: encoding/json lets pass all of these.
func TestDecode(t *testing.T) {
	type inner struct {
		List []string `json:"list,omitempty"`
	}
	type document struct {
		V     int    `json:"v"`
		Name  string `json:"name,omitempty"`
		Inner *inner `json:"inner,omitempty"`
	}
	for text, want := range map[string]error{
		` { "name": "x", "v": 1 } `:      nil,
		`{"v":1,"inner":{"list":["a"]}}`: nil,
		`{"V":1}`:                        ErrMember,
		`{"v":1,"name":""}`:              ErrMember,
		`{"v":1,"inner":null}`:           ErrMember,
		`{"v":1,"inner":{"List":["a"]}}`: ErrMember,
		`{"v":1,"inner":{"list":[]}}`:    ErrMember,
		`{}`:                             ErrMember,
		`{"v":1,"v":1}`:                  ErrDuplicate,
		`{"v":1}{"v":1}`:                 ErrSyntax,
		`{"v":9007199254740993}`:         ErrInteger,
	} {
		if err := Decode([]byte(text), new(document)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	if err := Decode([]byte(`{"v":1,"more":1}`), new(document)); err == nil || !strings.Contains(err.Error(), "more") {
		t.Error(err)
	}
}
