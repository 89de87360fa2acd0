package validate_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate"
	"github.com/mmaudit/mmaudit/validate/config"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/rules"
)

// TestMutations breaks a valid data set once for each rule: exactly that rule
// must speak, and before the fault none at all.
func TestMutations(t *testing.T) {
	for _, m := range datagen.Mutations() {
		name := m.Rule
		if m.Name != "" {
			name += "/" + m.Name
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(t.TempDir(), "data")
			if err := m.Write(root); err != nil {
				t.Fatal(err)
			}
			rep := check(t, root, m)
			for _, id := range append([]string{m.Rule}, m.With...) {
				if rep.Counts[id] == 0 {
					t.Errorf("%s did not speak", id)
				}
			}
			severity := severityOf(m)
			for _, f := range rep.Findings {
				if f.Rule == m.Rule && f.Severity != severity {
					t.Errorf("%s instead of %s: %s:%d: %s", f.Severity, severity, f.Path, f.Line, f.Message)
				}
				if about := f.Rule == "LAY001" || f.Rule == "LAY002"; f.Path == "" && !about && !statistic(f.Rule) { // those are about the root
					t.Errorf("no place: %s: %s", f.Rule, f.Message)
				}
				if f.ByteOffset > 0 && f.Line == 0 && filepath.Ext(f.Path) == ".json" {
					t.Errorf("no line: %s: %s", f.Rule, f.Message)
				}
				if f.Rule != m.Rule && !slices.Contains(m.With, f.Rule) && !statistic(f.Rule) {
					t.Errorf("also %s %s:%d: %s", f.Rule, f.Path, f.Line, f.Message)
				}
			}
		})
	}
}

// TestBases holds the generators to their word: no rule speaks about what they make.
func TestBases(t *testing.T) {
	seen := map[string]bool{"empty": true}
	for _, m := range datagen.Mutations() {
		if seen[m.Base.Name] {
			continue
		}
		seen[m.Base.Name] = true
		t.Run(m.Base.Name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			if err := m.Base.Generate(root); err != nil {
				t.Fatal(err)
			}
			for _, f := range check(t, root, datagen.Mutation{Base: m.Base}).Findings {
				if !statistic(f.Rule) {
					t.Errorf("%s %s:%d: %s", f.Rule, f.Path, f.Line, f.Message)
				}
			}
		})
	}
}

// TestEveryRuleHasAMutation makes a rule without a fault fail the build.
func TestEveryRuleHasAMutation(t *testing.T) {
	have := map[string]bool{}
	for _, m := range datagen.Mutations() {
		have[m.Rule] = true
	}
	for _, r := range rules.Catalogue() {
		if !have[r.ID] {
			t.Errorf("%s %s has no mutation", r.ID, r.Slug)
		}
	}
}

// severityOf gives the severity that findings of a mutation's rule must have.
func severityOf(m datagen.Mutation) rule.Severity {
	for _, r := range rules.Catalogue() {
		if r.ID == m.Rule && m.Severity == "" {
			return r.Severity
		}
	}
	s, _ := rule.ParseSeverity(m.Severity)
	return s
}

func statistic(id string) bool {
	for _, r := range rules.Catalogue() {
		if r.ID == id {
			return r.Statistic
		}
	}
	return false
}

func check(t *testing.T, root string, m datagen.Mutation) *report.Report {
	t.Helper()
	c, err := config.Parse([]byte(m.Config))
	if err != nil {
		t.Fatal(err)
	}
	c.Params.Deep, c.Params.Strict = m.Deep, c.StrictMode
	rep, err := validate.Run(t.Context(), []string{root}, validate.Options{
		Params:   &c.Params,
		Selected: func(r *rule.Rule) bool { return m.Base.Annotated || r.Group() != "UMM" },
		Jobs:     2,
	})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}
