package lifecycle

import (
	"slices"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/internal/human"
)

func dataChecks() []Check {
	return []Check{
		{
			Code: "data-changed", Severity: Error,
			Summary: "the data of a run are the same at its end as at its start",
			Why:     "If files changed while the run read them, nobody can say what it was trained on.",
			Hint:    "train on a snapshot, or on a folder that nobody can write to; then train again",
			find: func(b *life, say say) {
				for _, r := range b.runs {
					for _, e := range r.ends {
						for _, d := range e.p.Data {
							if s, was := r.other(d, e.Index); was != nil {
								say(e, "data set %q had tree %s when run %q started (record %d), and %s when it ended",
									d.Name, human.Digest(was.Fingerprint.Tree.Root.String()), r.ID, s.Index, human.Digest(d.Fingerprint.Tree.Root.String()))
							}
						}
					}
				}
			},
		},
		{
			Code: "data-partial", Severity: Warning,
			Summary: "every file of a data set could be read",
			Why:     "The fingerprint does not say what the files that could not be read contain, and nobody can prove that something was not in training.",
			Hint:    "give the user who records the right to read, and fingerprint without allowing unreadable files",
			find: func(b *life, say say) {
				b.eachData(say, func(d *dataset, f fingerprint.Result) (string, uint64) {
					if f.Status == fingerprint.Partial || f.Tree.Unreadable > 0 {
						return "could not be read: its fingerprint is partial", f.Tree.Unreadable
					}
					return "", 0
				})
			},
		},
		{
			Code: "data-cached", Severity: Note,
			Summary: "every file of a data set was read for its fingerprint",
			Why:     "A digest from the cache says that the times and size of a file had not changed, not that its content had not.",
			Hint:    "fingerprint without cache for a version that will be released",
			find: func(b *life, say say) {
				b.eachData(say, func(d *dataset, f fingerprint.Result) (string, uint64) {
					if f.Cached > 0 {
						return "had their digests taken from a cache", f.Cached
					}
					return "", 0
				})
			},
		},
		{
			Code: "data-empty", Severity: Error,
			Summary: "a data set has files",
			Why:     "The path was wrong, or the volume was not mounted: the model was trained on something else.",
			Hint:    "check the path that was fingerprinted, and record again",
			find: func(b *life, say say) {
				for _, d := range b.data {
					if d.Fingerprint.Files == 0 {
						say(d.uses[0], "data set %q has no files", d.Name)
					}
				}
			},
		},
		{
			Code: "validation-failed", Severity: Warning,
			Summary: "the newest validation of the data before training passed",
			Why:     "Faults in the data were known, and the training went ahead.",
			Hint:    "see the validation report; repair the data, or say in a note why the faults do not matter",
			find: func(b *life, say say) {
				for _, d := range b.data {
					for _, e := range d.uses {
						if !e.is(audit.TrainStarted) {
							continue
						}
						var newest *entry
						for _, x := range b.entries {
							if x.Index < e.Index && x.is(audit.DataValidated) && x.names(d.root) {
								newest = x
							}
						}
						if newest != nil && newest.p.Validation.Verdict != "pass" {
							say(e, "training began on data set %q, whose validation (record %d) says %s: %s", d.Name, newest.Index, newest.p.Validation.Verdict, findings(newest.p.Validation))
						}
					}
				}
			},
		},
		{
			Code: "test-data-trained", Severity: Error,
			Summary: "no data set is used for training and for testing",
			Why:     "Results on data that the model was trained with say nothing about what it does elsewhere.",
			Hint:    "test on data of their own, and evaluate again",
			find: func(b *life, say say) {
				trained, tested := b.splits()
				for _, t := range tested {
					for _, d := range trained {
						if t.d.Fingerprint.Tree.Root == d.d.Fingerprint.Tree.Root || t.d.Fingerprint.Content == d.d.Fingerprint.Content && t.d.Fingerprint.Files > 0 {
							say(t.e, "data set %q is for testing, and %q, for training in record %d, has the same contents", t.d.Name, d.d.Name, d.e.Index)
						}
					}
				}
				for _, e := range b.main {
					for _, m := range e.p.Metrics {
						for _, d := range trained {
							if (m.Stage == "test" || m.Stage == "val") && m.Data == d.d.Fingerprint.Tree.Root.String() {
								say(e, "metric %q of stage %s was measured on data set %q, which is for training in record %d", m.Name, m.Stage, d.d.Name, d.e.Index)
							}
						}
					}
				}
			},
		},
		{
			Code: "test-data-overlaps", Severity: Error,
			Summary: "no file is in training and in test data",
			Why:     "A model may know such files by heart; results on them are too good.",
			Hint:    "take the files that both lists have out of one of the sets, and evaluate again",
			find: func(b *life, say say) {
				trained, tested := b.splits()
				for _, o := range b.Overlaps {
					for _, t := range tested {
						for _, d := range trained {
							a, z := d.d.Fingerprint.Tree.Root.String(), t.d.Fingerprint.Tree.Root.String()
							if o.Contents > 0 && a != z && (o.A == a && o.B == z || o.A == z && o.B == a) {
								say(t.e, "test data set %q shares %s with %q, which is for training in record %d", t.d.Name, human.Count(int(o.Contents), "content"), d.d.Name, d.e.Index)
							}
						}
					}
				}
			},
		},
	}
}

