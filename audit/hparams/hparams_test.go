package hparams

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit/canonical"
	"github.com/mmaudit/mmaudit/audit/redact"
)

func parse(t *testing.T, format Format, text string) *Document {
	t.Helper()
	d, err := Parse("p."+string(format), format, []byte(text))
	if err != nil {
		t.Fatalf("%s: %v\n%s", format, err, text)
	}
	return d
}

func form(t *testing.T, s *Set) string {
	t.Helper()
	b, err := s.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const wantForm = `{"params":[` +
	`{"k":"betas","t":"list","v":[{"t":"f64","v":"0.9"},{"t":"f64","v":"0.999"}]},` +
	`{"k":"model.depth","t":"i64","v":"50"},` +
	`{"k":"model.head","t":"map","v":[]},` +
	`{"k":"model.name","t":"str","v":"bev<é>"},` +
	`{"k":"optimizer.lr","t":"f64","v":"0.0001"},` +
	`{"k":"optimizer.momentum","t":"f64","v":"1"},` +
	`{"k":"optimizer.nesterov","t":"bool","v":true},` +
	`{"k":"seed","t":"i64","v":"9007199254740993"},` +
	`{"k":"stages","t":"list","v":[{"t":"map","v":[{"k":"a.b","t":"i64","v":"2"},{"k":"z","t":"i64","v":"1"}]}]}],"v":1}`

// One set of parameters, however it was written down, has one form. The digest
// was computed with printf and openssl dgst -sha3-512.
func TestOneFormForAllFormats(t *testing.T) {
	const wantHash = "44fd72a119f8e1d08041b21a2f5a17c9b1b9a48ada3b9e1363eab7261a13a9d9617d037e292a8f152c5bd05f56b271d47e213b4994711d357bd09b86a772a00d"
	docs := map[string]*Document{
		"yaml": parse(t, YAML, `
optimizer: {lr: 0.0001, momentum: 1.0, nesterov: true}
model:
  name: "bev<é>"
  depth: 50
  head: {}
betas: [0.9, 0.999]
seed: 9007199254740993
stages:
- {z: 1, a.b: 2}
`),
		"json": parse(t, JSON, `{"seed":9007199254740993,"optimizer":{"nesterov":true,"lr":1e-4,"momentum":1.0},
			"model":{"name":"bev<\u00e9>","depth":50,"head":{}},"betas":[0.9,9.99e-1],"stages":[{"z":1,"a.b":2}]}`),
		"toml": parse(t, TOML, `
betas = [0.9, 0.999]
seed = 9_007_199_254_740_993
optimizer.lr = 1e-4
optimizer.momentum = 1.0
optimizer.nesterov = true
[model]
name = "bev<é>"
depth = 50
head = {}
[[stages]]
z = 1
"a.b" = 2
`),
		"hook": parse(t, Hook, `{"auditlog_hook":1,"params":{"seed":9007199254740993,"optimizer":{"nesterov":true,"lr":0.0001,"momentum":1.0},
			"model":{"name":"bev<é>","depth":50,"head":{}},"betas":[0.9,0.999],"stages":[{"z":1,"a.b":2}]}}`),
	}
	kv, err := ParseArgs([]string{
		"optimizer.lr=0.0001", "optimizer.momentum=1.0", "optimizer.nesterov=true", "model.name=bev<é>", "model.depth=50",
		"model.head={}", "betas=[0.9, 0.999]", "seed=9007199254740993", `stages=[{"z":1,"a.b":2}]`,
	})
	if err != nil {
		t.Fatal(err)
	}
	docs["kv"] = kv
	for name, d := range docs {
		if got := form(t, d.Set); got != wantForm {
			t.Errorf("%s:\n got %s\nwant %s", name, got, wantForm)
		}
		if h, err := d.Set.Hash(); err != nil || h.String() != wantHash {
			t.Errorf("%s: hash %s, %v", name, h, err)
		}
		if len(d.Ambiguities) != 0 {
			t.Errorf("%s: %v", name, d.Ambiguities)
		}
	}
}

func TestTypesKeepValuesApart(t *testing.T) {
	seen := map[Hash]string{}
	for _, text := range []string{
		`{"a":1}`, `{"a":1.0}`, `{"a":"1"}`, `{"a":true}`, `{"a":"true"}`, `{"a":null}`, `{"a":"null"}`, `{"a":[1]}`, `{"a":[]}`, `{"a":{}}`,
		`{"a":{"b":1}}`, `{"a.b":1}`, `{"a\\.b":1}`, `{"a":{"":1}}`, `{"":{"a":1}}`, `{}`, `{"":{}}`, `{"":{"":{}}}`, `{"a":-0.0}`, `{"a":0.0}`, `{"a":0}`,
		`{"a":9007199254740992}`, `{"a":9007199254740993}`, `{"a":18446744073709551615}`, `{"a":18446744073709551616}`, `{"a":18446744073709551617}`,
		`{"a":"é"}`, `{"a":"e\u0301"}`, `{"A":1}`, `{"a":[[1]]}`, `{"a":[{"b":1}]}`, `{"a":[{"b":{"c":1}}]}`, `{"a":[{"b.c":1}]}`,
	} {
		h, err := parse(t, JSON, text).Set.Hash()
		if err != nil {
			t.Fatal(err)
		}
		if other, ok := seen[h]; ok {
			t.Errorf("%s and %s have one hash", text, other)
		}
		seen[h] = text
	}
}

func TestYAML(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"merge", "base: &b {lr: 1, wd: 2}\nrun: {<<: *b, lr: 3}", `base.lr=1 base.wd=2 run.lr=3 run.wd=2`},
		{"merge list, first wins", "a: &a {x: 1}\nb: &b {x: 2, y: 3}\nc:\n  <<: [*a, *b]", `a.x=1 b.x=2 b.y=3 c.x=1 c.y=3`},
		{"quoted merge key is a key", "a: {'<<': 1}", `a.<<=1`},
		{"tags", "a: !!str 1\nb: !!float 1\nc: !!binary AQI=\nd: !!int 0x10\ne: !!python/tuple [1]\nf: !!null ~", `a="1" b=1.0 c=base64:AQI= d=16 e=[1] f=null`},
		{"keys that are no strings", "1: a\n0x10: b\ntrue: c\n~: d\n0.5: e\n2.0: f", `0\.5="e" 1="a" 16="b" 2\.0="f" null="d" true="c"`},
		{"empty values", "a:\nb: ''\nc: |\n  text\n", `a=null b="" c="text\n"`},
		{"empty document", "# nothing\n", ``},
		{"empty document with start", "---\n", ``},
		{"date is text", "d: '2026-11-23'\nt: !!timestamp 2026-11-23", `d="2026-11-23" t="2026-11-23"`},
		{"alias as key", "a: &k x\n*k : 1", `a="x" x=1`},
	} {
		d, err := Parse("p.yaml", YAML, []byte(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, p := range d.Set.Params() {
			got = append(got, p.Key+"="+p.Value.String())
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, strings.Join(got, " "), c.want)
		}
	}
}

