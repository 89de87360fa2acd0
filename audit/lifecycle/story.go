package lifecycle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/toolchain"
	"github.com/mmaudit/mmaudit/internal/human"
)

// lines makes the events of a timeline, heartbeats left out.
func (b *life) lines() []Event {
	events := make([]Event, 0, len(b.entries))
	for _, e := range b.entries {
		if e.heartbeat() {
			continue
		}
		v := Event{Mark: e.mark(), Digest: audit.DigestOf(e.Bytes), Signers: e.Verdict.Signers, Record: e.Record.Record}
		if e.p == nil {
			v.Line = "cannot be read"
			if e.Err != nil {
				v.Line += ": " + e.Err.Error()
			}
		} else {
			v.Event, v.Run, v.Actor, v.Line = e.p.Event, e.p.Run, e.p.Actor.ID, Line(e.p)
		}
		events = append(events, v)
	}
	return events
}

// Line says what a record that audit.Open accepted tells, for people, in one
// line. Names and reasons stand in it as they are: who prints it takes care of
// characters that its medium does not bear.
func Line(p *audit.Predicate) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	head := ""
	switch p.Event {
	case audit.DataRegistered:
		head = "registered " + datasets(p.Data)
	case audit.DataValidated:
		head = "validated " + datasets(p.Data)
		if v := p.Validation; v != nil {
			add("%s: %s, %s", v.Tool, v.Verdict, findings(v))
		}
	case audit.TrainStarted:
		head = "run " + p.Run + " began on " + datasets(p.Data)
		if p.Params != nil {
			add("%s %s", human.Count(p.Params.Tree.Count, "parameter"), human.Digest(p.Params.Hash.String()))
		}
		if t := p.Toolchain; t != nil {
			if len(t.Versions) > 0 {
				add("%s", versions(t.Versions))
			}
			if s := source(t); s != nil {
				add("commit %s%s", human.Digest(s.Commit), map[bool]string{true: " with changes"}[s.Dirty])
			}
		}
	case audit.TrainHeartbeat:
		head = "run " + p.Run + " goes on"
	case audit.TrainFinished:
		head = "run " + p.Run + " finished"
		if len(p.Outputs) > 0 {
			head += " and left " + artifacts(p)
		}
	case audit.TrainFailed:
		head = "run " + p.Run + " failed"
	case audit.TrainAborted:
		head = "run " + p.Run + " was stopped"
	case audit.EvalPreregistered:
		head = "evaluation " + p.Evaluation.Name + " was planned"
	case audit.EvalFinished:
		head = "evaluation " + p.Evaluation.Name + " finished"
		if p.Evaluation.Verdict != "" {
			head += ": " + p.Evaluation.Verdict
		}
	case audit.Approved, audit.Rejected:
		head = string(p.Event)
		if a := p.Approval; a != nil {
			if a.Reason != "" {
				add("%s", a.Reason)
			}
			if a.Expires != "" {
				add("until %s", a.Expires)
			}
		}
	case audit.Exported:
		head = "exported to " + p.Export.Format + ": " + artifacts(p)
	case audit.BridgeMapped:
		head = "operators mapped"
		if p.Bridge.Target != "" {
			head += " to " + p.Bridge.Target
		}
	case audit.Deployed:
		head = "deployed to " + target(p.Deployment)
	case audit.OTAUpdated:
		head = "updated " + target(p.Deployment)
	case audit.OTARolledBack:
		head = "update rolled back on " + target(p.Deployment)
	case audit.Incident:
		head = p.Incident.Severity + " incident: " + p.Incident.Summary
	case audit.Retired:
		head = "retired"
	default:
		head = string(p.Event)
		if kind, ok := audit.KindOf(p.Event); ok {
			head = kind.Summary
		}
	}
	if x := p.Process; x != nil {
		switch {
		case x.Signal != "":
			add("signal %s", x.Signal)
		case x.Exit != nil:
			add("exit status %d", *x.Exit)
		}
	}
	if e := p.Evaluation; e != nil && len(e.Thresholds) > 0 {
		var all []string
		for _, t := range e.Thresholds {
			all = append(all, t.Metric+" "+t.Op+" "+t.Value)
		}
		add("asked %s", strings.Join(all, ", "))
	}
	if len(p.Metrics) > 0 {
		add("%s", metrics(p.Metrics))
	}
	if d := p.Deployment; d != nil {
		if d.Before != "" {
			add("before %s", d.Before)
		}
		if d.After != "" {
			add("after %s", d.After)
		}
		if d.Result != "" && d.Result != "ok" {
			add("%s", d.Result)
		}
	}
	if r := p.Retention; r != nil {
		switch {
		case r.Hold:
			add("to be kept until further notice (%s)", r.Regime)
		case r.Until != "":
			add("to be kept until %s (%s)", r.Until, r.Regime)
		default:
			add("to be kept as %s asks", r.Regime)
		}
	}
	if p.Note != "" {
		add("%s", p.Note)
	}
	if len(parts) == 0 {
		return head
	}
	return head + "; " + strings.Join(parts, "; ")
}

