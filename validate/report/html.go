package report

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/page.js
	pageJS string
)

// pageRows limits the findings on the page: browsers become slow beyond.
const pageRows = 10000

// A page is what page/page.html shows.
type page struct {
	Policy         string
	CSS            template.CSS
	JS             template.JS
	Verdict, Title string
	Tool, Why      string
	Tiles          []tile
	Rules          []pageRule
	Findings       []pageFinding
	FilterRules    []string
	FilterRoots    []string
	AnySuppressed  bool
	Left           string
	Skipped        []pageSkip
	Timing         []pageTiming
	Coverage       []pageCoverage
	Datasets       []pageDataset
	Scope          []string
	Explained      []pageRule

	PlotWidth, PlotHeight int
}

type (
	tile struct {
		Class, Label string
		Value        int
	}
	pageRule struct {
		ID, Slug, Facts, Summary, Why, Example, Hint, URI string
		Severity                                          string
		Count                                             int
	}
	pageFinding struct {
		Severity, Rule, Where, About    string
		Message, Expected, Actual, Hint string
		Suppressed                      string
		Root                            int // index into FilterRoots
	}
	pageSkip struct {
		Needs, Root string
		Rules       []string
	}
	pageDataset struct {
		Root, Schema, Evidence string
		Samples, Files         int
	}
	pageTiming struct {
		Root  string
		Plots []plot
	}
	pageCoverage struct {
		Root     string
		Channels []pageChannel
	}
	pageChannel struct {
		Name             string
		Samples, Records int
		Fields           [3]cover
	}
	cover struct {
		Class, Text string
		Percent     float64
	}
)

// writeHTML prints one self-contained page: its policy forbids the network,
// and every style and script that is not part of it. Without scripts, the
// whole table shows.
func writeHTML(w *bufio.Writer, v *view) error {
	t, err := template.New("page").Funcs(template.FuncMap{"prose": prose}).Parse(pageHTML)
	if err != nil {
		return err
	}
	return t.Execute(w, v.page())
}

// A span is a piece of a rule's text.
type span struct {
	Text string
	Code bool // stood between backticks
}

// prose splits a text of the catalogue at its code spans.
func prose(s string) []span {
	parts := strings.Split(s, "`")
	if len(parts)%2 == 0 { // an odd backtick is text
		return []span{{Text: s}}
	}
	var out []span
	for i, p := range parts {
		out = append(out, span{p, i%2 == 1})
	}
	return out
}

func (v *view) page() *page {
	p := &page{
		Policy: fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'",
			digest(pageCSS), digest(pageJS)),
		CSS: template.CSS(pageCSS), JS: template.JS(pageJS),
		Verdict: v.verdict(), Title: v.title(), Why: v.why(),
		Tool:      Visible(strings.TrimSpace(v.Tool.Name + " " + v.Tool.Version)),
		PlotWidth: plotWidth, PlotHeight: plotHeight,
	}
	p.Tiles = []tile{
		{"error", "errors", v.Totals.Error},
		{"warning", "warnings", v.Totals.Warning},
		{"info", "info", v.Totals.Info},
		{"", "rules applied", len(v.Rules)},
		{"", "rules skipped", v.skippedRules()},
	}
	if n := sum(v.Suppressed); n > 0 {
		p.Tiles = append(p.Tiles, tile{"", "suppressed", n})
	}
	for _, g := range v.groups() {
		r := v.pageRule(g.rule.ID)
		r.Count, r.Severity = g.total, g.worst.String()
		p.Rules = append(p.Rules, r)
		p.FilterRules = append(p.FilterRules, r.ID)
	}
	slices.Sort(p.FilterRules)
	v.pageFindings(p)
	v.pageSkipped(p)
	v.pageDatasets(p)

	explained := map[string]bool{}
	for i := range v.Findings {
		explained[v.Findings[i].Rule] = true
	}
	for _, s := range v.Skipped {
		explained[s.Rule] = true
	}
	for _, id := range v.used() {
		if explained[id] {
			p.Explained = append(p.Explained, v.pageRule(id))
		}
	}
	return p
}

func digest(s string) string {
	h := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(h[:])
}

func (v *view) title() string {
	var names []string
	for _, r := range v.roots() {
		if r != "" {
			names = append(names, Visible(v.file(r, "")))
		}
	}
	if len(names) > 3 {
		names = append(names[:3], fmt.Sprintf("and %d more", len(names)-3))
	}
	return cmp.Or(strings.Join(names, ", "), "nothing was read")
}

// why states the verdict in a sentence.
func (v *view) why() string {
	limit := "findings never fail this run"
	if v.failOn() != rule.Off {
		limit = fmt.Sprintf("%s at or above %q", human.Count(v.failing(), "finding"), v.failOn())
	}
	if !v.Complete {
		return fmt.Sprintf("The run did not finish: %s. Until then: %s.", Visible(cmp.Or(v.Incomplete, "reason unknown")), limit)
	}
	return strings.ToUpper(limit[:1]) + limit[1:] + "."
}

