package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mmaudit/mmaudit/validate/report"
)

const junitXSD = "../../testdata/foreign/junit-10.xsd"

// The parts of XML Schema that junit-10.xsd uses. Its elements are global, and
// their children stand in any order and number, so that a document is valid if
// each element and attribute is one that the schema names.
type (
	xsd struct {
		Elements []xsdElement `xml:"element"`
		Types    []struct {
			Name        string `xml:"name,attr"`
			Restriction struct {
				Pattern struct {
					Value string `xml:"value,attr"`
				} `xml:"pattern"`
			} `xml:"restriction"`
		} `xml:"simpleType"`
	}
	xsdElement struct {
		Name string   `xml:"name,attr"`
		Type string   `xml:"type,attr"`
		Body *xsdBody `xml:"complexType"`
	}
	xsdBody struct {
		Mixed      bool     `xml:"mixed,attr"`
		Sequence   []xsdRef `xml:"sequence>element"`
		Choice     []xsdRef `xml:"choice>element"`
		Alternated []xsdRef `xml:"sequence>choice>element"`
		Attributes []struct {
			Name string `xml:"name,attr"`
			Type string `xml:"type,attr"`
			Use  string `xml:"use,attr"`
		} `xml:"attribute"`
	}
	xsdRef struct {
		Ref string `xml:"ref,attr"`
	}
)

var loadXSD = sync.OnceValues(func() (map[string]*xsdElement, error) {
	text, err := os.ReadFile(junitXSD)
	if err != nil {
		return nil, err
	}
	var s xsd
	if err := xml.Unmarshal(text, &s); err != nil {
		return nil, err
	}
	byName := map[string]*xsdElement{}
	for i := range s.Elements {
		byName[s.Elements[i].Name] = &s.Elements[i]
	}
	if len(byName) < 10 || byName["testcase"].Body == nil {
		return nil, errors.New("junit-10.xsd is not understood")
	}
	return byName, nil
})

// validJUnit checks a document against the public schema of JUnit XML.
func validJUnit(t testing.TB, text []byte) {
	t.Helper()
	elements, err := loadXSD()
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(bytes.NewReader(text))
	var open []*xsdElement
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("junit: %v", err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			e := elements[tok.Name.Local]
			if e == nil {
				t.Fatalf("junit: unknown element %s", tok.Name.Local)
			}
			if len(open) == 0 && e.Name != "testsuites" {
				t.Fatalf("junit: the root is %s", e.Name)
			}
			if len(open) > 0 && !open[len(open)-1].takes(e.Name) {
				t.Fatalf("junit: %s within %s", e.Name, open[len(open)-1].Name)
			}
			checkAttributes(t, e, tok.Attr)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 && !open[len(open)-1].text() && len(bytes.TrimSpace(tok)) > 0 {
				t.Fatalf("junit: text within %s: %q", open[len(open)-1].Name, tok)
			}
		}
	}
}

func (e *xsdElement) text() bool { return e.Body == nil || e.Body.Mixed }

func (e *xsdElement) takes(child string) bool {
	if e.Body == nil {
		return false
	}
	return slices.ContainsFunc(slices.Concat(e.Body.Sequence, e.Body.Choice, e.Body.Alternated), func(r xsdRef) bool { return r.Ref == child })
}

var surefireTime = regexp.MustCompile(`^(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?$`)

func checkAttributes(t testing.TB, e *xsdElement, have []xml.Attr) {
	t.Helper()
	values := map[string]string{}
	for _, a := range have {
		values[a.Name.Local] = a.Value
	}
	if e.Body != nil {
		for _, a := range e.Body.Attributes {
			v, ok := values[a.Name]
			if !ok && a.Use == "required" {
				t.Fatalf("junit: %s lacks %s", e.Name, a.Name)
			}
			if a.Type == "SUREFIRE_TIME" && !surefireTime.MatchString(v) {
				t.Fatalf("junit: %s %s=%q", e.Name, a.Name, v)
			}
			delete(values, a.Name)
		}
	}
	for name := range values {
		t.Fatalf("junit: %s has an unknown attribute %s", e.Name, name)
	}
}

// TestJUnitByXmllint asks a schema processor that is not ours.
func TestJUnitByXmllint(t *testing.T) {
	if _, err := exec.LookPath("xmllint"); err != nil {
		t.Skip("xmllint is not installed (Debian: libxml2-utils); validJUnit checks the same schema by itself")
	}
	for name, rep := range map[string]*report.Report{"nasty": nastyReport(), "nothing": {Complete: true}} {
		cmd := exec.Command("xmllint", "--noout", "--nonet", "--schema", junitXSD, "-")
		cmd.Stdin = bytes.NewReader(write(t, "junit", rep, report.Options{}))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// TestJUnitCountsAddUp: CI systems trust the attributes, not the elements.
func TestJUnitCountsAddUp(t *testing.T) {
	var doc struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Suites   []struct {
			Name  string `xml:"name,attr"`
			Tests int    `xml:"tests,attr"`
			Cases []struct {
				Name    string    `xml:"name,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(write(t, "junit", nastyReport(), report.Options{}), &doc); err != nil {
		t.Fatal(err)
	}
	tests, failures, errs := 0, 0, 0
	seen := map[string]bool{}
	for _, s := range doc.Suites {
		if s.Tests != len(s.Cases) {
			t.Errorf("suite %s: tests=%d for %d cases", s.Name, s.Tests, len(s.Cases))
		}
		tests += len(s.Cases)
		for _, c := range s.Cases {
			if k := s.Name + "\x00" + c.Name; seen[k] {
				t.Errorf("case %s occurs twice in %s", c.Name, s.Name)
			} else {
				seen[k] = true
			}
			if c.Failure != nil {
				failures++
			}
			if c.Error != nil {
				errs++
			}
		}
	}
	if doc.Tests != tests || doc.Failures != failures || doc.Errors != errs || failures == 0 || errs == 0 {
		t.Errorf("attributes say %d/%d/%d, elements %d/%d/%d", doc.Tests, doc.Failures, doc.Errors, tests, failures, errs)
	}
	if !strings.Contains(doc.Suites[0].Name, "data/nu") {
		t.Errorf("first suite is %q", doc.Suites[0].Name)
	}
}
