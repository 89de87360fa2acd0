package lifecycle

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
)

func evaluationChecks() []Check {
	return []Check{
		{
			Code: "plan-differs", Severity: Error,
			Summary: "what was evaluated is what was planned: the same evaluation, plan document and thresholds",
			Why:     "Thresholds that were moved after the results were known show nothing.",
			Hint:    "preregister the new plan, and evaluate again under it",
			find:    (*life).plans,
		},
		{
			Code: "threshold-unmeasured", Severity: Warning,
			Summary: "every metric with a threshold was measured",
			Why:     "What nobody measured cannot be said to be good enough.",
			Hint:    "measure it, and record the evaluation again",
			find: func(b *life, say say) {
				b.evaluations(func(v evaluation) {
					if len(v.unmeasured) > 0 {
						say(v.e, "evaluation %q has a threshold for %s, but no such metric", v.name(), list(v.unmeasured, strings.Clone))
					}
				})
			},
		},
		{
			Code: "threshold-not-met", Severity: Note,
			Summary: "the metrics of an evaluation meet its thresholds",
			Why:     "The version is not as good as it was meant to be.",
			Hint:    "reject the version, or train it further; approval-of-failing tells if it was approved all the same",
			find: func(b *life, say say) {
				b.evaluations(func(v evaluation) {
					if next := b.after(v.e, audit.Approved, audit.EvalFinished); len(v.unmet) > 0 && !next.is(audit.Approved) {
						say(v.e, "evaluation %q: %s", v.name(), list(v.unmet, strings.Clone))
					}
				})
			},
		},
		{
			Code: "verdict-contradicts", Severity: Error,
			Summary: "the verdict of an evaluation follows from its metrics and thresholds",
			Why:     "An evaluation that says pass where a threshold is not met was not done by machine, or was changed by hand.",
			Hint:    "see the evaluation report, and record the evaluation again with the verdict that follows",
			find: func(b *life, say say) {
				b.evaluations(func(v evaluation) {
					switch verdict := v.e.p.Evaluation.Verdict; {
					case verdict == "pass" && len(v.unmet) > 0:
						say(v.e, "evaluation %q says pass, but %s", v.name(), list(v.unmet, strings.Clone))
					case verdict == "fail" && v.asked > 0 && len(v.unmet)+len(v.unmeasured) == 0:
						say(v.e, "evaluation %q says fail, but its metrics meet all of its thresholds", v.name())
					}
				})
			},
		},
		{
			Code: "approval-of-failing", Severity: Error,
			Summary: "a version is approved after its evaluations passed",
			Why:     "The version did not reach what it was to reach, and was approved for use.",
			Hint:    "the approver explains why in a document on the approval; or the approval is taken back with a rejection",
			find: func(b *life, say say) {
				newest := map[string]evaluation{}
				var all []evaluation
				b.evaluations(func(v evaluation) { all = append(all, v) })
				for _, e := range b.main {
					for len(all) > 0 && all[0].e.Index < e.Index {
						newest[all[0].name()] = all[0]
						all = all[1:]
					}
					if !e.is(audit.Approved) {
						continue
					}
					for _, v := range sorted(newest) {
						switch {
						case len(v.unmet) > 0:
							say(e, "approved, although evaluation %q (record %d) found: %s", v.name(), v.e.Index, list(v.unmet, strings.Clone))
						case v.e.p.Evaluation.Verdict == "fail":
							say(e, "approved, although evaluation %q (record %d) says fail", v.name(), v.e.Index)
						}
					}
				}
			},
		},
		{
			Code: "evaluation-outdated", Severity: Error,
			Summary: "what is approved was evaluated after it was trained",
			Why:     "The evaluation was of an earlier result; that of the newest training is not known to be any good.",
			Hint:    "evaluate again, then approve; better: a new version for every training",
			find: func(b *life, say say) {
				for _, e := range b.main {
					if !e.is(audit.Approved) {
						continue
					}
					eval, trained := b.last(e.Index, audit.EvalFinished), b.last(e.Index, audit.TrainFinished)
					if eval != nil && trained != nil && eval.Index < trained.Index && b.last(eval.Index, audit.TrainFinished) != nil {
						say(e, "approved on the evaluation in record %d, but run %q finished after that, in record %d", eval.Index, trained.p.Run, trained.Index)
					}
				}
			},
		},
	}
}

