package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// soundSARIF checks what the schema does not: the mistakes that users of other
// tools complained of.
func soundSARIF(t testing.TB, text []byte) {
	t.Helper()
	var doc struct {
		Runs []struct {
			Tool struct {
				Driver struct {
					Rules []struct{ ID, HelpURI string }
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Locations []struct {
					PhysicalLocation struct {
						ArtifactLocation struct{ URI, URIBaseID string }
						Region           *struct{ StartLine, StartColumn int }
					}
				}
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Runs) != 1 {
		t.Fatalf("%d runs", len(doc.Runs))
	}
	rules := doc.Runs[0].Tool.Driver.Rules
	for i, r := range doc.Runs[0].Results {
		if r.RuleIndex < 0 || r.RuleIndex >= len(rules) || rules[r.RuleIndex].ID != r.RuleID {
			t.Errorf("result %d: ruleIndex %d is not %s", i, r.RuleIndex, r.RuleID)
		}
		if len(r.Locations) != 1 {
			t.Errorf("result %d has %d locations", i, len(r.Locations))
			continue
		}
		loc := r.Locations[0].PhysicalLocation
		if loc.Region != nil && loc.Region.StartLine < 1 {
			t.Errorf("result %d has a region without line", i)
		}
		a := loc.ArtifactLocation
		if a.URI == "" || (a.URIBaseID == "%SRCROOT%") == strings.HasPrefix(a.URI, "file:///") {
			t.Errorf("result %d: uri %q with base %q", i, a.URI, a.URIBaseID)
		}
	}
}

func TestSARIFPaths(t *testing.T) {
	for _, c := range []struct{ dir, root, path, uri, base string }{
		{"", "data/nu", "a b/c.json", "data/nu/a%20b/c.json", "%SRCROOT%"},
		{"/home/u/repo", "data", "x", "data/x", "%SRCROOT%"},
		{"/home/u/repo", "/home/u/repo/data", "x", "data/x", "%SRCROOT%"},
		{"/home/u/repo", "/mnt/d", "x#y?z", "file:///mnt/d/x%23y%3Fz", ""},
		{"/home/u/repo", "../other", "x", "file:///home/u/other/x", ""},
		{"/home/u/repo", ".", "100%:é\xff", "100%25%3A%C3%A9%FF", "%SRCROOT%"},
		{"/home/u/repo", ".", "", "./", "%SRCROOT%"},
		{"", "data/nu", "", "data/nu/", "%SRCROOT%"},
	} {
		rep := &report.Report{Complete: true, Findings: []rule.Finding{{Rule: "LAY015", Severity: rule.Error, Message: "m", Dataset: c.root, Place: rule.Place{Path: c.path}}}}
		text := write(t, "sarif", rep, report.Options{Dir: c.dir})
		soundSARIF(t, text)
		if !bytes.Contains(text, []byte(`"uri":"`+c.uri+`"`)) {
			t.Errorf("%+v: not in %s", c, regexp.MustCompile(`"uri":"[^"]*"`).FindAll(text, -1))
		}
	}
}

func TestSARIFCap(t *testing.T) {
	rep := &report.Report{Complete: true, Counts: map[string]int{"LAY015": 25002}}
	for i := range 25002 {
		rep.Findings = append(rep.Findings, rule.Finding{Rule: "LAY015", Severity: rule.Warning, Message: "m", Fingerprint: fmt.Sprint(i)})
	}
	rep.Findings[25001].Severity = rule.Error
	text := write(t, "sarif", rep, report.Options{})
	if n := bytes.Count(text, []byte(`"partialFingerprints"`)); n != 25000 {
		t.Errorf("%d results", n)
	}
	if !bytes.Contains(text, []byte("2 results beyond the gravest 25000 are left out")) {
		t.Error("nothing says that results are left out")
	}
	if !bytes.Contains(text, []byte(`"kind":"fail","level":"error"`)) {
		t.Error("the only error is left out")
	}
}

func TestSARIFIncomplete(t *testing.T) {
	for _, complete := range []bool{true, false} {
		text := write(t, "sarif", &report.Report{Complete: complete}, report.Options{})
		if !bytes.Contains(text, fmt.Appendf(nil, `"executionSuccessful":%t`, complete)) {
			t.Errorf("complete %t is not told", complete)
		}
	}
}

// TestJUnitKeepsWarnings: below the threshold they stand in the output, at or
// above it they fail.
func TestJUnitKeepsWarnings(t *testing.T) {
	rep := &report.Report{
		Complete: true, Totals: report.Totals{Warning: 1}, Counts: map[string]int{"PAY012": 1},
		Findings: []rule.Finding{{Rule: "PAY012", Severity: rule.Warning, Message: "odd scale", Dataset: "d"}},
	}
	for _, c := range []struct {
		failOn rule.Severity
		want   string
	}{
		{rule.AsRule, "<system-out>d: warning PAY012 odd scale"},
		{rule.Error, "<system-out>d: warning PAY012 odd scale"},
		{rule.Warning, `<failure type="warning" message="odd scale">d: warning PAY012 odd scale`},
		{rule.Info, `<failure type="warning"`},
		{rule.Off, "<system-out>d: warning PAY012 odd scale"},
	} {
		text := write(t, "junit", rep, report.Options{FailOn: c.failOn})
		if !bytes.Contains(text, []byte(c.want)) {
			t.Errorf("fail on %s: no %s in\n%s", c.failOn, c.want, text)
		}
	}
}

var command = regexp.MustCompile(`^::(error|warning|notice) [^\n]*::[^\n]+$`)

func soundGitHub(t testing.TB, text []byte, findings int) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) > findings+1 {
		t.Errorf("%d annotations for %d findings", len(lines)-1, findings)
	}
	level := map[string]int{}
	for _, l := range lines {
		m := command.FindStringSubmatch(l)
		if m == nil {
			t.Errorf("not a workflow command: %q", l)
			continue
		}
		level[m[1]]++
	}
	for l, n := range level {
		if n > 10 {
			t.Errorf("%d annotations of level %s: GitHub drops those beyond 10", n, l)
		}
	}
}

func soundText(t testing.TB, text []byte) {
	t.Helper()
	for _, r := range string(text) {
		if r != '\n' && r != ' ' && !unicode.IsPrint(r) {
			t.Errorf("text holds %U", r)
			return
		}
	}
}

func TestTextCaps(t *testing.T) {
	rep := &report.Report{Complete: true, Counts: map[string]int{}}
	add := func(id, path string, n int) {
		for i := range n {
			rep.Findings = append(rep.Findings, rule.Finding{Rule: id, Severity: rule.Error, Message: "m", Dataset: "d", Place: rule.Place{Path: fmt.Sprintf("%s/%04d", path, i), Line: 1}})
		}
		rep.Counts[id] += n
	}
	add("LAY015", "one", 500)
	add("SCH024", "a", 100)
	add("SCH024", "b", 2)
	add("SCH024", "c", 100)
	line := regexp.MustCompile(`(?m)^d/\S+:1: error (\S+) m$`)
	shown := func(o report.Options) (map[string]int, string) {
		text := string(write(t, "text", rep, o))
		n := map[string]int{}
		for _, m := range line.FindAllStringSubmatch(text, -1) {
			n[m[1]]++
		}
		return n, text
	}
	n, text := shown(report.Options{})
	if n["LAY015"] != 20 || !strings.Contains(text, "LAY015 file-missing: 500 errors") || !strings.Contains(text, "  … and 480 more\n") {
		t.Errorf("one folder: %v in\n%s", n, text)
	}
	// Each folder gets its share, and says how much it has.
	for _, want := range []string{"  d/a: 100 findings, of which 6:\n", "d/b/0000:1:", "  d/c: 100 findings, of which 6:\n", "  … and 188 more\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if n, _ := shown(report.Options{MaxPerRule: -1}); n["LAY015"] != 500 || n["SCH024"] != 202 {
		t.Errorf("without limit: %v", n)
	}
	if n, text := shown(report.Options{MaxFindings: 5}); n["LAY015"]+n["SCH024"] != 5 || !strings.Contains(text, "SCH024 label-number: 202 errors") {
		t.Errorf("5 in all: %v in\n%s", n, text)
	}
}

func TestTextPaths(t *testing.T) {
	for _, c := range []struct{ dir, root, want string }{
		{"", "/data/nu", "/data/nu/a.json:3:"},
		{"/data", "/data/nu", "nu/a.json:3:"},
		{"/data/nu", "/data/nu", "a.json:3:"},
		{"/home/very/deep/down", "/data/nu", "/data/nu/a.json:3:"},
		{"/home", "nu", "nu/a.json:3:"},
		{"", ".", "a.json:3:"},
	} {
		rep := &report.Report{Complete: true, Findings: []rule.Finding{{Rule: "LAY015", Severity: rule.Error, Message: "m", Dataset: c.root, Place: rule.Place{Path: "a.json", Line: 3}}}}
		if text := string(write(t, "text", rep, report.Options{Dir: c.dir})); !strings.Contains(text, "\n"+c.want) {
			t.Errorf("%+v: got\n%s", c, text)
		}
	}
}

// soundHTML checks that the page is well formed, and that its policy admits
// its own style and script and nothing else.
func soundHTML(t testing.TB, page []byte) {
	t.Helper()
	text := string(page)
	for _, tag := range []string{"style", "script"} {
		inner := between(text, "<"+tag+">", "</"+tag+">")
		sum := sha256.Sum256([]byte(inner))
		if want := tag + "-src &#39;sha256-" + strings.ReplaceAll(base64.StdEncoding.EncodeToString(sum[:]), "+", "&#43;") + "&#39;"; !strings.Contains(text, want) {
			t.Errorf("the policy does not admit the page's own %s", tag)
		}
		if n := strings.Count(strings.ToLower(text), "<"+tag); n != 1 {
			t.Errorf("%d elements %s", n, tag)
		}
		text = strings.Replace(text, inner, "", 1)
	}
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Errorf("page is not well formed: %v", err)
			return
		}
		if e, ok := tok.(xml.StartElement); ok {
			for _, a := range e.Attr {
				name := strings.ToLower(a.Name.Local)
				if strings.HasPrefix(name, "on") || name == "style" || name == "src" || name == "href" && !strings.HasPrefix(a.Value, "#") && !strings.HasPrefix(a.Value, report.Home) {
					t.Errorf("<%s %s=%q>", e.Name.Local, name, a.Value)
				}
			}
		}
	}
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}