// other finds what a data set of that name and role was when the run started, if
// it was another one.
func (r *run) other(d audit.Dataset, before int64) (start *entry, was *audit.Dataset) {
	for _, s := range r.starts {
		for i, x := range s.p.Data {
			if x.Name != d.Name || x.Role != d.Role || s.Index > before {
				continue
			}
			if x.Fingerprint.Tree.Root == d.Fingerprint.Tree.Root {
				return nil, nil
			}
			start, was = s, &s.p.Data[i]
		}
	}
	return start, was
}

// eachData reports each use of a data set of which something holds, for the
// first time: what holds of its files, and of how many.
func (b *life) eachData(say say, holds func(*dataset, fingerprint.Result) (string, uint64)) {
	for _, d := range b.data {
		told := false
		for _, e := range d.uses {
			for _, x := range e.p.Data {
				if x.Fingerprint.Tree.Root.String() != d.root || told {
					continue
				}
				if what, n := holds(d, x.Fingerprint); what != "" {
					told = true
					say(e, "%s of data set %q %s", human.Count(int(min(n, 1<<53)), "entry"), d.Name, what)
				}
			}
		}
	}
}

// Splits lists the data sets that the version was trained on and those that it
// was tested on, each once.
func (l *Life) Splits() (trained, tested []audit.Dataset) {
	a, b := newLife(*l).splits()
	for _, s := range a {
		trained = append(trained, s.d)
	}
	for _, s := range b {
		tested = append(tested, s.d)
	}
	return trained, tested
}

// split is a data set as a record names it.
type split struct {
	e *entry
	d audit.Dataset
}

// splits lists the data sets that the version was trained on, and those it was
// tested on, each once.
func (b *life) splits() (trained, tested []split) {
	add := func(all []split, s split) []split {
		for _, x := range all {
			if x.d.Fingerprint.Tree.Root == s.d.Fingerprint.Tree.Root {
				return all
			}
		}
		return append(all, s)
	}
	for _, e := range b.main {
		for _, d := range e.p.Data {
			test := slices.Contains([]string{"test", "eval"}, d.Role) || e.is(audit.EvalFinished) && d.Role == ""
			switch {
			case test:
				tested = add(tested, split{e, d})
			case e.is(audit.TrainStarted, audit.TrainFinished) && (d.Role == "train" || d.Role == ""):
				trained = add(trained, split{e, d})
			}
		}
	}
	return trained, tested
}
