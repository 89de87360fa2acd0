package lifecycle

import (
	"slices"
	"time"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/human"
)

func recordChecks() []Check {
	return []Check{
		{
			Code: "roles-shared", Severity: Error,
			Summary: "no key played two roles that the policy keeps apart",
			Why:     "Who trains a model and approves it as well has checked nothing.",
			Hint:    "have the event recorded by somebody with another key; who holds which roles is shown by auditlog keys show",
			find:    (*life).roles,
		},
		{
			Code: "prev-mismatch", Severity: Error,
			Summary: "the record to which prev points is in the ledger, of this version, and came before",
			Why:     "The writer saw another history: a fork of the ledger, records that were swapped, or a record that the index hides.",
			Hint:    "verify the whole ledger, and compare its checkpoint with one kept elsewhere (a bundle, a witness, the pin)",
			find: func(b *life, say say) {
				b.prev(func(e, want, have *entry) {
					switch {
					case e.p.Prev == nil:
					case have == nil:
						say(e, "prev points at record %d, which is no earlier record of this version", e.p.Prev.Index)
					case audit.DigestOf(have.Bytes) != e.p.Prev.Digest:
						say(e, "prev says that record %d has SHA3-512 %s, it has %s", have.Index, human.Digest(e.p.Prev.Digest), human.Digest(audit.DigestOf(have.Bytes)))
					}
				})
			},
		},
		{
			Code: "prev-stale", Severity: Warning,
			Summary: "prev points at the newest record of the version",
			Why:     "Somebody wrote at the same time, or this writer had an old copy of the ledger before it.",
			Hint:    "two runs of one version side by side do this and are harmless; else compare the checkpoint with one kept elsewhere",
			find: func(b *life, say say) {
				b.prev(func(e, want, have *entry) {
					if have != nil && want != nil && have.Index < want.Index {
						say(e, "prev points at record %d, but record %d (%s) came between", have.Index, want.Index, want.p.Event)
					}
				})
			},
		},
		{
			Code: "prev-missing", Severity: Note,
			Summary: "a record points at the one before it",
			Why:     "With prev, a record shows what its writer knew of the version.",
			Hint:    "auditlog record fills in prev by itself; other writers should",
			find: func(b *life, say say) {
				b.prev(func(e, want, have *entry) {
					if e.p.Prev == nil && want != nil && !e.heartbeat() {
						say(e, "the record does not point at record %d, the one before it", want.Index)
					}
				})
			},
		},
		{
			Code: "time-backwards", Severity: Warning,
			Summary: "a record claims a time not before that of the record before it",
			Why:     "The clock was wrong or set back, or the time was made up.",
			Hint:    "synchronise the clocks of machines that record; the order of events is that of the ledger, whatever they claim",
			find: func(b *life, say say) {
				b.clock(func(e, other *entry) {
					if other.Index < e.Index {
						say(e, "it claims %s, %s before record %d, which is older", e.p.Time.Claimed, span(other.time.Sub(e.time)), other.Index)
					}
				})
			},
		},
		{
			Code: "time-ahead", Severity: Warning,
			Summary: "a record claims a time not after those of the records that follow it",
			Why:     "The clock was ahead, or the time was made up.",
			Hint:    "synchronise the clocks of machines that record; the order of events is that of the ledger, whatever they claim",
			find: func(b *life, say say) {
				b.clock(func(e, other *entry) {
					if other.Index > e.Index {
						say(e, "it claims %s, %s after record %d, which is newer", e.p.Time.Claimed, span(e.time.Sub(other.time)), other.Index)
					}
				})
			},
		},
		{
			Code: "time-unsynced", Severity: Note,
			Summary: "a record was written on a machine whose clock was synchronised",
			Why:     "What such a machine claims about time may be off by any amount.",
			Hint:    "run chrony or systemd-timesyncd there",
			find: func(b *life, say say) {
				var first *entry
				more := 0
				for _, e := range b.entries {
					if e.p != nil && e.p.Time.Synced != nil && !*e.p.Time.Synced {
						if first == nil {
							first = e
						} else {
							more++
						}
					}
				}
				if first != nil {
					say(first, "the clock of the machine was not synchronised, here and in %s", human.Count(more, "later record"))
				}
			},
		},
		{
			Code: "gap-declared", Severity: Warning,
			Summary: "everything that should be collected was collected",
			Why:     "The writer itself says that something is missing from the record.",
			Hint:    "see to it that it can be collected next time: rights, tools, paths",
			find: func(b *life, say say) {
				for _, e := range b.entries {
					if e.p == nil {
						continue
					}
					for _, g := range e.p.Gaps {
						say(e, "%s could not be collected: %s", g.What, g.Reason)
					}
				}
			},
		},
		{
			Code: "list-cut", Severity: Note,
			Summary: "a record has all that there is to say, and not only the beginning of a list",
			Why:     "A record has at most 65,535 bytes. What the record itself does not name is not found by asking for it.",
			Hint:    "`auditlog bundle` gives the document; next time, one folder says as much as all of its files",
			find: func(b *life, say say) {
				for _, e := range b.entries {
					if e.p == nil {
						continue
					}
					for _, c := range e.p.Cut {
						where := "which was lost"
						if c.Whole != nil {
							where = "which is the document " + c.Whole.Name
						}
						say(e, "of %s the record has only the beginning of a list of %d, %s", c.Member, c.Items, where)
					}
				}
			},
		},
	}
}