// FuzzWrite holds every format to its promise for whatever a data set may
// contain: no error, well formed, and nothing that escapes its place.
func FuzzWrite(f *testing.F) {
	f.Add("a\nb]]>", "x/\xff%,:y.json", "data", "tok", "CAM\"<", 3, 7, uint8(4), "hint")
	f.Add("::error::x", "../../etc", "/abs", "", "", 0, 0, uint8(2), "`")
	f.Add("\u202e\x00\x1b[2J", "", "", "\u2028", "💥", -1, 1<<40, uint8(3), "](http://x)")
	f.Add("</script><script>", "a/<b>/&amp;", "C:\\x", "t", "c", 1, -5, uint8(4), "{{.}}")
	text, err := sarifSchema()
	if err != nil {
		f.Fatal(err)
	}
	public := compile(f, "sarif.json", text, jsonschema.Draft4)
	f.Fuzz(func(t *testing.T, msg, path, root, token, channel string, line, column int, severity uint8, extra string) {
		s := rule.Info + rule.Severity(severity)%3
		finding := rule.Finding{
			Rule: "LAY015", Slug: "file-missing", Severity: s, Message: msg, Dataset: root, Hint: extra, Expected: extra, Actual: token,
			Place:       rule.Place{Path: path, Line: line, Column: column, ByteOffset: int64(column), Table: extra, Token: token, Channel: channel, Frame: msg},
			Fingerprint: extra,
		}
		other := finding
		other.Suppressed, other.Related, other.Rule = extra, []rule.Place{finding.Place, finding.Place}, "SCH024"
		rep := &report.Report{
			Tool: report.Tool{Name: token, Version: extra}, Rules: []string{"LAY015"},
			Datasets: []report.Dataset{{Root: root, Tables: channel, Evidence: []string{path}, Samples: line, Channels: []report.Channel{
				{Name: channel, Samples: line, SyncID: column, OffsetNs: []int64{int64(line), int64(column), -1 << 63, 1<<63 - 1}},
				{Name: msg, Samples: 3, OffsetNs: []int64{int64(line), int64(column)}},
			}}},
			Findings: []rule.Finding{finding, other}, Counts: map[string]int{"LAY015": line},
			Skipped:  []report.Skip{{Rule: "LNK001", Needs: msg, Dataset: root}, {Rule: "LNK001", Needs: path}},
			Complete: line%2 == 0, Incomplete: msg,
		}
		for _, format := range report.FormatNames() {
			out := write(t, format, rep, report.Options{FailOn: s, Dir: "/home"})
			switch format {
			case "text":
				soundText(t, out)
			case "json":
				if !json.Valid(out) {
					t.Error("json is not valid")
				}
			case "jsonl":
				for _, l := range bytes.Split(bytes.TrimSuffix(out, []byte("\n")), []byte("\n")) {
					if !json.Valid(l) {
						t.Errorf("jsonl: %s", l)
					}
				}
			case "sarif":
				validJSON(t, public, out)
				soundSARIF(t, out)
			case "junit":
				validJUnit(t, out)
			case "html":
				soundHTML(t, out)
			case "github":
				soundGitHub(t, out, 2)
			}
		}
	})
}

