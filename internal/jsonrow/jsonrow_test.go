package jsonrow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// read gives what a table holds, one line for each record, flaw and error.
func read(r io.Reader) string {
	var out []string
	d := NewReader(r)
	for {
		rec, err := d.Next()
		if err == io.EOF {
			break
		}
		var e *Error
		if errors.As(err, &e) {
			stop := ""
			if e.Stop {
				stop = " stop"
			}
			out = append(out, fmt.Sprintf("%d%s: %s", e.Offset, stop, e.Msg))
			continue
		}
		if err != nil {
			out = append(out, err.Error())
			break
		}
		var fs []string
		for _, f := range rec.Fields {
			fs = append(fs, fmt.Sprintf("%s=%s", f.Name, f.Raw))
		}
		line := fmt.Sprintf("%d {%s}", rec.Offset, strings.Join(fs, " "))
		for _, f := range rec.Flaws {
			line += fmt.Sprintf(" flaw %d at %d in %q: %s", f.Kind, f.Offset, f.Field, f.Text)
		}
		out = append(out, line)
	}
	if d.BOM {
		out = append(out, "BOM")
	}
	if d.CR >= 0 {
		out = append(out, fmt.Sprintf("CR at %d", d.CR))
	}
	return strings.Join(out, "\n")
}

