package validate

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// TestInterruptedBetweenRules: all rules about one large item take long; an
// interrupted run calls no more of them.
func TestInterruptedBetweenRules(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	called := 0
	check := rule.On(func(*rule.Ctx, *int) { called++; cancel() })
	r := &rule.Rule{ID: "LAY999", Slug: "x", Checks: []rule.Check{check, check, check}}
	p := newPass(ctx, newSink((&Options{}).withDefaults()), nil, []*rule.Rule{r})
	p.Emit(new(int))
	if called != 1 {
		t.Errorf("%d checks ran, want the one that ran when the run was interrupted", called)
	}
}

// TestKeepsTheFirstByPlace: which findings are kept does not depend on the
// order in which they come.
func TestKeepsTheFirstByPlace(t *testing.T) {
	s := newSink(&Options{Params: rule.DefaultParams(), Policy: asIs{}, Keep: 5})
	r := &rule.Rule{ID: "LAY015", Slug: "file-missing", Severity: rule.Error}
	for _, i := range rand.Perm(1000) {
		s.report(&dataset.Dataset{Root: "d"}, r, rule.Finding{Place: rule.Place{Path: "a", Line: i + 1}})
	}
	s.finish(nil)
	if s.rep.Counts["LAY015"] != 1000 || len(s.rep.Findings) != 5 {
		t.Fatalf("%d of %d findings kept, want 5 of 1000", len(s.rep.Findings), s.rep.Counts["LAY015"])
	}
	for i, f := range s.rep.Findings {
		if f.Line != i+1 {
			t.Errorf("finding %d kept is that of line %d", i, f.Line)
		}
	}
}
