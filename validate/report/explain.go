package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/mmaudit/mmaudit/internal/lazyre"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// Home is where the project lives.
const Home = "https://github.com/mmaudit/mmaudit"

// HelpURI gives the address of a rule's documentation.
func HelpURI(r *rule.Rule) string {
	return Home + "/blob/main/docs/rules.md#" + strings.ToLower(r.ID+"-"+r.Slug)
}

// groups are the groups of rules in the order of the documentation.
var groups = []struct{ prefix, title, about string }{
	{"LAY", "Layout", "Folders and files: what must be there, what must not, and under which name."},
	{"SCH", "Syntax and schema", "Each file and row by itself: it parses, and its fields have the right type, shape and range."},
	{"LNK", "References", "Rows and files that point at one another: tokens, chains, counts."},
	{"TMP", "Time", "Timestamps: unit, order, rate, gaps, and the clocks of the channels against each other."},
	{"GEO", "Geometry", "Calibration, poses and boxes."},
	{"PAY", "Payload", "Images, point clouds and other binary files: headers, and bodies with --deep."},
	{"UMM", "Unified metadata", "The three mandatory fields sensor_sync_id, temporal_offset_ns and modality_schema, and what they claim."},
	{"XMD", "Across modalities", "What one sensor or format says against what another says of the same moment."},
	{"ANN", "Annotations", "Boxes and tracks that contradict themselves."},
	{"MAP", "Maps", "The map expansion."},
}

// ruleJSON is a rule in the output of `mmvalidate rules --format json`.
type ruleJSON struct {
	ID        string           `json:"id"`
	Slug      string           `json:"slug"`
	Severity  rule.Severity    `json:"severity"`
	Formats   []dataset.Schema `json:"formats"` // all that this build reads, where the rule names none
	Deep      bool             `json:"deep"`
	Fixable   bool             `json:"fixable"`
	Statistic bool             `json:"statistic"`
	Summary   string           `json:"summary"`
	Why       string           `json:"why"`
	Example   string           `json:"example"`
	Hint      string           `json:"hint"`
	HelpURI   string           `json:"help_uri"`
}

// List prints the catalogue: as a table ("text"), as a JSON array ("json"), or
// as the document docs/rules.md ("md").
func List(w io.Writer, format string, catalogue []*rule.Rule) error {
	b := bufio.NewWriter(w)
	switch format {
	case "text":
		listText(b, catalogue)
	case "json":
		if err := listJSON(b, catalogue); err != nil {
			return err
		}
	case "md":
		listMarkdown(b, catalogue)
	default:
		return fmt.Errorf("unknown format %q (one of text, json, md)", format)
	}
	return b.Flush()
}

// Explain prints all that is known of some rules: as text, as Markdown ("md"),
// or as a JSON array.
func Explain(w io.Writer, format string, rules ...*rule.Rule) error {
	b := bufio.NewWriter(w)
	switch format {
	case "text":
		for i, r := range rules {
			if i > 0 {
				b.WriteByte('\n')
			}
			explainText(b, r)
		}
	case "json":
		if err := listJSON(b, rules); err != nil {
			return err
		}
	case "md":
		for i, r := range rules {
			if i > 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(b, "# %s %s\n\n", r.ID, r.Slug)
			b.WriteString(markdown(r))
		}
	default:
		return fmt.Errorf("unknown format %q (one of text, json, md)", format)
	}
	return b.Flush()
}

func listText(w *bufio.Writer, catalogue []*rule.Rule) {
	width := 0
	for _, r := range catalogue {
		width = max(width, len(r.Slug))
	}
	for _, r := range catalogue {
		cost := "header"
		if r.Deep {
			cost = "deep"
		}
		fmt.Fprintf(w, "%s  %-*s  %-7s  %-6s  %s\n", r.ID, width, r.Slug, r.Severity, cost, oneLine(r.Summary))
	}
}

