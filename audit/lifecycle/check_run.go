package lifecycle

import (
	"fmt"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
)

func runChecks() []Check {
	return []Check{
		{
			Code: "run-open", Severity: Warning,
			Summary: "a run that says nothing any more has ended",
			Why:     "The process was killed, or its machine went down, or nobody recorded how it ended: then what became of it is not known.",
			Hint:    "record how it ended: auditlog record train.finished, train.failed or train.aborted",
			find: func(b *life, say say) {
				for _, r := range b.runs {
					if len(r.starts) > 0 && len(r.ends) == 0 {
						if last := r.heard(); b.now.Sub(last.time) > b.Silence {
							say(r.starts[0], "run %q has not ended, and has been silent since %s (record %d), for %s", r.ID, last.p.Time.Claimed, last.Index, span(b.now.Sub(last.time)))
						}
					}
				}
			},
		},
		{
			Code: "run-silent", Severity: Note,
			Summary: "a run gives signs of life while it runs",
			Why:     "In a long silence a run can have been stopped, changed and started again.",
			Hint:    "heartbeats come by themselves under auditlog exec; a machine that slept explains a silence too",
			find: func(b *life, say say) {
				for _, r := range b.runs {
					if len(r.ends) > 0 && r.Heartbeats.Count > 0 && r.silence(b.now) > b.Silence {
						say(r.ends[0], "run %q was silent for %s", r.ID, span(r.silence(b.now)))
					}
				}
			},
		},
		{
			Code: "run-started-twice", Severity: Error,
			Summary: "a run starts once",
			Why:     "Of two starts nobody knows to which the results belong.",
			Hint:    "give every start a run id of its own, also when it resumes from a checkpoint",
			find: func(b *life, say say) {
				for _, r := range b.runs {
					for i := 1; i < len(r.starts); i++ {
						say(r.starts[i], "run %q had started already, at record %d", r.ID, r.starts[0].Index)
					}
				}
			},
		},
		{
			Code: "run-ended-twice", Severity: Error,
			Summary: "a run ends once",
			Why:     "Of two ends at most one is true: with one the run may have failed, with the other left a model.",
			Hint:    "find out which it was, and say so in a note on a new record; use a new run id for another attempt",
			find: func(b *life, say say) {
				for _, r := range b.runs {
					for i := 1; i < len(r.ends); i++ {
						say(r.ends[i], "run %q had ended already, with %s at record %d", r.ID, r.ends[0].p.Event, r.ends[0].Index)
					}
				}
			},
		},
		{
			Code: "run-after-end", Severity: Warning,
			Summary: "a run says nothing after its end",
			Why:     "Something still trained when its results were declared final.",
			Hint:    "see whether a worker of the run was left behind",
			find: func(b *life, say say) {
				for _, r := range b.runs {
					var late []string
					var first *entry
					for _, e := range r.entries {
						if len(r.ends) > 0 && e.Index > r.ends[len(r.ends)-1].Index && e.heartbeat() {
							if late = append(late, fmt.Sprint(e.Index)); first == nil {
								first = e
							}
						}
					}
					if first != nil {
						say(first, "run %q had ended at record %d; heartbeats after it: %s", r.ID, r.ends[0].Index, list(late, strings.Clone))
					}
				}
			},
		},
		{
			Code: "run-shared", Severity: Error,
			Summary: "a run belongs to one version of one model",
			Why:     "Two versions claim one run: what it trained is not clear.",
			Hint:    "make run ids that nobody else makes, such as those that auditlog exec gives",
			find: func(b *life, say say) {
				for _, r := range b.runs {
					for _, e := range b.foreign {
						if e.p.Run == r.ID {
							say(r.entries[0], "run %q is also one of %s %s (%s, record %d)", r.ID, e.p.Model, e.p.Version, e.p.Event, e.Index)
							break
						}
					}
				}
			},
		},
		{
			Code: "outcome-contradicts", Severity: Error,
			Summary: "how a run ended agrees with the exit status of its process",
			Why:     "A training that exits with an error has not finished, whatever is claimed.",
			Hint:    "see the log of the run, and record its true end",
			find: func(b *life, say say) {
				for _, r := range b.runs {
					for _, e := range r.ends {
						x := e.p.Process
						switch {
						case x == nil:
						case e.is(audit.TrainFinished) && x.Signal != "":
							say(e, "run %q is said to have finished, but its process was ended by signal %s", r.ID, x.Signal)
						case e.is(audit.TrainFinished) && x.Exit != nil && *x.Exit != 0:
							say(e, "run %q is said to have finished, but its process exited with status %d", r.ID, *x.Exit)
						case e.is(audit.TrainFailed) && x.Signal == "" && x.Exit != nil && *x.Exit == 0:
							say(e, "run %q is said to have failed, but its process exited with status 0", r.ID)
						}
					}
				}
			},
		},
		{
			Code: "outputs-missing", Severity: Warning,
			Summary: "a run that finished left artefacts",
			Why:     "Without their digests, nobody can say later whether a file in use came from this run.",
			Hint:    "name what the training writes with --output, or record train.finished again in a new run",
			find: func(b *life, say say) {
				for _, r := range b.runs {
					for _, e := range r.ends {
						if e.is(audit.TrainFinished) && len(e.p.Outputs) == 0 {
							say(e, "run %q finished, and no artefact of it was recorded", r.ID)
						}
					}
				}
			},
		},
	}
}