// few is how many things of a kind a line names.
const few = 4

func list[T any](all []T, one func(T) string) string { return listOf(all, len(all), one) }

// listOf names the first of so many.
func listOf[T any](all []T, items int, one func(T) string) string {
	var names []string
	for _, x := range all[:min(len(all), few)] {
		names = append(names, one(x))
	}
	s := strings.Join(names, ", ")
	if n := items - len(names); n > 0 {
		s += fmt.Sprintf(" and %d more", n)
	}
	return s
}

func datasets(all []audit.Dataset) string {
	return list(all, func(d audit.Dataset) string {
		s := d.Name + " ("
		if d.Role != "" {
			s += d.Role + ", "
		}
		f := &d.Fingerprint
		return s + fmt.Sprintf("%s, %s, tree %s)", human.Count(int(min(f.Files, 1<<53)), "file"), human.Bytes(int64(min(f.Bytes, 1<<62))), human.Digest(f.Tree.Root.String()))
	})
}

func artifacts(p *audit.Predicate) string {
	return listOf(p.Outputs, p.Whole("outputs", len(p.Outputs)), func(a audit.Artifact) string {
		return fmt.Sprintf("%s (%s, %s)", a.Name, human.Bytes(a.Size), digest(a.Digest))
	})
}

func metrics(all []audit.Metric) string {
	return list(all, func(m audit.Metric) string {
		s := m.Name + " " + m.Value + m.Unit
		if m.Stage != "" {
			s += " (" + m.Stage + ")"
		}
		return s
	})
}

func versions(all map[string]string) string {
	return list(slices.Sorted(maps.Keys(all)), func(name string) string { return name + " " + all[name] })
}

func findings(v *audit.Validation) string {
	return human.Count(int(v.Errors), "error") + ", " + human.Count(int(v.Warnings), "warning")
}

func target(d *audit.Deployment) string {
	s := cmp.Or(d.Device, d.DeviceType)
	if d.Device != "" && d.DeviceType != "" {
		s += " (" + d.DeviceType + ")"
	}
	if d.Environment != "" {
		s += " in " + d.Environment
	}
	if d.SWIN != "" {
		s += ", SWIN " + d.SWIN
	}
	return s
}

func digest(set audit.DigestSet) string {
	for _, name := range [...]string{"sha3_512", "sha256"} {
		if set[name] != "" {
			return name + " " + human.Digest(set[name])
		}
	}
	return "no digest"
}

// source is the state of the source code that a toolchain reports, or nil.
func source(t *audit.Toolchain) *toolchain.Source {
	var s toolchain.Source
	if t == nil || !t.Summary.Decode("source.git", &s) || s.Commit == "" {
		return nil
	}
	return &s
}