func listJSON(w io.Writer, catalogue []*rule.Rule) error {
	out := []ruleJSON{}
	for _, r := range catalogue {
		formats := r.Formats
		if formats == nil {
			formats = dataset.Schemas
		}
		out = append(out, ruleJSON{
			r.ID, r.Slug, r.Severity, formats, r.Deep, r.Fix != nil, r.Statistic,
			r.Summary, r.Why, r.Example, r.Hint, HelpURI(r),
		})
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(out)
}

func explainText(w *bufio.Writer, r *rule.Rule) {
	fmt.Fprintf(w, "%s %s (%s)\n", r.ID, r.Slug, r.Severity)
	fmt.Fprintf(w, "  %s\n", facts(r))
	for _, p := range []struct{ name, text string }{
		{"", r.Summary}, {"why", r.Why}, {"example", r.Example}, {"hint", r.Hint},
	} {
		if p.text == "" {
			continue
		}
		w.WriteByte('\n')
		if p.name != "" {
			fmt.Fprintf(w, "%s:\n", p.name)
		}
		for line := range strings.SplitSeq(strings.TrimSpace(p.text), "\n") {
			if p.name == "example" { // as it stands in a file
				fmt.Fprintf(w, "    %s\n", line)
				continue
			}
			for _, l := range wrap(line, 76) {
				fmt.Fprintf(w, "  %s\n", l)
			}
		}
	}
	fmt.Fprintf(w, "\n%s\n", HelpURI(r))
}

// facts says in one line where and when a rule runs.
func facts(r *rule.Rule) string {
	formats := "all formats"
	if r.Formats != nil {
		var names []string
		for _, f := range r.Formats {
			names = append(names, string(f))
		}
		formats = strings.Join(names, ", ")
	}
	facts := []string{formats}
	if r.Deep {
		facts = append(facts, "reads payload bodies (--deep)")
	}
	if r.Fix != nil {
		facts = append(facts, "`mmvalidate fix` repairs it")
	}
	if r.Statistic {
		facts = append(facts, "a statistic, never a fault")
	}
	return strings.Join(facts, "; ")
}

func listMarkdown(w *bufio.Writer, catalogue []*rule.Rule) {
	fmt.Fprintf(w, "# Rules\n\n")
	fmt.Fprintf(w, "The %d rules of `mmvalidate`, printed from the catalogue by `mmvalidate explain --all --format md`.\n", len(catalogue))
	fmt.Fprintf(w, "Ids, slugs and severities are stable; severities and thresholds can be changed in `mmvalidate.yaml`.\n")
	known := map[string]bool{}
	for _, g := range groups {
		known[g.prefix] = true
		var in []*rule.Rule
		for _, r := range catalogue {
			if r.Group() == g.prefix {
				in = append(in, r)
			}
		}
		group := fmt.Sprintf("%s: %s", g.prefix, g.title)
		listGroup(w, group, g.about, in)
	}
	var rest []*rule.Rule
	for _, r := range catalogue {
		if !known[r.Group()] {
			rest = append(rest, r)
		}
	}
	listGroup(w, "Other rules", "", rest)
}

func listGroup(w *bufio.Writer, title, about string, rules []*rule.Rule) {
	if len(rules) == 0 {
		return
	}
	fmt.Fprintf(w, "\n## %s\n\n", title)
	if about != "" {
		fmt.Fprintf(w, "%s\n\n", about)
	}
	fmt.Fprintf(w, "| rule | severity | what must hold |\n|---|---|---|\n")
	for _, r := range rules {
		name := r.ID + " " + r.Slug
		fmt.Fprintf(w, "| [%s](#%s) | %s | %s |\n", name, strings.ToLower(r.ID+"-"+r.Slug), r.Severity,
			strings.ReplaceAll(inline(oneLine(r.Summary)), "|", `\|`))
	}
	for _, r := range rules {
		fmt.Fprintf(w, "\n### %s %s\n\n%s", r.ID, r.Slug, markdown(r))
	}
}

// markdown explains one rule, without a heading. The documentation, SARIF and
// `explain --format md` share it.
func markdown(r *rule.Rule) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%s · %s*\n", r.Severity, inline(facts(r)))
	for _, p := range []struct{ name, text string }{
		{"", r.Summary}, {"**Why.** ", r.Why}, {"**Example.**", r.Example}, {"**Repair.** ", r.Hint},
	} {
		text := strings.TrimSpace(p.text)
		switch {
		case text == "":
		case p.name == "**Example.**":
			fence := "```"
			for strings.Contains(text, fence) {
				fence += "`"
			}
			fmt.Fprintf(&b, "\n%s\n\n%stext\n%s\n%s\n", p.name, fence, text, fence)
		case p.name == "": // a sentence by itself; it may begin with the name of a field
			fmt.Fprintf(&b, "\n%s\n", inline(text))
		default:
			fmt.Fprintf(&b, "\n%s%s\n", p.name, inline(sentenceCase(text)))
		}
	}
	return b.String()
}

// inline escapes what Markdown would take for markup, outside of code spans.
func inline(s string) string {
	parts := strings.Split(s, "`")
	if len(parts)%2 == 0 { // an odd backtick is text
		return escapeMarkdown(s)
	}
	for i := 0; i < len(parts); i += 2 {
		parts[i] = escapeMarkdown(parts[i])
	}
	return strings.Join(parts, "`")
}

// markup is what could begin or end an emphasis, a strike-through, a tag, a
// link or a code span. Underscores within words and single brackets could not.
var markup = lazyre.New("[\\\\`*~]|<[A-Za-z/!?]|\\][(\\[]|\\b_\\B|\\B_\\b|__")

func escapeMarkdown(s string) string {
	return markup().ReplaceAllStringFunc(s, func(m string) string {
		if m == "__" {
			return `\_\_`
		}
		return `\` + m
	})
}

// sentenceCase begins with a capital and ends with a full stop.
func sentenceCase(s string) string {
	if s = strings.TrimSpace(s); s == "" {
		return ""
	}
	r, n := utf8.DecodeRuneInString(s)
	word, _, _ := strings.Cut(s, " ")
	if r >= 'a' && r <= 'z' && !strings.ContainsAny(word, "._/-`0123456789=") {
		s = string(r-'a'+'A') + s[n:]
	}
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "?") && !strings.HasSuffix(s, ":") {
		s += "."
	}
	return s
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// wrap breaks a line at spaces so that it fits width where it can.
func wrap(s string, width int) []string {
	var out []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			out = append(out, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(out, line)
}