func TestAmbiguousKey(t *testing.T) {
	d := parse(t, YAML, "a: 1\non: {x: 2}\n")
	if len(d.Ambiguities) != 1 || d.Ambiguities[0].In != "key" || d.Ambiguities[0].Key != "on" || d.Ambiguities[0].Line != 2 {
		t.Fatalf("%+v", d.Ambiguities)
	}
	const want = `line 2: the key of on: "on" is recorded as str "on", but YAML 1.1 (PyYAML) reads bool true`
	if got := d.Ambiguities[0].String(); got != want {
		t.Errorf("got %s", got)
	}
	d = parse(t, JSON, `{"e\u0301": 1}`)
	if len(d.Ambiguities) != 1 || d.Ambiguities[0].Other != `"\u00e9"` {
		t.Errorf("a key that is not NFC: %+v", d.Ambiguities)
	}
}

func TestRefused(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'j'; c++ {
		p := string(c - 1)
		bomb += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+p+",", 10) + "]\n"
	}
	for _, c := range []struct {
		format Format
		in     string
		want   error
		line   int
	}{
		{YAML, "a: 1\nb: 2\na: 3", ErrDuplicate, 3},
		{YAML, "a: {x: 1, 'x': 2}", ErrDuplicate, 1},
		{YAML, "1: a\n'1': b", ErrDuplicate, 2},
		{YAML, "a: {<<: {x: 1}, <<: {y: 1}}", ErrDuplicate, 1},
		{YAML, "- 1", ErrNotMap, 0},
		{YAML, "text", ErrNotMap, 0},
		{YAML, "a: 1\n---\nb: 2", ErrValue, 2},
		{YAML, "a:\n  b: 1e400", ErrValue, 2},
		{YAML, "a: !!python/object:os.system x", ErrValue, 1},
		{YAML, "a: !!int x", ErrValue, 1},
		{YAML, "a: !!set {x}", ErrValue, 1},
		{YAML, "[a]: 1", ErrValue, 1},
		{YAML, "a: &a [*a]", ErrTooBig, 1},
		{YAML, bomb, ErrTooBig, 0},
		{YAML, "a: " + strings.Repeat("[", 30) + strings.Repeat("]", 30), ErrTooBig, 1},
		{YAML, "a: {<<: 1}", ErrValue, 1},
		{JSON, "{\"a\":1,\n\"a\":2}", ErrDuplicate, 2},
		{JSON, `[1]`, ErrNotMap, 0},
		{JSON, "{\n\"a\":NaN}", ErrValue, 2},
		{JSON, `{"a":1e400}`, ErrValue, 1},
		{JSON, "{\"a\":\n1e-400}", ErrValue, 2},
		{JSON, `{"a":"\ud800"}`, canonical.ErrUTF8, 1},
		{JSON, `{"a":1} x`, canonical.ErrSyntax, 1},
		{JSON, `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, ErrTooBig, 1},
		{JSON, `{"a":` + strings.Repeat("9", maxDigits+1) + `}`, ErrTooBig, 1},
		{Hook, `{"a":1}`, ErrValue, 0},
		{Hook, `{"auditlog_hook":2,"params":{}}`, ErrValue, 0},
		{Hook, `{"auditlog_hook":1,"params":{"a":{"$float":"1"}}}`, ErrValue, 1},
		{Hook, `{"auditlog_hook":1,"params":{"a":{"$other":"1"}}}`, ErrValue, 1},
		{TOML, "a = 1\na = 2", ErrDuplicate, 2},
		{TOML, "[a]\nx = 1\n[a]\ny = 2", ErrDuplicate, 3},
		{TOML, "a = 1e-400", ErrValue, 1},
		{TOML, "[x]\na = [1.0, 1e400]", ErrValue, 2},
		{TOML, "a = 9223372036854775808", nil, 1},
		{TOML, "a = ", nil, 1},
		{TOML, "a = " + strings.Repeat("[", 100) + strings.Repeat("]", 100), ErrTooBig, 0},
		{TOML, strings.Repeat("[", 1<<20), nil, 0},
		{YAML, strings.Repeat("[", 1<<20), nil, 0},
		{YAML, strings.Repeat("x", MaxFile+1), ErrTooBig, 0},
		{"ini", "", nil, 0},
	} {
		d, err := Parse("file", c.format, []byte(c.in))
		var e *Error
		switch {
		case err == nil:
			t.Errorf("%s %q was read: %s", c.format, abbreviate(c.in), form(t, d.Set))
		case !errors.As(err, &e) || c.want != nil && !errors.Is(err, c.want):
			t.Errorf("%s %q: %v; want %v", c.format, abbreviate(c.in), err, c.want)
		case c.line > 0 && e.Line != c.line:
			t.Errorf("%s %q: line %d, want %d: %v", c.format, abbreviate(c.in), e.Line, c.line, err)
		case !strings.HasPrefix(err.Error(), "file:"):
			t.Errorf("%s %q: %v does not name the file", c.format, abbreviate(c.in), err)
		}
	}
}

func TestHookTags(t *testing.T) {
	d := parse(t, Hook, `{"auditlog_hook":1,"params":{"a":{"$float":"nan"},"b":[{"$float":"-inf"}],"c":{"$bytes":"AQI="},"d":{"$map":{"$float":1}},"e":{"$x":1,"y":2}}}`)
	const want = `{"params":[{"k":"a","t":"f64","v":"nan"},{"k":"b","t":"list","v":[{"t":"f64","v":"-inf"}]},{"k":"c","t":"bytes","v":"AQI="},` +
		`{"k":"d.$float","t":"i64","v":"1"},{"k":"e.$x","t":"i64","v":"1"},{"k":"e.y","t":"i64","v":"2"}],"v":1}`
	if got := form(t, d.Set); got != want {
		t.Errorf("got %s", got)
	}
	// In a plain JSON file they are maps like any other.
	if got := form(t, parse(t, JSON, `{"a":{"$float":"nan"}}`).Set); !strings.Contains(got, `"k":"a.$float","t":"str"`) {
		t.Errorf("got %s", got)
	}
}

func TestTOMLValues(t *testing.T) {
	d := parse(t, TOML, "a = nan\nb = -inf\nc = 0x1F\nd = 1979-05-27T07:32:00Z\ne = 1979-05-27\nf = 07:32:00\ng = 1979-05-27 07:32:00.5\nh = 1_000.5\ni = -0.0\n")
	var got []string
	for _, p := range d.Set.Params() {
		got = append(got, p.Key+"="+typed(p.Value))
	}
	const want = `a=f64 nan b=f64 -inf c=i64 31 d=str "1979-05-27T07:32:00Z" e=str "1979-05-27" f=str "07:32:00" g=str "1979-05-27T07:32:00.5" h=f64 1000.5 i=f64 -0.0`
	if strings.Join(got, " ") != want {
		t.Errorf("got %s", strings.Join(got, " "))
	}
}

func TestArgs(t *testing.T) {
	d, err := ParseArgs([]string{"lr=1e-4", "name=on", "path=/a=b", `q="1"`, "empty=", `a\.b=1`, "n=017", "big=18446744073709551616", "t=True"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range d.Set.Params() {
		got = append(got, p.Key+"="+typed(p.Value))
	}
	const want = `a\.b=i64 1 big=bigint 18446744073709551616 empty=str "" lr=f64 0.0001 n=str "017" name=str "on" path=str "/a=b" q=str "1" t=str "True"`
	if strings.Join(got, " ") != want {
		t.Errorf("got %s", strings.Join(got, " "))
	}
	var flagged []string
	for _, a := range d.Ambiguities {
		flagged = append(flagged, a.Key)
	}
	if strings.Join(flagged, " ") != "lr name empty n t" {
		t.Errorf("flagged: %v", d.Ambiguities)
	}
	for _, args := range [][]string{{"a"}, {"=1"}, {"a=1", "a=2"}, {"a=1", "a.b=2"}, {`a\b=1`}, {`a={"x":1,"x":2}`}, {"a=\xff"}, {"a=1e400"}} {
		if d, err := ParseArgs(args); err == nil {
			t.Errorf("%q were read: %s", args, form(t, d.Set))
		}
	}
}

func TestKeys(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	seen := map[string]string{}
	for range 20000 {
		path := make([]string, 1+rnd.IntN(4))
		for i := range path {
			for range rnd.IntN(4) {
				path[i] += string(`.\ab`[rnd.IntN(4)])
			}
		}
		key := JoinKey(path)
		back, err := SplitKey(key)
		if err != nil || !slices.Equal(back, path) {
			t.Fatalf("%q: %q: %q, %v", path, key, back, err)
		}
		id := strings.Join(path, "\x00")
		if other, ok := seen[key]; ok && other != id {
			t.Fatalf("%q and %q have one key", other, id)
		}
		seen[key] = id
	}
	for _, key := range []string{`a\`, `a\b`, `\`} {
		if path, err := SplitKey(key); err == nil {
			t.Errorf("%q was split into %q", key, path)
		}
	}
}

func TestMerge(t *testing.T) {
	base := parse(t, YAML, "lr: 0.1\nmodel: {depth: 50, head: {}}\nsame: 1")
	over, err := ParseArgs([]string{"lr=0.2", "model.head.dim=8", "same=1", "new=x"})
	if err != nil {
		t.Fatal(err)
	}
	s, overrides, err := Merge(base, over)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range s.Params() {
		got = append(got, p.Key+"="+p.Value.String())
	}
	if strings.Join(got, " ") != `lr=0.2 model.depth=50 model.head.dim=8 new="x" same=1` {
		t.Errorf("got %v", got)
	}
	if len(overrides) != 1 || overrides[0].Key != "lr" || overrides[0].Old.String() != "0.1" || overrides[0].From != "p.yaml" || overrides[0].By != "parameter" {
		t.Errorf("overrides: %+v", overrides)
	}
	bad, _ := ParseArgs([]string{"model=x"})
	if _, _, err := Merge(base, bad); !errors.Is(err, ErrConflict) {
		t.Errorf("a value over a group: %v", err)
	}
}

func TestDiff(t *testing.T) {
	a := parse(t, JSON, `{"gone":1,"same":[1,{"x":2}],"type":1,"value":"a"}`).Set
	b := parse(t, JSON, `{"added":null,"same":[1,{"x":2}],"type":1.0,"value":"b"}`).Set
	var got []string
	for _, c := range Diff(a, b) {
		got = append(got, c.String())
	}
	want := []string{"+ added = null", "- gone = 1", "~ type = 1 (i64) -> 1.0 (f64)", `~ value = "a" -> "b"`}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %q\nwant %q", got, want)
	}
	if d := Diff(a, a); d != nil {
		t.Errorf("a set differs from itself: %v", d)
	}
}

func TestRedact(t *testing.T) {
	r, err := redact.New([]byte("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	token := "hf" + "_" + strings.Repeat("aB3dE", 7)
	s := parse(t, JSON, `{"logger":{"api_key":"k1","use_cls_token":true},"pin_password":1234,"hub":["x","`+token+`"],"db":[{"dsn":"postgres://u:pw@h/d"}],"lr":0.1}`).Set
	out, keys := s.Redact(r)
	if want := []string{"db", "hub", "logger.api_key", "pin_password"}; !slices.Equal(keys, want) {
		t.Errorf("redacted %q, want %q", keys, want)
	}
	text := form(t, out)
	for _, secret := range []string{"k1", "1234\"", token, "u:pw"} {
		if strings.Contains(text, `"`+secret) {
			t.Errorf("%s is still in %s", secret, text)
		}
	}
	if before := form(t, s); !strings.Contains(before, token) {
		t.Error("the set itself was changed")
	}
	again, keys := out.Redact(r)
	if len(Diff(out, again)) != 0 || len(keys) != 0 {
		t.Errorf("redacting twice changes %v", keys)
	}
}

