package lifecycle_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/lifecycle/lifetest"
	"github.com/mmaudit/mmaudit/audit/toolchain"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
)

// A mutation does one thing to a good life that calls for one check.
type mutation struct {
	code, name string
	// events changes what happened, before records are made of it; life what
	// is known of the records.
	events func([]*audit.Predicate) []*audit.Predicate
	life   func(*lifecycle.Life)
	with   []string // codes that follow from it
}

// on changes the first event of a kind.
func on(e audit.Event, change func(*audit.Predicate)) func([]*audit.Predicate) []*audit.Predicate {
	return func(all []*audit.Predicate) []*audit.Predicate {
		change(all[find(all, e)])
		return all
	}
}

func find(all []*audit.Predicate, e audit.Event) int {
	i := slices.IndexFunc(all, func(p *audit.Predicate) bool { return p.Event == e })
	if i < 0 {
		panic("no " + e)
	}
	return i
}

// without leaves out all events of a kind.
func without(e audit.Event) func([]*audit.Predicate) []*audit.Predicate {
	return func(all []*audit.Predicate) []*audit.Predicate {
		return slices.DeleteFunc(all, func(p *audit.Predicate) bool { return p.Event == e })
	}
}

// until ends the life with the last event of a kind.
func until(all []*audit.Predicate, e audit.Event) []*audit.Predicate {
	for i := len(all) - 1; ; i-- {
		if all[i].Event == e {
			return all[:i+1]
		}
	}
}

// again puts a copy of an event, changed, at another place. It claims the time of
// the event after which it comes.
func again(all []*audit.Predicate, e, after audit.Event, change func(*audit.Predicate)) []*audit.Predicate {
	p := *all[find(all, e)]
	i := find(all, after)
	p.Time = all[i].Time
	if change != nil {
		change(&p)
	}
	return slices.Insert(all, i+1, &p)
}

// move puts an event after another one, with its time.
func move(e, after audit.Event) func([]*audit.Predicate) []*audit.Predicate {
	return func(all []*audit.Predicate) []*audit.Predicate {
		i := find(all, e)
		p := all[i]
		all = slices.Delete(all, i, i+1)
		j := find(all, after)
		p.Time = all[j].Time
		return slices.Insert(all, j+1, p)
	}
}

func flagged(code string) func([]*audit.Predicate) []*audit.Predicate {
	return on(audit.TrainStarted, func(p *audit.Predicate) {
		t := *p.Toolchain
		s := *t.Summary
		s.Flags = []toolchain.Flag{{Code: code, Message: "look at this"}}
		t.Summary, p.Toolchain = &s, &t
	})
}

func data(e audit.Event, change func(*audit.Dataset)) func([]*audit.Predicate) []*audit.Predicate {
	return on(e, func(p *audit.Predicate) {
		p.Data = slices.Clone(p.Data)
		change(&p.Data[0])
	})
}

func metric(value string) func(*audit.Predicate) {
	return func(p *audit.Predicate) { p.Metrics[0].Value, p.Evaluation.Verdict = value, "" }
}

func evaluation(change func(*audit.Evaluation)) func([]*audit.Predicate) []*audit.Predicate {
	return on(audit.EvalFinished, func(p *audit.Predicate) { change(p.Evaluation) })
}

// retrained has the version train again, in a new run, after an event.
func retrained(after audit.Event) func([]*audit.Predicate) []*audit.Predicate {
	return func(all []*audit.Predicate) []*audit.Predicate {
		rename := func(p *audit.Predicate) { p.Run = "r2" }
		all = again(all, audit.TrainFinished, after, rename)
		return again(all, audit.TrainStarted, after, rename)
	}
}

func claims(e audit.Event, at time.Time) func([]*audit.Predicate) []*audit.Predicate {
	return on(e, func(p *audit.Predicate) { p.Time.Claimed = audit.FormatTime(at) })
}

// forged replaces the bytes of the record of an event.
func forged(e audit.Event, names ...string) func(*lifecycle.Life) {
	return func(l *lifecycle.Life) {
		for i, r := range l.Records {
			if p := r.Record.Predicate(); p.Event == e {
				q := *p
				q.Actor.KeyID = trusttest.ID(names[0])
				l.Records[i].Bytes = trusttest.Seal(&q, names...)
			}
		}
	}
}

