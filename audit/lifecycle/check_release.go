package lifecycle

import (
	"slices"
	"time"

	"github.com/mmaudit/mmaudit/audit"
)

// inUse are the events that put a version to use.
var inUse = []audit.Event{audit.Deployed, audit.OTAUpdated}

func releaseChecks() []Check {
	return []Check{
		{
			Code: "artifact-unknown", Severity: Error,
			Summary: "what is evaluated, approved, exported or deployed was produced by a training or export of the version",
			Why:     "The file in use is not the file that was trained and evaluated: it was swapped, changed, or built elsewhere.",
			Hint:    "hash the file again and compare; record the training or export that made it",
			find:    (*life).unknownArtifacts,
		},
		{
			Code: "approval-outdated", Severity: Error,
			Summary: "what is put to use was trained before it was approved",
			Why:     "The approval was of an earlier result; nobody approved that of the newest training.",
			Hint:    "evaluate and approve again, or go back to what was approved; better: a new version for every training",
			find: func(b *life, say say) {
				b.eachUse(func(use, decision *entry) {
					trained := b.last(use.Index, audit.TrainFinished)
					if decision.is(audit.Approved) && trained != nil && trained.Index > decision.Index && b.last(decision.Index, audit.TrainFinished) != nil {
						say(use, "the version was approved in record %d, but run %q finished after that, in record %d", decision.Index, trained.p.Run, trained.Index)
					}
				})
			},
		},
		{
			Code: "approval-expired", Severity: Error,
			Summary: "a version is put to use while its approval holds",
			Why:     "The approver allowed the use up to a date, and it began after it.",
			Hint:    "have the version approved anew",
			find: func(b *life, say say) {
				b.eachUse(func(use, decision *entry) {
					if !decision.is(audit.Approved) || decision.p.Approval.Expires == "" {
						return
					}
					if until, err := time.Parse(time.RFC3339Nano, decision.p.Approval.Expires); err == nil && use.time.After(until) {
						say(use, "the approval in record %d held until %s", decision.Index, decision.p.Approval.Expires)
					}
				})
			},
		},
		{
			Code: "use-of-rejected", Severity: Error,
			Summary: "a version that was rejected is not put to use",
			Why:     "Somebody decided against this version, and it went out all the same.",
			Hint:    "take it off the devices, or have it approved",
			find: func(b *life, say say) {
				b.eachUse(func(use, decision *entry) {
					if decision.is(audit.Rejected) {
						say(use, "the version had been rejected, in record %d", decision.Index)
					}
				})
			},
		},
		{
			Code: "use-of-retired", Severity: Error,
			Summary: "a version that was retired is not put to use",
			Why:     "A version is retired for a reason: support has ended, or a fault was found.",
			Hint:    "take it off the devices, or approve and deploy a newer version",
			find: func(b *life, say say) {
				b.eachUse(func(use, _ *entry) {
					if r := b.last(use.Index, audit.Retired); r != nil {
						say(use, "the version had been retired, in record %d", r.Index)
					}
				})
			},
		},
	}
}

// eachUse gives each record that puts the version to use, with the newest
// decision before it, which may be none.
func (b *life) eachUse(each func(use, decision *entry)) {
	for _, e := range b.main {
		if e.is(inUse...) {
			decision := b.last(e.Index, audit.Approved, audit.Rejected)
			if decision == nil {
				decision = &entry{}
			}
			each(e, decision)
		}
	}
}

func (b *life) unknownArtifacts(say say) {
	check := func(e *entry, a *audit.Artifact) {
		// Without a training that finished, that is what is missing.
		if b.produced(a, e.Index) != nil || b.last(e.Index, audit.TrainFinished) == nil {
			return
		}
		if i := slices.IndexFunc(b.artifacts, func(x Artifact) bool { return x.Name == a.Name }); i >= 0 {
			say(e, "%q has %s; record %d left it with %s", a.Name, digest(a.Digest), b.artifacts[i].From.Index, digest(b.artifacts[i].Digest))
			return
		}
		say(e, "nothing that came before left %q with %s", a.Name, digest(a.Digest))
	}
	for _, e := range b.main {
		switch {
		case e.is(audit.Exported):
			if e.p.Export.From != nil {
				check(e, e.p.Export.From)
			}
		case e.is(audit.EvalFinished, audit.Approved, audit.Rejected, audit.Deployed, audit.OTAUpdated, audit.OTARolledBack):
			for i := range e.p.Outputs {
				check(e, &e.p.Outputs[i])
			}
		}
	}
}
