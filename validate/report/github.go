package report

import (
	"bufio"
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/validate/rule"
)

// githubPerLevel is how many annotations of one level GitHub shows for a step;
// further ones would vanish without a word.
const githubPerLevel = 10

// writeGitHub prints workflow commands of GitHub Actions: one annotation for
// each rule first, then further findings while GitHub has room for them, and
// the summary as a notice.
func writeGitHub(w *bufio.Writer, v *view) error {
	used := map[string]int{"notice": 1} // the summary needs one
	left := v.MaxFindings
	if left <= 0 {
		left = int(^uint(0) >> 1)
	}
	shown := 0
	annotate := func(f *rule.Finding, more int) {
		level := githubLevel(f.Severity)
		if used[level] >= githubPerLevel || left == 0 {
			return
		}
		used[level]++
		left--
		shown++
		msg := Visible(sentence(f))
		if a := about(f); a != "" {
			msg += " [" + Visible(a) + "]"
		}
		if h := cmp.Or(f.Hint, v.rule(f.Rule).Hint); h != "" {
			msg += "\nhint: " + Visible(h)
		}
		if more > 0 {
			msg += fmt.Sprintf("\nand %d more of %s", more, Visible(f.Rule))
		}
		at := "file=" + githubProperty(Visible(filepath.ToSlash(v.file(f.Dataset, f.Path))))
		if f.Line > 0 {
			at += fmt.Sprintf(",line=%d", f.Line)
			if f.Column > 0 {
				at += fmt.Sprintf(",col=%d", f.Column)
			}
		}
		title := githubProperty(Visible(strings.TrimSpace(f.Rule + " " + f.Slug)))
		fmt.Fprintf(w, "::%s %s,title=%s::%s\n", level, at, title, githubData(msg))
	}
	// Annotations are few: none for a fact that is nobody's fault.
	groups := slices.DeleteFunc(v.groups(), func(g group) bool { return g.facts() })
	for _, g := range groups {
		annotate(g.findings[0], g.total-1)
	}
	for _, g := range groups {
		for i := 1; i < min(len(g.findings), v.perRule()); i++ {
			annotate(g.findings[i], 0)
		}
	}
	msg := v.verdict() + ": " + v.summary()
	total := 0
	for _, g := range groups {
		total += g.total
	}
	if total > shown {
		msg += fmt.Sprintf("; %d of %d findings are annotated", shown, total)
	}
	if !v.Complete {
		msg += "\nthe run did not finish: " + Visible(cmp.Or(v.Incomplete, "reason unknown"))
	}
	fmt.Fprintf(w, "::notice title=mmvalidate::%s\n", githubData(msg))
	return nil
}

func githubLevel(s rule.Severity) string {
	switch s {
	case rule.Warning:
		return "warning"
	case rule.Info:
		return "notice"
	}
	return "error"
}

// The escapes of workflow commands (actions/toolkit, packages/core/src/command.ts).
var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func githubData(s string) string     { return dataEscapes.Replace(s) }
func githubProperty(s string) string { return propertyEscapes.Replace(s) }