func TestReader(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	for _, c := range []struct{ name, in, want string }{
		{"empty array", "[]", ""},
		{"white space", " [ \n ] \t", ""},
		{"records", `[{"a": 1, "b": "x"}, {"a": -2.50e+3}]`, "1 {a=1 b=\"x\"}\n21 {a=-2.50e+3}"},
		{"nested", `[{"a": [1, [2]], "b": {"c": {}}, "d": [], "e": null, "f": true, "g": false}]`, `1 {a=[1, [2]] b={"c": {}} d=[] e=null f=true g=false}`},
		{"escaped name", `[{"\u0061\n": 1}]`, "1 {a\n=1}"},
		{"no fields", `[{}, { }]`, "1 {}\n5 {}"},
		{"byte order mark", "\xef\xbb\xbf[{\"a\": 1}]", "4 {a=1}\nBOM"},
		{"carriage returns", "[\r\n{\"a\": 1},\r\n{}]\r\n", "3 {a=1}\n14 {}\nCR at 1"},
		{"carriage return in a record", "[{\"a\":\r\n1}]", "1 {a=1}\nCR at 6"},
		{
			"not finite", `[{"a": NaN, "b": -Infinity, "c": [Infinity], "d": 1e400}]`,
			"1 {a=NaN b=-Infinity c=[Infinity] d=1e400} flaw 2 at 7 in \"a\": NaN flaw 2 at 17 in \"b\": -Infinity flaw 2 at 34 in \"c\": Infinity flaw 2 at 50 in \"d\": 1e400",
		},
		{"tiny numbers are finite", `[{"a": 0.888E-4007255309}]`, "1 {a=0.888E-4007255309}"},
		{"key twice", `[{"a": 1, "b": 2, "a": 3}]`, `1 {a=3 b=2} flaw 1 at 23 in "a": a`},
		{"key twice, escaped", `[{"a": 1, "\u0061": 3}]`, `1 {a=3} flaw 1 at 20 in "a": a`},
		{"key twice, nested", `[{"a": [{"x": 1, "x": 2}, {"x": 1}]}]`, `1 {a=[{"x": 1, "x": 2}, {"x": 1}]} flaw 1 at 22 in "a": x`},
		{"not UTF-8", "[{\"a\": \"M\xfcn\"}]", "1 {a=\"M\xfcn\"} flaw 3 at 7 in \"a\": "},
		{"UTF-8", `[{"a": "Mün"}]`, `1 {a="Mün"}`},

		{"nothing", "", "0 stop: no JSON value; 0 rows were read"},
		{"blank", " \n", "2 stop: no JSON value; 0 rows were read"},
		{"text", "hello", `0 stop: expected [, found "h"`},
		{"object", `{"a": 1}`, "0 stop: the top level is an object, not an array of objects"},
		{"number", `17`, "0 stop: the top level is a number, not an array of objects"},
		{
			"elements", `[1, {"a": 1}, "x", [2], null, {}]`,
			"1: element 1 is a number, not an object\n4 {a=1}\n14: element 3 is a string, not an object\n19: element 4 is an array, not an object\n24: element 5 is null, not an object\n30 {}",
		},

		{"truncated behind [", "[", "1 stop: the closing ] is missing; 0 rows were read"},
		{"truncated in a record", `[{"a": 1}, {"b": 2`, "1 {a=1}\n18 stop: the file ends inside row 2; 1 rows were read"},
		{"truncated in a string", `[{"a": 1}, {"b": "x`, "1 {a=1}\n19 stop: the file ends inside row 2; 1 rows were read"},
		{"truncated behind a record", `[{"a": 1}`, "1 {a=1}\n9 stop: the closing ] is missing; 1 rows were read"},
		{"truncated behind a comma", `[{"a": 1},`, "1 {a=1}\n10 stop: the file ends behind a comma; 1 rows were read"},
		{"bytes behind ]", "[{}] x", "1 {}\n5 stop: \"x\" behind the closing ]"},
		{"second array", "[{}][{}]", "1 {}\n4 stop: \"[\" behind the closing ]"},
		{"comma before ]", `[{}, ]`, "1 {}\n5 stop: a comma before the closing ]"},
		{"no comma", `[{} {}]`, "1 {}\n4 stop: expected , or ] behind row 1, found \"{\""},

		// Inside a record, brackets and quotes tell where to go on.
		{"bad number", `[{"a": 01}, {"b": 2}]`, "8: a number with a leading zero\n12 {b=2}"},
		{"bad literal", `[{"a": True}, {"b": 2}]`, "7: expected a value, found \"T\"\n14 {b=2}"},
		{"comma before }", `[{"a": 1,}, {"b": 2}]`, "9: a comma before the closing }\n12 {b=2}"},
		{"comma before ] in a record", `[{"a": [1,]}, {"b": 2}]`, "10: a comma before the closing ]\n14 {b=2}"},
		{"missing colon", `[{"a" 1}, {"b": 2}]`, "6: expected : behind the name \"a\", found \"1\"\n10 {b=2}"},
		{"missing comma in a record", `[{"a": 1 "b": 2}, {"b": 2}]`, "9: expected , or } behind the value of \"a\", found \"\\\"\"\n18 {b=2}"},
		{"single quotes", `[{'a': 1}, {"b": 2}]`, "2: expected a name in double quotes, found \"'\"\n11 {b=2}"},
		{"bad escape", `[{"a": "\x"}, {"b": 2}]`, "9: unknown escape \\\"x\" in a string\n14 {b=2}"},
		{"bad \\u", `[{"a": "\u12g4"}, {"b": 2}]`, "12: \\u needs four hexadecimal digits\n18 {b=2}"},
		{"too deep", `[{"a": ` + deep + `}, {"b": 2}]`, fmt.Sprintf("%d: nested deeper than %d levels\n%d {b=2}", 7+MaxDepth-1, MaxDepth, 7+2*MaxDepth+3)},
		{"missing quote", "[{\"a\": \"x},\n{\"b\": 2}]", "11 stop: byte 0x0a in a string (is a quote missing?)"},
		{"missing quote, balanced by chance", "[{\"a\": \"x},\n{\"}, {\"b\": 2}]", "11 stop: byte 0x0a in a string (is a quote missing?)"},
		{"missing quote on one line", `[{"a": "x}, {"b": 2}]`, "14 stop: expected , or } behind the value of \"a\", found \"b\""},
		{"missing }", `[{"a": 1, {"b": 2}]`, "10 stop: expected a name in double quotes, found \"{\""},
		{"crossed brackets", `[{"a": [1}, {"b": 2}]`, "9 stop: expected , or ] in an array, found \"}\""},
		{"bad element", `[x, {"b": 2}]`, "1 stop: expected a value, found \"x\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := read(strings.NewReader(c.in)); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := read(iotest.OneByteReader(strings.NewReader(c.in))); got != c.want {
				t.Errorf("byte by byte: got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// TestReaderChunks moves records over the edges of the buffer.
func TestReaderChunks(t *testing.T) {
	var b bytes.Buffer
	b.WriteByte('[')
	want := []int{}
	for i := range 3000 {
		if i > 0 {
			b.WriteString(",\r\n ")
		}
		want = append(want, b.Len())
		fmt.Fprintf(&b, `{"token": "%d", "text": "%s", "list": [1, 2.5, -3e7]}`, i, strings.Repeat("äx", i%700))
	}
	b.WriteString("]")
	d := NewReader(iotest.HalfReader(&b))
	for i := range want {
		rec, err := d.Next()
		if err != nil {
			t.Fatal(i, err)
		}
		if rec.Offset != int64(want[i]) || string(rec.Field("token").Raw) != fmt.Sprintf("%q", fmt.Sprint(i)) || len(rec.Fields) != 3 || rec.Flaws != nil {
			t.Fatalf("record %d: %d, %s", i, rec.Offset, rec.Raw)
		}
		if f := rec.Field("list"); string(f.Raw) != "[1, 2.5, -3e7]" || string(rec.Raw[f.Offset-rec.Offset:][:len(f.Raw)]) != string(f.Raw) {
			t.Fatalf("record %d: list at %d: %s", i, f.Offset, f.Raw)
		}
	}
	if _, err := d.Next(); err != io.EOF {
		t.Fatal(err)
	}
	if d.Rows() != len(want) {
		t.Errorf("%d rows", d.Rows())
	}
}

// TestReaderHuge reads past a record that is larger than the limit.
func TestReaderHuge(t *testing.T) {
	huge := io.MultiReader(
		strings.NewReader(`[{"a": 1}, {"b": "`), io.LimitReader(endless{}, MaxRecord+1<<20), strings.NewReader(`", "c": "}]"}, {"d": 4}]`),
	)
	d := NewReader(huge)
	var got []string
	for {
		rec, err := d.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		got = append(got, rec.Fields[0].Name)
	}
	if want := []string{"a", "byte 11: row 2 is larger than 64 MiB", "d"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if len(d.buf) > 4*MaxRecord {
		t.Errorf("the buffer grew to %d", len(d.buf))
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestReaderFails(t *testing.T) {
	boom := errors.New("disk on fire")
	d := NewReader(io.MultiReader(strings.NewReader(`[{"a": 1}, {"b"`), iotest.ErrReader(boom)))
	if _, err := d.Next(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := d.Next(); !errors.Is(err, boom) {
			t.Errorf("got %v", err)
		}
	}
}

// TestManyKeys must not take quadratic time.
func TestManyKeys(t *testing.T) {
	var b strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&b, `"k%d": {"x": 1}, `, i)
	}
	inner := strings.ReplaceAll(b.String(), `{"x": 1}`, "1")
	in := "[{" + b.String() + `"o": {` + inner + `"k7": 2}, "k9": 3}]`
	rec, err := NewReader(strings.NewReader(in)).Next()
	if err != nil {
		t.Fatal(err)
	}
	if len(rec.Fields) != 50_001 || len(rec.Flaws) != 2 || rec.Flaws[0].Text != "k7" || rec.Flaws[1].Text != "k9" {
		t.Errorf("%d fields, flaws %v", len(rec.Fields), rec.Flaws)
	}
	for i := range 20_000 {
		fmt.Fprintf(&b, `"l%d": 0, `, i)
	}
	for _, in := range []string{"[{" + b.String() + `"o": 1}, {}]`, `[{"o": {` + b.String() + `"o": 1}}, {}]`} {
		d := NewReader(strings.NewReader(in))
		if _, err := d.Next(); err == nil || !strings.Contains(err.Error(), "more than 65536 members") {
			t.Errorf("got %v", err)
		}
		if rec, err := d.Next(); err != nil || len(rec.Fields) != 0 {
			t.Errorf("then %v, %v", rec, err)
		}
	}
}

func TestScaled(t *testing.T) {
	for _, c := range []struct {
		raw    string
		digits int
		want   int64
		exact  bool
	}{
		{"0", 3, 0, true},
		{"-0", 3, 0, true},
		{"0.0", 3, 0, true},
		{"1556675185903083.2", 3, 1556675185903083200, true},
		{"1556675185903083.25", 3, 1556675185903083250, true},
		{"1556675185903083.2499", 3, 1556675185903083250, false},
		{"1.5566751859030832e15", 3, 1556675185903083200, true},
		{"1532402927647951", 3, 1532402927647951000, true},
		{"-1.5", 0, -2, false},
		{"1.5", 0, 2, false},
		{"1.4", 0, 1, false},
		{"0.05", 0, 0, false},
		{"1600.0", 0, 1600, true},
		{"16e2", 0, 1600, true},
		{"160000e-2", 0, 1600, true},
		{"9223372036854775807", 0, math.MaxInt64, true},
		{"9223372036854775808", 0, math.MaxInt64, false},
		{"-9223372036854775808", 0, math.MinInt64, false}, // saturates one early: no table holds it
		{"1532402927647951000", 3, math.MaxInt64, false},
		{"-1e30", 0, math.MinInt64, false},
		{"1e999999999999", 0, math.MaxInt64, false},
		{"1e-999999999999", 0, 0, false},
		{"0e999999999999", 0, 0, true},
		{"5e-1", 0, 1, false},
		{"0.00000000000000000000000000000000001e35", 0, 1, true},
		{"10000000000000000000000000000000000e-34", 0, 1, true},
	} {
		if n, exact := Scaled([]byte(c.raw), c.digits); n != c.want || exact != c.exact {
			t.Errorf("Scaled(%s, %d) = %d, %v; want %d, %v", c.raw, c.digits, n, exact, c.want, c.exact)
		}
	}
}

func TestText(t *testing.T) {
	for raw, want := range map[string]string{
		`"abc"`: "abc", `""`: "", `"a\"\\\/\b\f\n\r\t"`: "a\"\\/\b\f\n\r\t", `"\u00fc\ud83d\ude00"`: "ü😀", `"\ud83dx"`: "\ufffdx", `"\ud83d\u0041"`: "\ufffdA", `"\ud83d"`: "\ufffd",
	} {
		if got := string(Text([]byte(raw))); got != want {
			t.Errorf("Text(%s) = %q", raw, got)
		}
	}
}

// FuzzReader holds the reader against encoding/json: what both accept is the
// same, and what only one accepts is a known difference.
func FuzzReader(f *testing.F) {
	for _, s := range []string{
		"[]", `[{"a": 1, "b": [1.5e3, "\u00e4\n", {"c": null}]}, {"a": true}]`, `[{"a": NaN}]`, `[{"a": 1}`, `[{"a": 01}, {}]`,
		"\xef\xbb\xbf[{}]", "[\r\n{}]", `{"a": 1}`, `[1, {}]`, "[{\"a\": \"\xff\"}]", `[{"a": 1, "a": 2}]`, `[{"a": "` + strings.Repeat("x", 40) + `\ud800"}] x`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		d := NewReader(bytes.NewReader(in))
		var rows []map[string]any
		clean, utf8 := true, true
		for {
			rec, err := d.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				clean = false
				var e *Error
				if !errors.As(err, &e) || e.Offset < 0 || e.Offset > int64(len(in)) {
					t.Fatalf("error %v", err)
				}
				continue
			}
			row := map[string]any{}
			for _, fl := range rec.Flaws {
				clean = clean && fl.Kind != NotFinite
				utf8 = utf8 && fl.Kind != InvalidUTF8
			}
			for _, fd := range rec.Fields {
				if got := in[fd.Offset : fd.Offset+int64(len(fd.Raw))]; !bytes.Equal(got, fd.Raw) {
					t.Fatalf("field %q is at %d: %q, %q", fd.Name, fd.Offset, got, fd.Raw)
				}
				if json.Valid(fd.Raw) {
					var v any
					if err := json.Unmarshal(fd.Raw, &v); err != nil {
						t.Fatal(err)
					}
					row[fd.Name] = v
				}
				switch fd.Kind {
				case String:
					Text(fd.Raw)
				case Number:
					Scaled(fd.Raw, 3)
					Float(fd.Raw)
				case Array:
					Elements(fd.Raw, func(Kind, []byte) bool { return true })
				case Object:
					Members(fd.Raw, func(string, Kind, []byte) bool { return true })
				}
			}
			rows = append(rows, row)
		}
		if d.BOM {
			in = in[3:]
		}
		var want []map[string]any
		dec := json.Unmarshal(in, &want)
		if slices.ContainsFunc(want, func(m map[string]any) bool { return m == nil }) || bytes.Equal(bytes.TrimSpace(in), []byte("null")) {
			dec = errors.New("null for an object or the array")
		}
		if clean != (dec == nil) && !strings.Contains(fmt.Sprint(dec), "exceeded max depth") && bytes.Count(in, []byte("[")) < MaxDepth/2 {
			var te *json.UnmarshalTypeError
			if errors.As(dec, &te) && strings.HasPrefix(te.Value, "number ") && !clean {
				return
			}
			t.Fatalf("clean is %v, but encoding/json says %v", clean, dec)
		}
		if clean && utf8 && dec == nil {
			a, _ := json.Marshal(rows)
			b, _ := json.Marshal(want)
			if !bytes.Equal(a, b) && len(rows)+len(want) > 0 {
				t.Fatalf("read %s\nwant %s", a, b)
			}
		}
	})
}

// FuzzScaled holds Scaled against exact rational arithmetic.
func FuzzScaled(f *testing.F) {
	f.Add("1556675185903083.2", 3)
	f.Add("-0.0005", 3)
	f.Add("12e-1", 0)
	f.Fuzz(func(t *testing.T, raw string, digits int) {
		if digits < 0 || digits > 9 || len(raw) > 60 || !json.Valid([]byte(raw)) || raw != strings.TrimSpace(raw) || len(raw) == 0 || raw[0] != '-' && raw[0]-'0' > 9 {
			return
		}
		if i := strings.IndexAny(raw, "eE"); i >= 0 && len(raw)-i > 5 {
			return
		}
		want, ok := new(big.Rat).SetString(raw)
		if !ok {
			return
		}
		want.Mul(want, new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits)), nil)))
		n, exact := Scaled([]byte(raw), digits)
		got := new(big.Rat).SetInt64(n)
		if exact != (got.Cmp(want) == 0) && n != math.MinInt64 {
			t.Fatalf("Scaled(%s, %d) = %d, %v; exactly %s", raw, digits, n, exact, want)
		}
		diff := got.Sub(got, want)
		if n != math.MaxInt64 && n != math.MinInt64 && diff.Abs(diff).Cmp(big.NewRat(1, 1)) >= 0 {
			t.Fatalf("Scaled(%s, %d) = %d is off by %s", raw, digits, n, diff)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	var table bytes.Buffer
	table.WriteString("[\n")
	for i := range 20000 {
		if i > 0 {
			table.WriteString(",\n")
		}
		fmt.Fprintf(&table, "{\n\"token\": \"%032x\",\n\"sample_token\": \"%032x\",\n\"ego_pose_token\": \"%032x\",\n\"calibrated_sensor_token\": \"%032x\",\n\"timestamp\": %d,\n\"fileformat\": \"jpg\",\n\"is_key_frame\": false,\n\"height\": 900,\n\"width\": 1600,\n\"filename\": \"sweeps/CAM_FRONT/n015-2018-07-24-11-22-45+0800__CAM_FRONT__%d.jpg\",\n\"prev\": \"%032x\",\n\"next\": \"%032x\"\n}",
			i, i/12, i, i%120, 1532402927647951+int64(i), 1532402927647951+int64(i), i-1+1<<20, i+1)
	}
	table.WriteString("\n]")
	b.SetBytes(int64(table.Len()))
	for b.Loop() {
		d := NewReader(bytes.NewReader(table.Bytes()))
		for {
			if _, err := d.Next(); err != nil {
				if err != io.EOF {
					b.Fatal(err)
				}
				break
			}
		}
	}
}