// randomValue makes values of every type.
func randomValue(rnd *rand.Rand, depth int) Value {
	n := 7
	if depth < 3 {
		n = 9
	}
	switch rnd.IntN(n) {
	case 0:
		return Value{Type: Null}
	case 1:
		return OfBool(rnd.IntN(2) == 0)
	case 2:
		i := new(big.Int).SetUint64(rnd.Uint64())
		i.Lsh(i, uint(rnd.IntN(80)))
		if rnd.IntN(2) == 0 {
			i.Neg(i)
		}
		return OfInt(i.Rsh(i, uint(rnd.IntN(64))))
	case 3:
		return OfFloat(math.Float64frombits(rnd.Uint64()))
	case 4:
		return OfFloat(float64(rnd.IntN(100)) / 8)
	case 5:
		return OfString(randomText(rnd))
	case 6:
		return OfBytes([]byte(randomText(rnd)))
	case 7:
		v := Value{Type: List}
		for range rnd.IntN(4) {
			v.List = append(v.List, randomValue(rnd, depth+1))
		}
		return v
	default:
		v := Value{Type: Map}
		names := map[string]bool{}
		for range rnd.IntN(4) {
			names[randomText(rnd)] = true
		}
		for name := range names {
			v.Map = append(v.Map, Param{Key: name, Value: randomValue(rnd, depth+1)})
		}
		sortMaps(v)
		return v
	}
}

