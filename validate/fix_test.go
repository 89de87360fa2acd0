package validate_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/rules"
)

// TestFixes applies the repair of each rule that has one to the faults of its
// mutations: the rule is silent then and nothing else speaks, and a second
// repair changes nothing.
func TestFixes(t *testing.T) {
	beyond := []string{
		"SCH026/fraction",         // what 0.5 should be, only its author knows
		"UMM003", "UMM003/number", // only letters in upper case can be told from wrong ones
		"PAY019/comment", // padding cannot move the lines of a header
	}
	for _, m := range datagen.Mutations() {
		i := slices.IndexFunc(rules.Catalogue(), func(r *rule.Rule) bool { return r.ID == m.Rule && r.Fix != nil })
		name := m.Rule
		if m.Name != "" {
			name += "/" + m.Name
		}
		if i < 0 || slices.Contains(beyond, name) {
			continue
		}
		r := rules.Catalogue()[i]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			if err := m.Base.Generate(root); err != nil {
				t.Fatal(err)
			}
			if err := m.Apply(&datagen.Dir{Root: root}); err != nil {
				t.Fatal(err)
			}
			for _, f := range check(t, root, m).Findings {
				if f.Rule != m.Rule {
					continue
				}
				file := filepath.Join(root, filepath.FromSlash(f.Path))
				b, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				mended, err := r.Fix(f.Path, b)
				if err != nil {
					t.Fatal(err)
				}
				again, err := r.Fix(f.Path, mended)
				if err != nil || string(again) != string(mended) {
					t.Errorf("%s: a second repair changes it again (%v)", f.Path, err)
				}
				if err := os.WriteFile(file, mended, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range check(t, root, m).Findings {
				if !statistic(f.Rule) {
					t.Errorf("after the repair: %s %s:%d: %s", f.Rule, f.Path, f.Line, f.Message)
				}
			}
		})
	}
}