// TestGitHubCap: GitHub shows ten annotations of a level, so each rule comes
// before the second finding of any, and the summary says what is left out.
func TestGitHubCap(t *testing.T) {
	rep := &report.Report{Complete: true, Totals: report.Totals{Error: 31}, Counts: map[string]int{"LAY015": 30, "SCH024": 1}}
	for i := range 30 {
		rep.Findings = append(rep.Findings, rule.Finding{Rule: "LAY015", Severity: rule.Error, Message: fmt.Sprint("m", i)})
	}
	rep.Findings = append(rep.Findings, rule.Finding{Rule: "SCH024", Severity: rule.Error, Message: "the only one"})
	text := write(t, "github", rep, report.Options{})
	soundGitHub(t, text, 31)
	for _, want := range []string{"::the only one", "and 29 more of LAY015", "10 of 31 findings are annotated"} {
		if !bytes.Contains(text, []byte(want)) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestTextSaysThingsOnce(t *testing.T) {
	one := func(f rule.Finding) string {
		f.Rule, f.Severity, f.Dataset = "LAY015", rule.Error, "d"
		return string(write(t, "text", &report.Report{Complete: true, Findings: []rule.Finding{f}}, report.Options{}))
	}
	for _, c := range []struct{ message, expected, actual, want string }{
		{"version of tracklet 2 is 5", "2", "5", "version of tracklet 2 is 5 (expected 2)"},
		{"width is 1242", "1224", "12", "width is 1242 (expected 1224, found 12)"},
		{"\"car\" should be \"Car\"", "Car", "car", "\"car\" should be \"Car\"\n"},
		{"no such file", "", "", "no such file\n"},
		{"40 of 40 samples", "40", "40", "40 of 40 samples\n"},
	} {
		if text := one(rule.Finding{Message: c.message, Expected: c.expected, Actual: c.actual}); !strings.Contains(text, "LAY015 "+c.want) {
			t.Errorf("want %q in\n%s", c.want, text)
		}
	}
	if text := one(rule.Finding{Message: "m", Hint: "do this"}); strings.Count(text, "hint:") != 1 || !strings.Contains(text, "do this") {
		t.Errorf("a hint of its own, then the rule's:\n%s", text)
	}
}
