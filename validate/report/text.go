package report

import (
	"bufio"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// examples is how many findings of one rule in one folder are shown where the
// rule speaks about several folders.
const examples = 3

// writeText prints findings grouped by rule, the gravest first. Each stands on
// one line in the form that editors read. What a healthy data set says of
// itself is one line, unless the report is verbose.
func writeText(w *bufio.Writer, v *view) error {
	t := text{Writer: w, view: v, left: v.MaxFindings}
	if v.MaxFindings <= 0 {
		t.left = int(^uint(0) >> 1)
	}
	var facts []string
	for _, g := range v.groups() {
		if g.facts() && !t.Verbose {
			facts = append(facts, fmt.Sprintf("%s %s (%d)", Visible(g.rule.ID), Visible(g.rule.Slug), g.total))
			continue
		}
		t.group(g)
	}
	if !t.Quiet {
		if len(facts) > 0 {
			t.printf("%s: %s; -v lists them\n\n", t.paint("1", "facts"), strings.Join(facts, ", "))
		}
		t.skipped()
		t.end()
	}
	return nil // the writer keeps the first error for Flush
}

type text struct {
	*bufio.Writer
	*view
	left int // of MaxFindings
}

// A group is what one rule found and counts, in the order of the report.
type group struct {
	rule     *rule.Rule
	worst    rule.Severity
	findings []*rule.Finding
	total    int // may exceed what the report keeps
}

// facts reports whether the group states facts, none of them weighed as a fault.
func (g *group) facts() bool { return g.rule.Statistic && g.worst <= rule.Info }

// groups gives the rules that found something, the gravest first.
func (v *view) groups() []group {
	byRule := map[string]*group{}
	var order []*group
	for i := range v.Findings {
		f := &v.Findings[i]
		if f.Suppressed != "" {
			continue
		}
		g := byRule[f.Rule]
		if g == nil {
			g = &group{rule: v.rule(f.Rule)}
			byRule[f.Rule] = g
			order = append(order, g)
		}
		g.worst = max(g.worst, f.Severity)
		g.findings = append(g.findings, f)
	}
	out := make([]group, 0, len(order))
	for _, g := range order {
		g.total = v.total(g.rule.ID, len(g.findings))
		out = append(out, *g)
	}
	slices.SortStableFunc(out, func(a, b group) int {
		return cmp.Or(-cmp.Compare(a.worst, b.worst), strings.Compare(a.rule.ID, b.rule.ID))
	})
	return out
}

func (t *text) group(g group) {
	if t.Quiet {
		t.examples(g)
		return
	}
	what := "finding"
	if !slices.ContainsFunc(g.findings, func(f *rule.Finding) bool { return f.Severity != g.worst }) {
		what = g.worst.String()
	}
	n := human.Count(g.total, what)
	if what == "info" {
		n = fmt.Sprintf("%d info", g.total)
	}
	t.printf("%s: %s\n", t.paint("1", Visible(strings.TrimSpace(g.rule.ID+" "+g.rule.Slug))), n)
	shown, ownHints := t.examples(g)
	if rest := g.total - shown; rest > 0 {
		t.printf("  … and %d more\n", rest)
	}
	if g.rule.Hint != "" && !ownHints {
		t.hint(g.rule.Hint)
	}
	t.printf("\n")
}

// examples prints findings of a group folder by folder, within the limits.
// Where there are several folders, each gets a few lines before any gets many.
// It gives the number of findings shown, and whether each came with a hint of
// its own.
func (t *text) examples(g group) (shown int, ownHints bool) {
	var folders []string
	in := map[string][]*rule.Finding{}
	for _, f := range g.findings {
		d := t.file(f.Dataset, folder(f))
		if in[d] == nil {
			folders = append(folders, d)
		}
		in[d] = append(in[d], f)
	}
	limit := min(t.perRule(), t.left)
	each := limit
	if len(folders) > 1 {
		each = max(examples, limit/len(folders))
	}
	ownHints = true
	for _, d := range folders {
		n := min(len(in[d]), each, limit-shown)
		if n <= 0 {
			break
		}
		if n < len(in[d]) && len(folders) > 1 && !t.Quiet {
			t.printf("  %s: %s, of which %d:\n", Visible(d), human.Count(len(in[d]), "finding"), n)
		}
		for _, f := range in[d][:n] {
			t.finding(f, g.rule)
			ownHints = ownHints && f.Hint != "" && f.Hint != g.rule.Hint
		}
		shown += n
	}
	t.left -= shown
	return shown, ownHints && shown > 0
}

func (t *text) finding(f *rule.Finding, r *rule.Rule) {
	msg := Visible(sentence(f))
	if a := about(f); a != "" {
		msg += t.paint("2", " ["+Visible(a)+"]")
	}
	t.printf("%s: %s %s %s\n", t.place(f), t.severity(f.Severity), Visible(f.Rule), msg)
	if f.Hint != "" && f.Hint != r.Hint && !t.Quiet {
		t.hint(f.Hint)
	}
}

func (t *text) hint(s string) { t.printf("  %s %s\n", t.paint("2", "hint:"), Visible(s)) }

// skippedNames is how many of the rules that needed one input are named.
const skippedNames = 4

// skipped lists broken inputs and the rules that needed them.
func (t *text) skipped() {
	if len(t.Skipped) == 0 {
		return
	}
	var inputs []string
	rules := map[string][]string{}
	for _, s := range t.Skipped {
		in := s.Needs
		if s.Dataset != "" && len(t.Datasets) > 1 {
			in += " in " + t.file(s.Dataset, "")
		}
		if rules[in] == nil {
			inputs = append(inputs, in)
		}
		if !slices.Contains(rules[in], s.Rule) {
			rules[in] = append(rules[in], s.Rule)
		}
	}
	t.printf("%s: these rules could not see everything, because their input is missing or broken\n", t.paint("1", "skipped"))
	for i, in := range inputs {
		if i == t.perRule() && !t.Verbose {
			t.printf("  … and %d more inputs; -v lists them\n", len(inputs)-i)
			break
		}
		names, more := rules[in], ""
		if n := len(names) - skippedNames; n > 1 && !t.Verbose {
			names, more = names[:skippedNames], fmt.Sprintf(" and %d more; -v lists them", n)
		}
		t.printf("  needs %s: %s%s\n", Visible(in), Visible(strings.Join(names, ", ")), more)
	}
	t.printf("\n")
}

func (t *text) end() {
	for _, d := range t.Datasets {
		what := string(d.Schema)
		if d.Tables != "" {
			what += " (" + d.Tables + ")"
		}
		t.printf("%s: %s, %s, %s\n", Visible(t.file(d.Root, "")), Visible(what), human.Count(d.Samples, "sample"), human.Count(d.Files, "file"))
	}
	switch {
	case t.Scope.Filtered:
		t.printf("findings are limited to the files that were listed\n")
	case t.Scope.Sample > 1:
		t.printf("one of %d payload files was opened\n", t.Scope.Sample)
	}
	v := t.verdict()
	color := "1;32"
	if v != "passed" {
		color = "1;31"
	}
	t.printf("%s: %s\n", t.paint(color, v), t.summary())
	if !t.Complete {
		t.printf("  the run did not finish: %s\n", Visible(cmp.Or(t.Incomplete, "reason unknown")))
	}
}

func (t *text) severity(s rule.Severity) string {
	color := map[rule.Severity]string{rule.Error: "31", rule.Warning: "33", rule.Info: "36"}[s]
	return t.paint(color, cmp.Or(s.String(), "error"))
}

func (t *text) paint(code, s string) string {
	if !t.Color || code == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *text) printf(format string, args ...any) { fmt.Fprintf(t.Writer, format, args...) }