// roles tells of each key that played two roles for the version which the
// policy in force at the second keeps apart. A key plays the role that an event
// asks for.
func (b *life) roles(say say) {
	played := map[string]map[audit.Role]*entry{} // by key, for the first time
	told := map[string]bool{}
	for _, e := range b.main {
		role := e.kind.Role
		if role == audit.AnyRole {
			continue
		}
		for _, s := range e.Verdict.Signers {
			if played[s.ID] == nil {
				played[s.ID] = map[audit.Role]*entry{}
			}
			for _, pair := range e.Policy.Separate {
				for i, r := range pair {
					first := played[s.ID][pair[1-i]]
					id := s.ID + string(pair[0]) + string(pair[1])
					if r != role || r == pair[1-i] || first == nil || told[id] {
						continue
					}
					told[id] = true
					say(e, "key %q signed it as %s, and %s (record %d) as %s: the policy keeps these roles apart", keyName(s), role, first.p.Event, first.Index, pair[1-i])
				}
			}
			if played[s.ID][role] == nil {
				played[s.ID][role] = e
			}
		}
	}
}

func keyName(s trust.Signer) string {
	if s.Name != "" {
		return s.Name
	}
	return human.Digest(s.ID)
}

// prev gives each record of the version with the one that its prev should point
// at, the newest before it that is no heartbeat, and the one that it does point
// at; nil where there is none. It may point at a newer heartbeat as well.
func (b *life) prev(each func(e, want, have *entry)) {
	var want *entry
	for _, e := range b.entries {
		if e.p == nil {
			continue
		}
		own := b.isOwn(e)
		var have *entry
		if p := e.p.Prev; p != nil {
			i, ok := slices.BinarySearchFunc(b.own, p.Index, func(x *entry, index int64) int { return int(x.Index - index) })
			if ok && p.Index < e.Index {
				have = b.own[i]
			}
		}
		if own {
			each(e, want, have)
			if !e.heartbeat() {
				want = e
			}
		}
	}
}

// Skew is how far clocks of different machines may be apart before it is held
// against a record.
const Skew = time.Minute

// clock gives each record whose claimed time does not fit in with the order of
// the ledger, with the worst of those it contradicts. Of contradicting records,
// as few as possible are to blame: those off the longest sequence of records
// that are in order.
func (b *life) clock(each func(e, other *entry)) {
	var all []*entry
	for _, e := range b.entries {
		if e.p != nil {
			all = append(all, e)
		}
	}
	in := inOrder(all)
	// The latest before, and the earliest after, of those in order.
	before, after := make([]*entry, len(all)), make([]*entry, len(all))
	var latest, earliest *entry
	for i, e := range all {
		if before[i] = latest; in[i] {
			latest = e
		}
	}
	for i := len(all) - 1; i >= 0; i-- {
		if after[i] = earliest; in[i] {
			earliest = all[i]
		}
	}
	for i, e := range all {
		switch {
		case in[i]:
		case before[i] != nil && before[i].time.Sub(e.time) > Skew:
			each(e, before[i])
		case after[i] != nil && e.time.Sub(after[i].time) > Skew:
			each(e, after[i])
		}
	}
}

// inOrder marks a longest subsequence whose times do not go backwards.
func inOrder(all []*entry) []bool {
	var tails []int // of the subsequences of each length, the last with the earliest time
	from := make([]int, len(all))
	for i, e := range all {
		n, _ := slices.BinarySearchFunc(tails, e.time, func(j int, t time.Time) int {
			if all[j].time.After(t) {
				return 1
			}
			return -1
		})
		from[i] = -1
		if n > 0 {
			from[i] = tails[n-1]
		}
		if n == len(tails) {
			tails = append(tails, i)
		} else {
			tails[n] = i
		}
	}
	in := make([]bool, len(all))
	if len(tails) > 0 {
		for i := tails[len(tails)-1]; i >= 0; i = from[i] {
			in[i] = true
		}
	}
	return in
}

// span writes a duration in the largest unit that suits it.
func span(d time.Duration) string { return d.Round(time.Second).String() }