var mutations = []mutation{
	{code: "required-missing", name: "data.registered", events: without(audit.DataRegistered)},
	{code: "required-missing", name: "train.started", events: without(audit.TrainStarted)},
	{code: "required-missing", name: "train.finished", events: without(audit.TrainFinished), with: []string{"run-open"}},
	{code: "required-missing", name: "eval.finished", events: without(audit.EvalFinished)},
	{code: "required-missing", name: "approved", events: without(audit.Approved), with: []string{"advised-missing"}},
	{code: "required-missing", name: "exported", events: func(all []*audit.Predicate) []*audit.Predicate {
		return until(without(audit.Exported)(all), audit.BridgeMapped)
	}},
	{code: "required-missing", name: "ota.updated", events: without(audit.OTAUpdated)},
	{code: "required-missing", name: "other run", events: on(audit.TrainStarted, func(p *audit.Predicate) { p.Run = "r2" }), with: []string{"run-open"}},
	{code: "required-late", name: "eval.finished", events: move(audit.EvalFinished, audit.Approved)},
	{code: "required-late", name: "train.started", events: move(audit.TrainStarted, audit.TrainFinished)},
	{code: "advised-missing", name: "eval.preregistered", events: without(audit.EvalPreregistered)},
	{code: "advised-missing", name: "data.validated", events: without(audit.DataValidated)},
	{code: "advised-missing", name: "other data validated", events: data(audit.DataValidated, func(d *audit.Dataset) { *d = audittest.Dataset("other", "") })},
	{code: "advised-late", name: "eval.preregistered", events: move(audit.EvalPreregistered, audit.EvalFinished)},
	{code: "advised-late", name: "approved", events: func(all []*audit.Predicate) []*audit.Predicate {
		return move(audit.Exported, audit.EvalFinished)(all)
	}},

	{code: "prev-mismatch", name: "digest", events: on(audit.Approved, func(p *audit.Predicate) {
		p.Prev = &audit.Prev{Index: 11, Digest: audittest.Digests("other")["sha3_512"]}
	})},
	{code: "prev-mismatch", name: "record of another", events: on(audit.Approved, func(p *audit.Predicate) {
		p.Prev = &audit.Prev{Index: 1, Digest: audittest.Digests("other")["sha3_512"]}
	})},
	{code: "prev-mismatch", name: "later record", events: on(audit.Approved, func(p *audit.Predicate) {
		p.Prev = &audit.Prev{Index: 15, Digest: audittest.Digests("other")["sha3_512"]}
	})},
	{code: "prev-stale", life: func(l *lifecycle.Life) {
		for i, r := range l.Records {
			if p := r.Record.Predicate(); p.Event == audit.Approved {
				q := *p
				q.Prev = &audit.Prev{Index: l.Records[i-2].Index, Digest: l.Records[i-2].Record.Digest()}
				l.Records[i].Bytes = trusttest.Seal(&q, "approver")
				l.Records = l.Records[:i+1]
			}
		}
	}},
	{code: "prev-missing", life: func(l *lifecycle.Life) {
		for i, r := range l.Records {
			if p := r.Record.Predicate(); p.Event == audit.Approved {
				q := *p
				q.Prev = nil
				l.Records[i].Bytes = trusttest.Seal(&q, "approver")
				l.Records = l.Records[:i+1]
			}
		}
	}},
	{code: "time-backwards", events: claims(audit.Approved, start)},
	{code: "time-ahead", events: claims(audit.EvalFinished, start.AddDate(0, 0, 3))},
	{code: "time-unsynced", events: on(audit.Approved, func(p *audit.Predicate) { p.Time.Synced = new(bool) })},
	{code: "gap-declared", events: on(audit.TrainStarted, func(p *audit.Predicate) {
		p.Gaps = []audit.Gap{{What: "nvidia.gpus", Reason: "permission denied"}}
	})},
	{code: "list-cut", events: on(audit.TrainFinished, func(p *audit.Predicate) {
		p.Cut = []audit.Cut{{Member: "outputs", Items: 300, Whole: audittest.Attachment("outputs.json", "[]")}}
	})},

	{code: "invalid-record", life: func(l *lifecycle.Life) {
		l.Records = append(l.Records, lifecycle.Record{Index: 900, Bytes: []byte("x"), Err: audit.ErrInvalid})
	}},
	{code: "bad-signature", life: func(l *lifecycle.Life) {
		for i, r := range l.Records {
			if r.Record.Predicate().Event == audit.Retired {
				n := r.Record.Envelope.Signatures[0].Sig
				n[0] ^= 1
				l.Records[i].Verdict = keyring().Judge(r.Index, r.Record)
				n[0] ^= 1
			}
		}
	}},
	{code: "unknown-key", life: forged(audit.Retired, "stranger")},
	{code: "wrong-role", life: forged(audit.Retired, "engineer")},
	{code: "actor-not-signer", life: func(l *lifecycle.Life) {
		for i, r := range l.Records {
			if p := r.Record.Predicate(); p.Event == audit.Retired {
				q := *p
				q.Actor.KeyID = trusttest.ID("admin")
				l.Records[i].Bytes = trusttest.Seal(&q, "releaser")
			}
		}
	}},
	{code: "roles-shared", life: func(l *lifecycle.Life) {
		for i, r := range l.Records {
			if r.Record.Predicate().Event == audit.Approved {
				l.Records[i].Verdict.Signers = l.Records[i+1].Verdict.Signers // the engineer's, who exports
			}
		}
	}},

	{code: "run-open", events: func(all []*audit.Predicate) []*audit.Predicate { return until(all, audit.TrainHeartbeat) }, life: func(l *lifecycle.Life) { l.Now = start.AddDate(0, 0, 1) }},
	{code: "run-silent", life: func(l *lifecycle.Life) { l.Silence = 30 * time.Second }},
	{code: "run-started-twice", events: func(all []*audit.Predicate) []*audit.Predicate {
		return again(all, audit.TrainStarted, audit.TrainHeartbeat, nil)
	}},
	{code: "run-ended-twice", events: func(all []*audit.Predicate) []*audit.Predicate {
		return again(all, audit.TrainFinished, audit.TrainFinished, func(p *audit.Predicate) {
			p.Event, p.Outputs, p.Process, p.Data = audit.TrainFailed, nil, nil, nil
		})
	}},
	{code: "run-ended-twice", name: "alike", events: func(all []*audit.Predicate) []*audit.Predicate {
		return again(all, audit.TrainFinished, audit.TrainFinished, nil)
	}},
	{code: "run-after-end", events: func(all []*audit.Predicate) []*audit.Predicate {
		return again(all, audit.TrainHeartbeat, audit.TrainFinished, nil)
	}},
	{code: "run-shared", events: func(all []*audit.Predicate) []*audit.Predicate {
		return again(all, audit.TrainFinished, audit.TrainFinished, func(p *audit.Predicate) { p.Version = "3.3.0" })
	}},
	{code: "outcome-contradicts", name: "finished with 1", events: on(audit.TrainFinished, func(p *audit.Predicate) { *p.Process.Exit = 1 })},
	{code: "outcome-contradicts", name: "finished by a signal", events: on(audit.TrainFinished, func(p *audit.Predicate) { p.Process.Exit, p.Process.Signal = nil, "SIGKILL" })},
	{code: "outcome-contradicts", name: "failed with 0", events: func(all []*audit.Predicate) []*audit.Predicate {
		all = until(all, audit.TrainFinished)
		p := all[len(all)-1]
		p.Event, p.Outputs = audit.TrainFailed, nil
		return all
	}},

	{code: "outputs-missing", events: func(all []*audit.Predicate) []*audit.Predicate {
		return until(on(audit.TrainFinished, func(p *audit.Predicate) { p.Outputs = nil })(all), audit.TrainFinished)
	}},

	{code: "data-changed", events: data(audit.TrainFinished, func(d *audit.Dataset) { d.Fingerprint.Tree.Root[0]++ })},
	{code: "data-changed", name: "one of two of a name", events: func(all []*audit.Predicate) []*audit.Predicate {
		second := audittest.Dataset("nuscenes-test", "train")
		second.Name = "nuscenes"
		for _, e := range []audit.Event{audit.TrainStarted, audit.TrainFinished} {
			p := all[find(all, e)]
			p.Data = append(slices.Clone(p.Data), second)
		}
		all = on(audit.EvalFinished, func(p *audit.Predicate) { p.Data, p.Metrics[0].Data = nil, "" })(all)
		return on(audit.TrainFinished, func(p *audit.Predicate) { p.Data[1].Fingerprint.Tree.Root[0]++ })(all)
	}},
	{code: "data-partial", events: data(audit.TrainStarted, func(d *audit.Dataset) {
		d.Fingerprint.Status, d.Fingerprint.Tree.Unreadable = fingerprint.Partial, 2
	})},
	{code: "data-cached", events: data(audit.TrainStarted, func(d *audit.Dataset) { d.Fingerprint.Cached = 9 })},
	{code: "data-empty", events: data(audit.TrainStarted, func(d *audit.Dataset) { d.Fingerprint.Files = 0 })},
	{code: "validation-failed", events: on(audit.DataValidated, func(p *audit.Predicate) { p.Validation.Verdict = "fail" })},
	{code: "test-data-trained", name: "data set", events: on(audit.EvalFinished, func(p *audit.Predicate) {
		p.Data, p.Metrics[0].Data = []audit.Dataset{audittest.Dataset("nuscenes", "test")}, ""
	})},
	{code: "test-data-trained", name: "content under other names", events: data(audit.EvalFinished, func(d *audit.Dataset) {
		d.Fingerprint.Content = audittest.Dataset("nuscenes", "").Fingerprint.Content
	})},
	{code: "test-data-trained", name: "metric", events: on(audit.EvalFinished, func(p *audit.Predicate) {
		p.Metrics[0].Data = audittest.Dataset("nuscenes", "").Fingerprint.Tree.Root.String()
	})},
	{code: "test-data-overlaps", life: func(l *lifecycle.Life) {
		root := func(name string) string { return audittest.Dataset(name, "").Fingerprint.Tree.Root.String() }
		l.Overlaps = []lifecycle.Overlap{{A: root("nuscenes-test"), B: root("nuscenes"), Contents: 3, FilesA: 3, FilesB: 4}}
	}},

	{code: "driver-mismatch", events: flagged("driver-mismatch")},
	{code: "source-dirty", events: flagged("source-dirty")},
	{code: "toolchain-flag", events: flagged("package-editable")},
	{code: "toolchain-changed", events: on(audit.TrainFinished, func(p *audit.Predicate) {
		p.Toolchain = audittest.Toolchain(map[string]string{"driver": "535.129.03", "cuda": "12.6"})
	})},
	{code: "params-changed", events: on(audit.TrainFinished, func(p *audit.Predicate) { p.Params = audittest.Params("lr=0.01") })},
	{code: "params-flag", events: on(audit.TrainStarted, func(p *audit.Predicate) {
		q := *p.Params
		q.Flags = []audit.ParamsFlag{{Code: "ambiguous", Key: "country", Message: "NO is false to YAML 1.1"}}
		p.Params = &q
	})},

	{code: "plan-differs", name: "threshold", events: on(audit.EvalPreregistered, func(p *audit.Predicate) {
		p.Evaluation.Thresholds = []audit.Threshold{{Metric: "miou", Op: ">=", Value: "0.65"}}
	})},
	{code: "plan-differs", name: "document", events: evaluation(func(e *audit.Evaluation) { e.Plan = audittest.Attachment("plan.md", "another") })},
	{code: "plan-differs", name: "evaluation", events: evaluation(func(e *audit.Evaluation) { e.Name = "val-2027" })},
	{code: "threshold-unmeasured", events: on(audit.EvalFinished, func(p *audit.Predicate) { p.Metrics[0].Name = "iou" })},
	{code: "threshold-not-met", events: func(all []*audit.Predicate) []*audit.Predicate {
		return until(on(audit.EvalFinished, metric("0.599"))(all), audit.EvalFinished)
	}},
	{code: "threshold-not-met", name: "not a number", events: func(all []*audit.Predicate) []*audit.Predicate {
		return until(on(audit.EvalFinished, metric("nan"))(all), audit.EvalFinished)
	}},
	{code: "verdict-contradicts", name: "pass", events: func(all []*audit.Predicate) []*audit.Predicate {
		return until(on(audit.EvalFinished, func(p *audit.Predicate) { p.Metrics[0].Value = "0.1" })(all), audit.EvalFinished)
	}, with: []string{"threshold-not-met"}},
	{code: "verdict-contradicts", name: "fail", events: func(all []*audit.Predicate) []*audit.Predicate {
		return until(evaluation(func(e *audit.Evaluation) { e.Verdict = "fail" })(all), audit.EvalFinished)
	}},
	{code: "approval-of-failing", name: "threshold", events: on(audit.EvalFinished, metric("0.59"))},
	{code: "approval-of-failing", name: "threshold of the plan", events: on(audit.EvalFinished, func(p *audit.Predicate) {
		p.Metrics[0].Value, p.Evaluation.Verdict, p.Evaluation.Thresholds = "0.59", "", nil
	})},
	{code: "approval-of-failing", name: "verdict", events: func(all []*audit.Predicate) []*audit.Predicate {
		none := func(p *audit.Predicate) { p.Evaluation.Thresholds = nil }
		all = on(audit.EvalPreregistered, none)(all)
		return on(audit.EvalFinished, func(p *audit.Predicate) { none(p); p.Evaluation.Verdict = "fail" })(all)
	}},
	{code: "evaluation-outdated", events: retrained(audit.EvalFinished)},

	{code: "artifact-unknown", name: "swapped", events: on(audit.Deployed, func(p *audit.Predicate) {
		p.Outputs = []audit.Artifact{audittest.Artifact("model.onnx", "another")}
	})},
	{code: "artifact-unknown", name: "from", events: on(audit.Exported, func(p *audit.Predicate) {
		a := audittest.Artifact("other.pt", "another")
		p.Export.From = &a
	})},
	{code: "artifact-unknown", name: "one digest differs", events: on(audit.Approved, func(p *audit.Predicate) {
		a := p.Outputs[0]
		a.Digest = audit.DigestSet{"sha3_512": a.Digest["sha3_512"], "sha256": strings.Repeat("0", 64)}
		p.Outputs = []audit.Artifact{a}
	})},
	{code: "approval-outdated", events: retrained(audit.Approved)},
	{code: "approval-expired", events: on(audit.Approved, func(p *audit.Predicate) { p.Approval.Expires = p.Time.Claimed })},
	{code: "use-of-rejected", events: func(all []*audit.Predicate) []*audit.Predicate {
		return again(all, audit.Approved, audit.BridgeMapped, func(p *audit.Predicate) { p.Event = audit.Rejected })
	}},
	{code: "use-of-retired", events: func(all []*audit.Predicate) []*audit.Predicate {
		return again(all, audit.Deployed, audit.Retired, nil)
	}},
}

