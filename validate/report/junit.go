package report

import (
	"bufio"
	"cmp"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/validate/rule"
)

// The elements of JUnit XML as Jenkins' xUnit plugin fixes them (junit-10.xsd).
type (
	junitSuites struct {
		XMLName  xml.Name      `xml:"testsuites"`
		Name     string        `xml:"name,attr"`
		Tests    int           `xml:"tests,attr"`
		Failures int           `xml:"failures,attr"`
		Errors   int           `xml:"errors,attr"`
		Suites   []*junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Cases    []*junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		Classname string        `xml:"classname,attr"`
		Skipped   *junitMessage `xml:"skipped"`
		Error     *junitMessage `xml:"error"`
		Failure   *junitMessage `xml:"failure"`
		Out       string        `xml:"system-out,omitempty"`
	}
	junitMessage struct {
		Type    string `xml:"type,attr,omitempty"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// junitLines limits how many findings one test case lists.
const junitLines = 100

// writeJUnit prints a test suite for each data set and each part of it that
// has findings (a table, a top folder), with a test case for each rule. A case
// fails if a finding reaches the threshold; findings below it, suppressed ones
// and skipped inputs stand in its output, so that nothing is lost.
func writeJUnit(w *bufio.Writer, v *view) error {
	all := &junitSuites{Name: "mmvalidate"}
	for _, root := range v.roots() {
		all.Suites = append(all.Suites, v.junitDataset(root)...)
	}
	if !v.Complete {
		all.Suites = append(all.Suites, &junitSuite{Name: "mmvalidate", Cases: []*junitCase{{
			Name: "the run finished", Classname: "mmvalidate",
			Error: &junitMessage{Type: "incomplete", Message: Visible(cmp.Or(v.Incomplete, "reason unknown"))},
		}}})
	}
	for _, s := range all.Suites {
		for _, c := range s.Cases {
			s.Tests++
			switch {
			case c.Failure != nil:
				s.Failures++
			case c.Error != nil:
				s.Errors++
			case c.Skipped != nil:
				s.Skipped++
			}
		}
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
	}
	if _, err := w.WriteString(xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	return w.WriteByte('\n')
}

// roots lists the data sets, and other folders that findings name, in order.
func (v *view) roots() []string {
	var out []string
	add := func(r string) {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	for _, d := range v.Datasets {
		add(d.Root)
	}
	for i := range v.Findings {
		add(v.Findings[i].Dataset)
	}
	for _, s := range v.Skipped {
		add(s.Dataset)
	}
	return out
}

// part names the piece of a data set that a finding belongs to: its table, or
// the top folder of its path; "" for the data set as such.
func part(f *rule.Finding) string {
	if f.Table != "" {
		return f.Table
	}
	top, _, below := strings.Cut(f.Path, "/")
	if !below {
		return ""
	}
	return top
}

func (v *view) junitDataset(root string) []*junitSuite {
	parts := map[string]map[string][]*rule.Finding{"": {}} // part -> rule -> findings
	found := map[string]bool{}
	for i := range v.Findings {
		f := &v.Findings[i]
		if f.Dataset != root {
			continue
		}
		p := part(f)
		if parts[p] == nil {
			parts[p] = map[string][]*rule.Finding{}
		}
		parts[p][f.Rule] = append(parts[p][f.Rule], f)
		found[f.Rule] = true
	}
	needs := map[string][]string{}
	for _, s := range v.Skipped {
		if s.Dataset == root {
			needs[s.Rule] = append(needs[s.Rule], s.Needs)
		}
	}
	// A rule without findings has its case in the suite of the data set as such.
	for _, id := range v.used() {
		if !found[id] && (v.applies(root, id) || needs[id] != nil) {
			parts[""][id] = nil
		}
	}
	var out []*junitSuite
	kept := v.kept()
	for _, p := range slices.Sorted(maps.Keys(parts)) {
		s := &junitSuite{Name: Visible(strings.TrimSuffix(v.file(root, "")+": "+p, ": "))}
		for _, id := range slices.Sorted(maps.Keys(parts[p])) {
			c := v.junitCase(id, parts[p][id], needs[id])
			c.Classname = s.Name
			if more := v.Counts[id] - kept[id]; more > 0 && len(parts[p][id]) > 0 {
				c.Out += fmt.Sprintf("%d further findings of %s in the whole run are counted but not listed\n", more, Visible(id))
			}
			s.Cases = append(s.Cases, c)
		}
		if len(s.Cases) > 0 {
			out = append(out, s)
		}
	}
	return out
}

// applies reports whether a rule ran over any data set at root.
func (v *view) applies(root, id string) bool {
	r := v.catalogue[id]
	if r == nil || !slices.Contains(v.Rules, id) {
		return false
	}
	return slices.ContainsFunc(v.Datasets, func(d Dataset) bool { return d.Root == root && r.Applies(d.Schema) })
}

func (v *view) junitCase(id string, fs []*rule.Finding, needs []string) *junitCase {
	r := v.rule(id)
	c := &junitCase{Name: Visible(strings.TrimSpace(id + " " + r.Slug))}
	var failing, other []*rule.Finding
	worst := rule.AsRule
	for _, f := range fs {
		if f.Suppressed == "" && v.fails(f.Severity) && !(r.Statistic && f.Severity == rule.Info) {
			failing = append(failing, f)
			worst = max(worst, f.Severity)
		} else {
			other = append(other, f)
		}
	}
	if len(failing) > 0 {
		msg := Visible(sentence(failing[0]))
		if n := len(failing) - 1; n > 0 {
			msg += fmt.Sprintf(" (and %d more)", n)
		}
		c.Failure = &junitMessage{Type: worst.String(), Message: msg, Text: v.junitText(failing)}
		if h := r.Hint; h != "" {
			c.Failure.Text += "hint: " + Visible(h) + "\n"
		}
	}
	c.Out = v.junitText(other)
	switch {
	case len(needs) > 0 && len(fs) == 0:
		c.Skipped = &junitMessage{Type: "needs", Message: Visible("needs " + strings.Join(needs, "; "))}
	case len(needs) > 0:
		c.Out += Visible("skipped in part: needs "+strings.Join(needs, "; ")) + "\n"
	}
	return c
}

// junitText lists findings one a line.
func (v *view) junitText(fs []*rule.Finding) string {
	if len(fs) == 0 {
		return ""
	}
	var b strings.Builder
	for i, f := range fs {
		if i == junitLines {
			fmt.Fprintf(&b, "… and %d more\n", len(fs)-i)
			break
		}
		fmt.Fprintf(&b, "%s: %s %s %s", v.place(f), f.Severity, Visible(f.Rule), Visible(sentence(f)))
		if a := about(f); a != "" {
			fmt.Fprintf(&b, " [%s]", Visible(a))
		}
		if f.Suppressed != "" {
			fmt.Fprintf(&b, " (suppressed: %s)", Visible(f.Suppressed))
		}
		b.WriteByte('\n')
	}
	return b.String()
}