// evaluation is one that finished, held against its thresholds.
type evaluation struct {
	e                 *entry
	asked             int // thresholds
	unmet, unmeasured []string
}

func (v evaluation) name() string { return v.e.p.Evaluation.Name }

// evaluations gives each that finished. Its thresholds are its own, or else
// those of its plan.
func (b *life) evaluations(each func(evaluation)) {
	for _, e := range b.main {
		if !e.is(audit.EvalFinished) {
			continue
		}
		v := evaluation{e: e}
		thresholds := e.p.Evaluation.Thresholds
		if plan := b.plan(e); plan != nil && len(thresholds) == 0 {
			thresholds = plan.p.Evaluation.Thresholds
		}
		v.asked = len(thresholds)
		for _, t := range thresholds {
			measured := false
			for _, m := range e.p.Metrics {
				if m.Name != t.Metric {
					continue
				}
				measured = true
				if !meets(m.Value, t) {
					v.unmet = append(v.unmet, fmt.Sprintf("%s is %s, not %s %s", m.Name, m.Value, t.Op, t.Value))
				}
			}
			if !measured {
				v.unmeasured = append(v.unmeasured, t.Metric)
			}
		}
		each(v)
	}
}

// plan finds the newest preregistration of an evaluation before it.
func (b *life) plan(e *entry) *entry {
	for _, x := range slices.Backward(b.main) {
		if x.Index < e.Index && x.is(audit.EvalPreregistered) && x.p.Evaluation.Name == e.p.Evaluation.Name {
			return x
		}
	}
	return nil
}

func (b *life) plans(say say) {
	for _, e := range b.main {
		if !e.is(audit.EvalFinished) {
			continue
		}
		plan := b.plan(e)
		if plan == nil {
			if other := b.last(e.Index, audit.EvalPreregistered); other != nil {
				say(e, "evaluation %q was not planned; %q was, in record %d", e.p.Evaluation.Name, other.p.Evaluation.Name, other.Index)
			}
			continue
		}
		was, is := plan.p.Evaluation, e.p.Evaluation
		if was.Plan != nil && is.Plan != nil && !same(was.Plan.Digest, is.Plan.Digest) {
			say(e, "evaluation %q was done by plan %s, and record %d has plan %s", is.Name, digest(is.Plan.Digest), plan.Index, digest(was.Plan.Digest))
		}
		if len(is.Thresholds) > 0 && !equalThresholds(was.Thresholds, is.Thresholds) {
			say(e, "evaluation %q has thresholds %s; planned in record %d were %s", is.Name, asked(is.Thresholds), plan.Index, asked(was.Thresholds))
		}
	}
}

// equalThresholds compares sets of thresholds; 0.5 is 0.50.
func equalThresholds(x, y []audit.Threshold) bool {
	in := func(t audit.Threshold, all []audit.Threshold) bool {
		return slices.ContainsFunc(all, func(u audit.Threshold) bool {
			a, ok := parseDecimal(t.Value)
			b, ok2 := parseDecimal(u.Value)
			return t.Metric == u.Metric && t.Op == u.Op && (t.Value == u.Value || ok && ok2 && a.compare(b) == 0)
		})
	}
	for _, t := range x {
		if !in(t, y) {
			return false
		}
	}
	for _, t := range y {
		if !in(t, x) {
			return false
		}
	}
	return true
}

func asked(all []audit.Threshold) string {
	if len(all) == 0 {
		return "none"
	}
	return list(all, func(t audit.Threshold) string { return t.Metric + " " + t.Op + " " + t.Value })
}

func sorted(all map[string]evaluation) []evaluation {
	var out []evaluation
	for _, v := range all {
		out = append(out, v)
	}
	slices.SortFunc(out, func(x, y evaluation) int { return int(x.e.Index - y.e.Index) })
	return out
}

// after finds the first record of the version after e with one of these events.
func (b *life) after(e *entry, events ...audit.Event) *entry {
	for _, x := range b.main {
		if x.Index > e.Index && x.is(events...) {
			return x
		}
	}
	return &entry{}
}