// notInALife are codes of checks about keys and policy, and those of
// signatures that audit/trust is tested for.
var notInALife = []string{"genesis-not-first", "second-genesis", "wrong-origin", "bad-key", "invalid-change", "revoked-key", "below-threshold"}

// TestMutations does one thing to a good life: exactly one check speaks, and says
// what, where and what to do.
func TestMutations(t *testing.T) {
	for _, m := range mutations {
		t.Run(m.code+"/"+m.name, func(t *testing.T) {
			all := good()
			if m.events != nil {
				all = m.events(all)
			}
			b := lifetest.NewBook()
			b.Add(all...)
			l := lifecycle.Life{Model: model, Version: version, Records: records(t, b.Records), Now: start.AddDate(0, 0, 1), Silence: 48 * time.Hour}
			if m.code == "run-open" || slices.Contains(m.with, "run-open") {
				l.Silence = time.Hour
			}
			if m.life != nil {
				m.life(&l)
				judge(t, &l)
			}
			check, ok := lifecycle.Lookup(m.code)
			if !ok {
				t.Fatal("not in the catalogue")
			}
			tl := l.Timeline()
			spoke := map[string]bool{}
			for _, p := range tl.Problems {
				spoke[p.Code] = true
				if p.Code != m.code && !slices.Contains(m.with, p.Code) {
					t.Errorf("also %s: record %d: %s", p.Code, p.Index, p.Message)
				}
				if p.Code == m.code && (p.Severity != check.Severity || p.Hint != check.Hint || p.Index == 0 || p.Message == "") {
					t.Errorf("%+v", p)
				}
				t.Log(p.Code, p.Index, p.Event, p.Message)
			}
			for _, code := range append(m.with, m.code) {
				if !spoke[code] {
					t.Errorf("%s did not speak", code)
				}
			}
		})
	}
}

