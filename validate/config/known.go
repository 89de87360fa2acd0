package config

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore/gitignore"
	"go.yaml.in/yaml/v3"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

//go:embed known.yaml
var knownYAML []byte

// Known are the anomalies of published releases (known.yaml): a baseline that
// every run has unless the configuration turns it off.
type Known struct{ anomalies []Anomaly }

// An Anomaly explains the findings for which everything it states is true.
type Anomaly struct {
	Rules   []string         `yaml:"rules"`
	Schemas []dataset.Schema `yaml:"schemas"`
	Paths   []string         `yaml:"paths"`  // gitignore patterns, from the root of the data set
	Text    []string         `yaml:"text"`   // parts of the message, or of what was expected or found
	Tokens  []string         `yaml:"tokens"` // primary keys of rows
	Source  string           `yaml:"source"` // where it is documented
	Reason  string           `yaml:"reason"`

	paths gitignore.Matcher
}

// LoadKnown gives the anomalies built into this program.
func LoadKnown() (*Known, error) {
	k := &Known{}
	d := yaml.NewDecoder(bytes.NewReader(knownYAML))
	d.KnownFields(true)
	if err := d.Decode(&k.anomalies); err != nil {
		return nil, fmt.Errorf("known.yaml: %w", err)
	}
	for i := range k.anomalies {
		a := &k.anomalies[i]
		var pats []gitignore.Pattern
		for _, p := range a.Paths {
			pats = append(pats, gitignore.ParsePattern(p, nil))
		}
		a.paths = gitignore.NewMatcher(pats)
	}
	return k, nil
}

// Anomalies lists them, for documentation.
func (k *Known) Anomalies() []Anomaly { return k.anomalies }

// Suppress gives the reason and source of the first anomaly that explains f,
// or "".
func (k *Known) Suppress(f *rule.Finding) (reason string) {
	for i := range k.anomalies {
		if a := &k.anomalies[i]; a.explains(f) {
			return fmt.Sprintf("known upstream: %s (%s)", a.Reason, a.Source)
		}
	}
	return ""
}

func (a *Anomaly) explains(f *rule.Finding) bool {
	said := func(s string) bool {
		return strings.Contains(f.Message, s) || strings.Contains(f.Actual, s) || strings.Contains(f.Expected, s)
	}
	return slices.Contains(a.Rules, f.Rule) && slices.Contains(a.Schemas, f.Schema) &&
		(len(a.Paths) == 0 || f.Path != "" && matches(a.paths, f.Path, false)) &&
		(len(a.Text) == 0 || slices.ContainsFunc(a.Text, said)) &&
		(len(a.Tokens) == 0 || slices.Contains(a.Tokens, f.Token))
}
