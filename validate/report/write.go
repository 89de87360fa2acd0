package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// Options say how to print a report. The zero value is fit for a file.
type Options struct {
	// FailOn is the severity from which findings fail the run: rule.Error if
	// zero; with rule.Off none does.
	FailOn rule.Severity
	// MaxPerRule limits how many findings of one rule the text and github
	// formats show: 0 means 20, less than 0 all. All are counted.
	MaxPerRule int
	// MaxFindings limits how many findings these formats show in all; 0: no limit.
	MaxFindings int
	// Quiet prints findings alone in text: no headings, hints or summary.
	Quiet bool
	// Verbose lists in text the facts that statistics state, and every rule
	// that was skipped.
	Verbose bool
	// Color allows ANSI colours in text.
	Color bool
	// Dir is the absolute path of the working folder. Paths below it are
	// printed relative to it where that is shorter. "" prints them as given.
	Dir string
}

func (o *Options) failOn() rule.Severity { return cmp.Or(o.FailOn, rule.Error) }

// fails reports whether a finding of severity s fails the run.
func (o *Options) fails(s rule.Severity) bool { return o.failOn() != rule.Off && s >= o.failOn() }

func (o *Options) perRule() int {
	switch {
	case o.MaxPerRule < 0:
		return int(^uint(0) >> 1)
	case o.MaxPerRule == 0:
		return 20
	}
	return o.MaxPerRule
}

// A Format is one way to print a report.
type Format struct {
	Name  string
	About string // for help and completion
	write func(w *bufio.Writer, v *view) error
}

// Formats lists the formats.
func Formats() []Format {
	return []Format{
		{"text", "for people and editors: path:line:col: severity RULE message", writeText},
		{"json", "the whole report (schemas/report.schema.json)", writeJSON},
		{"jsonl", "one JSON object a line: run, findings, skipped rules, summary", writeJSONL},
		{"sarif", "SARIF 2.1.0, for code scanning and SARIF viewers", writeSARIF},
		{"junit", "JUnit XML, for the test pages of CI systems", writeJUnit},
		{"html", "one self-contained page with search, plots and coverage", writeHTML},
		{"github", "annotations of GitHub Actions", writeGitHub},
	}
}

// FormatNames gives the names of Formats.
func FormatNames() []string {
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name)
	}
	return names
}

// Write prints rep in one of the Formats. catalogue explains its rules; a rule
// that is not in it is printed without explanation. The output depends on the
// arguments alone.
func Write(w io.Writer, format string, rep *Report, catalogue []*rule.Rule, o Options) error {
	for _, f := range Formats() {
		if f.Name == format {
			b := bufio.NewWriter(w)
			if err := f.write(b, newView(rep, catalogue, o)); err != nil {
				return fmt.Errorf("%s report: %w", format, err)
			}
			return b.Flush()
		}
	}
	return fmt.Errorf("unknown format %q (one of %s)", format, strings.Join(FormatNames(), ", "))
}

// A view is a report with what the formats need to print it.
type view struct {
	*Report
	Options
	catalogue map[string]*rule.Rule
}

func newView(rep *Report, catalogue []*rule.Rule, o Options) *view {
	v := &view{Report: rep, Options: o, catalogue: map[string]*rule.Rule{}}
	for _, r := range catalogue {
		v.catalogue[r.ID] = r
	}
	return v
}

// rule gives the catalogue's entry, or one made up from the id alone.
func (v *view) rule(id string) *rule.Rule {
	if r := v.catalogue[id]; r != nil {
		return r
	}
	r := &rule.Rule{ID: id, Severity: rule.Error}
	for i := range v.Findings {
		if v.Findings[i].Rule == id {
			r.Slug = v.Findings[i].Slug
			break
		}
	}
	return r
}

// file gives the path of a file in a data set as the user can open it.
// Findings that span data sets have none.
func (v *view) file(root, name string) string {
	p := filepath.Join(root, filepath.FromSlash(name))
	if p == "" {
		return "all data sets"
	}
	if v.Dir != "" && filepath.IsAbs(p) {
		if rel, err := filepath.Rel(v.Dir, p); err == nil && len(rel) < len(p) {
			return rel
		}
	}
	return p
}

// place gives path:line:col of a finding, harmless to print.
func (v *view) place(f *rule.Finding) string {
	p := Visible(v.file(f.Dataset, f.Path))
	if f.Line > 0 {
		p += fmt.Sprintf(":%d", f.Line)
		if f.Column > 0 {
			p += fmt.Sprintf(":%d", f.Column)
		}
	}
	return p
}

// folder gives the folder of a finding, for grouping.
func folder(f *rule.Finding) string {
	if f.Path == "" {
		return ""
	}
	return path.Dir(f.Path)
}