func randomText(rnd *rand.Rand) string {
	var b strings.Builder
	for range rnd.IntN(6) {
		b.WriteRune([]rune{'a', 'b', '.', '\\', '"', '\n', 'é', '😀', '<', 0, 0x7f, '\ufb33'}[rnd.IntN(12)])
	}
	return b.String()
}

func randomSet(t *testing.T, rnd *rand.Rand) *Set {
	var params []Param
	seen := map[string]bool{}
	for range rnd.IntN(12) {
		key := JoinKey([]string{randomText(rnd) + "x"})
		if !seen[key] {
			seen[key] = true
			params = append(params, Param{Key: key, Value: randomValue(rnd, 0)})
		}
	}
	s, err := NewSet(params)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Marshalling and reading back is the identity, and equal sets and only those
// have equal forms.
func TestFormIsInjective(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	seen := map[string]*Set{}
	for range 2000 {
		s := randomSet(t, rnd)
		text := form(t, s)
		var back Set
		if err := json.Unmarshal([]byte(text), &back); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if d := Diff(s, &back); len(d) != 0 || form(t, &back) != text {
			t.Fatalf("%s: %v", text, d)
		}
		if other, ok := seen[text]; ok && len(Diff(s, other)) != 0 {
			t.Fatalf("two sets have the form %s", text)
		}
		seen[text] = s
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	for _, text := range []string{
		`{}`, `{"v":2,"params":[]}`, `{"v":1,"params":{}}`, `{"v":1,"params":[],"x":1}`, `{"v":1,"params":[{}]}`,
		`{"v":1,"params":[{"k":"a","t":"i64","v":1}]}`,
		`{"v":1,"params":[{"k":"a","t":"i64","v":"01"}]}`,
		`{"v":1,"params":[{"k":"a","t":"i64","v":"+1"}]}`,
		`{"v":1,"params":[{"k":"a","t":"u64","v":"1"}]}`,
		`{"v":1,"params":[{"k":"a","t":"bigint","v":"1"}]}`,
		`{"v":1,"params":[{"k":"a","t":"f64","v":"1.0"}]}`,
		`{"v":1,"params":[{"k":"a","t":"f64","v":"NaN"}]}`,
		`{"v":1,"params":[{"k":"a","t":"f64","v":"0x1p1"}]}`,
		`{"v":1,"params":[{"k":"a","t":"bool","v":"true"}]}`,
		`{"v":1,"params":[{"k":"a","t":"null","v":""}]}`,
		`{"v":1,"params":[{"k":"a","t":"bytes","v":"AQJ="}]}`,
		`{"v":1,"params":[{"k":"a","t":"what","v":""}]}`,
		`{"v":1,"params":[{"k":"a","t":"str","v":"x","z":1}]}`,
		`{"v":1,"params":[{"k":"a\\b","t":"str","v":"x"}]}`,
		`{"v":1,"params":[{"k":"a","t":"str","v":"x"},{"k":"a","t":"str","v":"y"}]}`,
		`{"v":1,"params":[{"k":"a","t":"str","v":"x"},{"k":"a.b","t":"str","v":"y"}]}`,
		`{"v":1,"params":[{"k":"a","t":"map","v":[{"k":"b","t":"null","v":null},{"k":"a","t":"null","v":null}]}]}`,
		`{"v":1,"params":[{"k":"a","t":"list","v":[{"k":"b","t":"null","v":null}]}]}`,
	} {
		var s Set
		if err := s.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s was read", text)
		}
	}
}
