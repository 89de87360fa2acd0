package lifecycle

import (
	"fmt"
	"slices"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/internal/human"
)

func sequenceChecks() []Check {
	return []Check{
		{
			Code: "required-missing", Severity: Error,
			Summary: "what must come before an event is in the ledger",
			Why:     "Without it nobody can say what the event rests on: data that nobody registered, an approval without an evaluation.",
			Hint:    "record the missing event now: it will be shown as late, which is better than missing",
			find:    func(b *life, say say) { b.prerequisites(say, must, true) },
		},
		{
			Code: "required-late", Severity: Error,
			Summary: "what must come before an event came before it",
			Why:     "The order of the ledger is the only one that nobody can change afterwards. What was recorded later may have been made up to fit.",
			Hint:    "explain in a note on a new record why it came late; the order itself cannot be mended",
			find:    func(b *life, say say) { b.prerequisites(say, must, false) },
		},
		{
			Code: "advised-missing", Severity: Warning,
			Summary: "what good practice puts before an event is in the ledger",
			Why:     "Data that nobody validated, or an evaluation that nobody planned beforehand, convince nobody who asks later.",
			Hint:    "make the step part of the pipeline: validate data before training, preregister evaluations, approve before export",
			find:    func(b *life, say say) { b.prerequisites(say, should, true) },
		},
		{
			Code: "advised-late", Severity: Warning,
			Summary: "what good practice puts before an event came before it",
			Why:     "A plan that is written after the results, or a validation after the training, does not show what it is meant to.",
			Hint:    "put the step before the event in the pipeline",
			find:    func(b *life, say say) { b.prerequisites(say, should, false) },
		},
	}
}

func must(k audit.Kind) []audit.Event   { return k.After }
func should(k audit.Kind) []audit.Event { return k.Should }

// prerequisites looks for what should have come before each record, in the scope
// of what is looked for: each data set that the record names, its run, its
// device, or the version. It tells what is missing, or else what is late. The
// first record of an event and scope answers for those after it.
func (b *life) prerequisites(say say, needs func(audit.Kind) []audit.Event, missing bool) {
	done := map[string]bool{}
	for _, e := range b.entries {
		if e.p == nil {
			continue
		}
		for _, need := range needs(e.kind) {
			for _, s := range b.scopes(need, e) {
				what := fmt.Sprintf("%s: %s%s", e.p.Event, need, s.name)
				if done[what] {
					continue
				}
				done[what] = true
				switch before, after := b.around(e, need, s.has); {
				case before != nil:
				case after == nil && missing:
					say(e, "%s is not in the ledger", what)
				case after != nil && !missing:
					say(e, "%s came after it, as record %d", what, after.Index)
				}
			}
		}
	}
}

// A scope is where something is looked for.
type scope struct {
	name string
	has  func(*entry) bool
}

// scopes lists where an event is to be looked for that should come before e.
func (b *life) scopes(need audit.Event, e *entry) []scope {
	kind, _ := audit.KindOf(need)
	switch {
	case kind.Scope == audit.OfData:
		var all []scope
		for _, d := range b.data {
			if e.names(d.root) {
				all = append(all, scope{
					fmt.Sprintf(" of data set %q (tree %s)", d.Name, human.Digest(d.root)),
					func(x *entry) bool { return x.names(d.root) },
				})
			}
		}
		return all
	case kind.Scope == audit.OfRun && e.p.Run != "":
		return []scope{{fmt.Sprintf(" of run %q", e.p.Run), func(x *entry) bool { return b.isOwn(x) && x.p.Run == e.p.Run }}}
	case kind.Scope == audit.OfDevice && e.p.Deployment != nil:
		d := e.p.Deployment
		return []scope{{" on " + target(&audit.Deployment{Device: d.Device, DeviceType: d.DeviceType}), func(x *entry) bool {
			o := x.p.Deployment
			// A device that is updated had something deployed on it, of whatever version.
			if o == nil || !b.isOwn(x) && need != audit.Deployed {
				return false
			}
			if o.Device != "" && d.Device != "" {
				return o.Device == d.Device
			}
			return o.DeviceType == d.DeviceType // one of them is about all devices of a type
		}}}
	}
	return []scope{{"", b.isOwn}}
}

// around finds the records with an event before and after e.
func (b *life) around(e *entry, event audit.Event, has func(*entry) bool) (before, after *entry) {
	for _, x := range slices.Concat(b.entries, b.foreign) {
		switch {
		case x == e || !x.is(event) || !has(x):
		case x.Index < e.Index:
			before = x
		case after == nil || x.Index < after.Index:
			after = x
		}
	}
	return before, after
}
