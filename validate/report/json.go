package report

import (
	"bufio"
	"encoding/json"
	"slices"

	"github.com/mmaudit/mmaudit/validate/rule"
)

// writeJSON prints the report as schemas/report.schema.json describes it.
// Bytes of paths that are not UTF-8 become U+FFFD, since JSON cannot hold them.
func writeJSON(w *bufio.Writer, v *view) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v.whole())
}

// writeJSONL prints one object a line, each with its "type": one run, then the
// findings, the skipped rules, and one summary, which a reader can wait for.
func writeJSONL(w *bufio.Writer, v *view) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	r := v.whole()
	var err error
	line := func(object any) {
		if err == nil {
			err = e.Encode(object)
		}
	}
	line(struct {
		Type          string    `json:"type"`
		SchemaVersion string    `json:"schema_version"`
		Tool          Tool      `json:"tool"`
		Scope         Scope     `json:"scope"`
		Rules         []string  `json:"rules"`
		Datasets      []Dataset `json:"datasets"`
	}{"run", r.SchemaVersion, r.Tool, r.Scope, r.Rules, r.Datasets})
	for _, f := range r.Findings {
		line(struct {
			Type string `json:"type"`
			rule.Finding
		}{"finding", f})
	}
	for _, s := range r.Skipped {
		line(struct {
			Type string `json:"type"`
			Skip
		}{"skipped", s})
	}
	line(struct {
		Type       string         `json:"type"`
		Counts     map[string]int `json:"counts"`
		Totals     Totals         `json:"totals"`
		Suppressed map[string]int `json:"suppressed"`
		Complete   bool           `json:"complete"`
		Incomplete string         `json:"incomplete,omitempty"`
	}{"summary", r.Counts, r.Totals, r.Suppressed, r.Complete, r.Incomplete})
	return err
}

// whole gives the report with every list and map present: a reader need not
// tell null from empty.
func (r *Report) whole() *Report {
	c := *r
	present(&c.Rules)
	present(&c.Datasets)
	present(&c.Findings)
	present(&c.Skipped)
	if c.Counts == nil {
		c.Counts = map[string]int{}
	}
	if c.Suppressed == nil {
		c.Suppressed = map[string]int{}
	}
	c.Datasets = slices.Clone(c.Datasets)
	for i := range c.Datasets {
		present(&c.Datasets[i].Evidence)
		present(&c.Datasets[i].Channels)
	}
	return &c
}

func present[T any](s *[]T) {
	if *s == nil {
		*s = []T{}
	}
}