// TestEveryCheckHasAMutation makes a check that nothing tests fail the build.
func TestEveryCheckHasAMutation(t *testing.T) {
	have := map[string]bool{}
	for _, m := range mutations {
		have[m.code] = true
	}
	seen := map[string]bool{}
	for _, c := range lifecycle.Catalogue() {
		if !have[c.Code] && !slices.Contains(notInALife, c.Code) {
			t.Errorf("%s has no mutation", c.Code)
		}
		if seen[c.Code] || c.Summary == "" || c.Why == "" || c.Hint == "" || c.Severity == "" {
			t.Errorf("%s is there twice, or lacks something", c.Code)
		}
		seen[c.Code] = true
	}
	if _, ok := lifecycle.Lookup("no-such-code"); ok {
		t.Error("found what is not there")
	}
}

// judge opens and judges anew the records whose bytes were replaced.
func judge(t *testing.T, l *lifecycle.Life) {
	t.Helper()
	for i, r := range l.Records {
		if r.Record == nil || string(r.Record.Bytes) == string(r.Bytes) {
			continue
		}
		var err error
		if r.Record, err = audit.Open(r.Bytes); err != nil && !errors.Is(err, r.Err) {
			t.Fatal(err)
		}
		r.Verdict = keyring().Judge(r.Index, r.Record)
		l.Records[i] = r
	}
}