func (v *view) pageRule(id string) pageRule {
	r := v.rule(id)
	return pageRule{
		ID: Visible(r.ID), Slug: Visible(r.Slug), Severity: r.Severity.String(), Facts: facts(r),
		Summary: r.Summary, Why: sentenceCase(r.Why), Example: r.Example, Hint: sentenceCase(r.Hint), URI: HelpURI(r),
	}
}

func (v *view) pageFindings(p *page) {
	roots := v.roots()
	for _, r := range roots {
		p.FilterRoots = append(p.FilterRoots, Visible(v.file(r, "")))
	}
	for _, f := range v.gravest(pageRows) {
		expected, actual := unsaid(f)
		row := pageFinding{
			Severity: f.Severity.String(), Rule: Visible(f.Rule), Where: v.place(f), About: Visible(about(f)),
			Message: Visible(f.Message), Expected: Visible(expected), Actual: Visible(actual),
			Suppressed: Visible(f.Suppressed), Root: slices.Index(roots, f.Dataset),
		}
		if f.Hint != v.rule(f.Rule).Hint {
			row.Hint = Visible(f.Hint)
		}
		p.AnySuppressed = p.AnySuppressed || f.Suppressed != ""
		p.Findings = append(p.Findings, row)
	}
	all := sum(v.Counts) + sum(v.Suppressed)
	if all > len(p.Findings) {
		p.Left = fmt.Sprintf("The table lists %d of %d findings. The table by rule counts them all.", len(p.Findings), all)
	}
}

func (v *view) pageSkipped(p *page) {
	at := map[[2]string]int{}
	for _, s := range v.Skipped {
		k := [2]string{s.Dataset, s.Needs}
		i, ok := at[k]
		if !ok {
			i = len(p.Skipped)
			at[k] = i
			p.Skipped = append(p.Skipped, pageSkip{Needs: Visible(s.Needs), Root: Visible(v.file(s.Dataset, ""))})
		}
		if id := Visible(s.Rule); !slices.Contains(p.Skipped[i].Rules, id) {
			p.Skipped[i].Rules = append(p.Skipped[i].Rules, id)
		}
	}
}

func (v *view) pageDatasets(p *page) {
	for i := range v.Datasets {
		d := &v.Datasets[i]
		root := Visible(v.file(d.Root, ""))
		schema := string(d.Schema)
		if d.Tables != "" {
			schema += " (" + d.Tables + ")"
		}
		p.Datasets = append(p.Datasets, pageDataset{
			Root: root, Schema: Visible(schema), Evidence: Visible(strings.Join(d.Evidence, ", ")),
			Samples: d.Samples, Files: d.Files,
		})
		name := root + " · " + Visible(schema) // one root may hold several
		timing, coverage := pageTiming{Root: name}, pageCoverage{Root: name}
		for _, c := range d.Channels {
			if len(c.OffsetNs) > 0 {
				timing.Plots = append(timing.Plots, histogram(Visible(c.Name), c.OffsetNs))
			}
			coverage.Channels = append(coverage.Channels, pageChannel{
				Name: Visible(c.Name), Samples: c.Samples, Records: c.Records,
				Fields: [3]cover{covered(c.SyncID, c.Samples), covered(c.Offset, c.Samples), covered(c.Schema, c.Samples)},
			})
		}
		if timing.Plots != nil {
			p.Timing = append(p.Timing, timing)
		}
		if coverage.Channels != nil {
			p.Coverage = append(p.Coverage, coverage)
		}
	}
	if v.Scope.Filtered {
		p.Scope = append(p.Scope, "Findings are limited to the files that were listed.")
	}
	if v.Scope.Sample > 1 {
		p.Scope = append(p.Scope, fmt.Sprintf("One of %d payload files was opened.", v.Scope.Sample))
	}
	if !v.Scope.Deep {
		p.Scope = append(p.Scope, "Payload files were read by their headers; --deep reads their bodies.")
	}
}

// covered says how many samples have a field. Only all of them make 100 %.
func covered(n, of int) cover {
	c := cover{Text: fmt.Sprintf("%d", n), Class: "part"}
	if of > 0 {
		c.Percent = math.Round(1000*float64(n)/float64(of)) / 10
		if n < of {
			c.Percent = min(c.Percent, 99.9)
		}
		c.Text = fmt.Sprintf("%g %%", c.Percent)
	}
	switch {
	case of > 0 && n >= of:
		c.Class = "full"
	case n == 0:
		c.Class, c.Percent = "none", 0
	}
	return c
}