// used lists the rules that were applied, found something, or were skipped, by id.
func (v *view) used() []string {
	ids := map[string]bool{}
	for _, id := range v.Rules {
		ids[id] = true
	}
	for i := range v.Findings {
		ids[v.Findings[i].Rule] = true
	}
	for _, s := range v.Skipped {
		ids[s.Rule] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// skippedRules counts the rules that could not see everything.
func (v *view) skippedRules() int {
	ids := map[string]bool{}
	for _, s := range v.Skipped {
		ids[s.Rule] = true
	}
	return len(ids)
}

// kept counts the findings of the report that belong to rule id, and that count.
func (v *view) kept() map[string]int {
	n := map[string]int{}
	for i := range v.Findings {
		if f := &v.Findings[i]; f.Suppressed == "" {
			n[f.Rule]++
		}
	}
	return n
}

// total gives the number of findings of a rule. A report that was edited by
// hand may count fewer than it lists.
func (v *view) total(id string, kept int) int { return max(v.Counts[id], kept) }

// failing gives the number of findings that fail the run.
func (v *view) failing() int {
	if v.failOn() == rule.Off {
		return 0
	}
	return v.Totals.AtLeast(v.failOn())
}

// verdict is one word for the run.
func (v *view) verdict() string {
	switch {
	case !v.Complete:
		return "incomplete"
	case v.failing() > 0:
		return "failed"
	}
	return "passed"
}

// gravest gives at most n findings, in the order of the report. Where there are
// more, those that count come before suppressed ones, and graver ones before
// milder ones.
func (v *view) gravest(n int) []*rule.Finding {
	order := make([]int, len(v.Findings))
	for i := range order {
		order[i] = i
	}
	if len(order) > n {
		weight := func(i int) int {
			if f := &v.Findings[i]; f.Suppressed == "" {
				return int(f.Severity)
			}
			return 0
		}
		slices.SortStableFunc(order, func(a, b int) int { return weight(b) - weight(a) })
		order = order[:n]
		slices.Sort(order)
	}
	out := make([]*rule.Finding, len(order))
	for k, i := range order {
		out[k] = &v.Findings[i]
	}
	return out
}

// summary counts everything in one line.
func (v *view) summary() string {
	parts := []string{
		human.Count(v.Totals.Error, "error"), human.Count(v.Totals.Warning, "warning"), fmt.Sprintf("%d info", v.Totals.Info),
	}
	if n := sum(v.Suppressed); n > 0 {
		parts = append(parts, fmt.Sprintf("%d suppressed by a baseline", n))
	}
	if n := v.skippedRules(); n > 0 {
		parts = append(parts, human.Count(n, "rule")+" skipped in part or whole")
	}
	return strings.Join(parts, ", ")
}

func sum(m map[string]int) int {
	n := 0
	for _, k := range m {
		n += k
	}
	return n
}

// sentence joins the message with what was expected and found.
func sentence(f *rule.Finding) string {
	expected, actual := unsaid(f)
	var more []string
	if expected != "" {
		more = append(more, "expected "+expected)
	}
	if actual != "" {
		more = append(more, "found "+actual)
	}
	if len(more) == 0 {
		return f.Message
	}
	return f.Message + " (" + strings.Join(more, ", ") + ")"
}

// unsaid gives what was expected and found, each "" where the message says it
// already. Very short expectations ("2") are always given: that they occur in
// the message says little.
func unsaid(f *rule.Finding) (expected, actual string) {
	if f.Expected != f.Actual && (len(f.Expected) < 3 || !mentions(f.Message, f.Expected)) {
		expected = f.Expected
	}
	if f.Actual != "" && !mentions(f.Message, f.Actual) {
		actual = f.Actual
	}
	return expected, actual
}

// mentions reports whether s holds part, and not as a piece of a longer word
// or number.
func mentions(s, part string) bool {
	for from := 0; ; {
		i := strings.Index(s[from:], part)
		if i < 0 {
			return false
		}
		i += from
		before, _ := utf8.DecodeLastRuneInString(s[:i])
		after, _ := utf8.DecodeRuneInString(s[i+len(part):])
		if !wordy(before) && !wordy(after) {
			return true
		}
		from = i + 1
	}
}

func wordy(r rune) bool { return unicode.IsLetter(r) && r != utf8.RuneError || unicode.IsDigit(r) }

// about names the row, channel or frame of a finding, unless the message does.
func about(f *rule.Finding) string {
	var parts []string
	if f.Token != "" && !strings.Contains(f.Message, f.Token) {
		parts = append(parts, strings.TrimSpace(f.Table+" "+f.Token))
	}
	if f.Channel != "" && !strings.Contains(f.Message, f.Channel) {
		parts = append(parts, f.Channel)
	}
	if f.Frame != "" && !strings.Contains(f.Message, f.Frame) && !strings.Contains(f.Path, f.Frame) {
		parts = append(parts, "frame "+f.Frame)
	}
	if f.Line < 1 && f.ByteOffset > 0 {
		parts = append(parts, fmt.Sprintf("byte %d", f.ByteOffset))
	}
	return strings.Join(parts, ", ")
}
