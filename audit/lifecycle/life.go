package lifecycle

import (
	"cmp"
	"slices"
	"time"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/trust"
)

// A Record is a record in its place, with what is thought of it.
type Record struct {
	Index int64
	Bytes []byte
	// Record is what audit.Open made of the bytes; nil if it refused them, for
	// the reason in Err.
	Record  *audit.Record
	Err     error
	Verdict trust.Verdict // of trust.Keyring.Judge
	Policy  audit.Policy  // in force at the record
}

// A Life is what a Timeline is made of.
type Life struct {
	Model, Version string
	// Records are those of the version, of its runs (heartbeats), and those
	// that register or validate the data sets that it names. Records of other
	// versions may be among them: where they share a run, or a device.
	Records []Record
	// Overlaps tell what data sets have in common, where it is known.
	Overlaps []Overlap
	// Now is what the silence of a run that has not ended is measured against;
	// zero: the newest time that a record of the version or its data claims.
	Now time.Time
	// Silence is how long a run may say nothing; zero: an hour.
	Silence time.Duration
}

// An Overlap says that two data sets have contents in common.
type Overlap struct {
	A, B           string // roots of their path trees, in hexadecimal
	Contents       uint64 // different contents
	FilesA, FilesB uint64 // files that have them
}

// Timeline makes the timeline.
func (l Life) Timeline() *Timeline {
	b := newLife(l)
	t := &Timeline{V: 1, Model: l.Model, Version: l.Version, Now: audit.FormatTime(b.now)}
	if b.now.IsZero() {
		t.Now = ""
	}
	t.Events = b.lines()
	t.Runs = make([]Run, 0, len(b.runs))
	for _, r := range b.runs {
		t.Runs = append(t.Runs, r.Run)
	}
	t.Data = make([]Data, 0, len(b.data))
	for _, d := range b.data {
		t.Data = append(t.Data, d.Data)
	}
	t.Artifacts = b.artifacts
	t.Devices = b.devices
	t.State = b.state()
	t.Problems = b.problems()
	for _, p := range t.Problems {
		t.Counts.Add(p.Severity)
	}
	return t
}

// entry is a record that could be read, or not: then p is nil.
type entry struct {
	Record
	p    *audit.Predicate
	kind audit.Kind
	time time.Time // as claimed
}

func (e *entry) is(events ...audit.Event) bool {
	return e.p != nil && slices.Contains(events, e.p.Event)
}

// heartbeat is the one event that KeyOfVer leaves out, and a timeline sums up.
func (e *entry) heartbeat() bool { return e.is(audit.TrainHeartbeat) }

func (e *entry) mark() Mark {
	m := Mark{Index: e.Index}
	if e.p != nil {
		m.Time = e.p.Time.Claimed
	}
	return m
}

// names reports whether the record names a data set, by the root of its tree.
func (e *entry) names(root string) bool {
	return e.p != nil && slices.ContainsFunc(e.p.Data, func(d audit.Dataset) bool { return d.Fingerprint.Tree.Root.String() == root })
}

// life is a Life with what follows from it, for the checks.
type life struct {
	Life
	now     time.Time
	entries []*entry // of whatever belongs to the life, in order
	own     []*entry // of the version, heartbeats included
	main    []*entry // of the version, heartbeats left out
	foreign []*entry // of other versions
	runs    []*run
	data    []*dataset

	artifacts []Artifact
	devices   []Device
}

type dataset struct {
	Data
	root string
	uses []*entry
}

func newLife(l Life) *life {
	b := &life{Life: l, now: l.Now, artifacts: []Artifact{}, devices: []Device{}}
	if b.Silence == 0 {
		b.Silence = time.Hour
	}
	records := slices.Clone(l.Records)
	slices.SortStableFunc(records, func(x, y Record) int { return cmp.Compare(x.Index, y.Index) })
	records = slices.CompactFunc(records, func(x, y Record) bool { return x.Index == y.Index })

	all := make([]*entry, 0, len(records))
	for _, r := range records {
		e := &entry{Record: r}
		if r.Record != nil {
			e.p = r.Record.Predicate()
			e.kind, _ = audit.KindOf(e.p.Event)
			e.time, _ = time.Parse(time.RFC3339Nano, e.p.Time.Claimed)
		}
		all = append(all, e)
	}
	for _, e := range all {
		switch {
		case e.p == nil:
		case e.p.Model == l.Model && e.p.Version == l.Version:
			b.own = append(b.own, e)
			b.use(e)
			if !e.heartbeat() {
				b.main = append(b.main, e)
			}
		case e.kind.Scope != audit.OfData:
			b.foreign = append(b.foreign, e)
		}
	}
	for _, e := range all {
		if e.p == nil || b.isOwn(e) || e.kind.Scope == audit.OfData && b.uses(e) {
			b.entries = append(b.entries, e)
			if l.Now.IsZero() && e.time.After(b.now) {
				b.now = e.time
			}
		}
	}
	b.findRuns()
	b.findData()
	b.findArtifacts()
	b.findDevices(all)
	return b
}

func (b *life) isOwn(e *entry) bool {
	return e.p != nil && e.p.Model == b.Model && e.p.Version == b.Version
}

// use notes the data sets that a record of the version names.
func (b *life) use(e *entry) {
	for _, d := range e.p.Data {
		root := d.Fingerprint.Tree.Root.String()
		i := slices.IndexFunc(b.data, func(x *dataset) bool { return x.root == root })
		if i < 0 {
			i = len(b.data)
			b.data = append(b.data, &dataset{root: root, Data: Data{Name: d.Name, Fingerprint: d.Fingerprint, Uses: []int64{}}})
		}
		x := b.data[i]
		if d.Role != "" && !slices.Contains(x.Roles, d.Role) {
			x.Roles = append(x.Roles, d.Role)
		}
		if len(x.uses) == 0 || x.uses[len(x.uses)-1] != e {
			x.uses = append(x.uses, e)
			x.Uses = append(x.Uses, e.Index)
		}
	}
}

func (b *life) uses(e *entry) bool {
	return slices.ContainsFunc(b.data, func(d *dataset) bool { return e.names(d.root) })
}

func (b *life) findData() {
	for _, e := range b.entries {
		for _, d := range b.data {
			if !e.names(d.root) {
				continue
			}
			d.declare(e.p)
			m := e.mark()
			switch e.p.Event {
			case audit.DataRegistered:
				if d.Registered == nil {
					d.Registered = &m
				}
			case audit.DataValidated:
				d.Validated, d.Verdict = &m, e.p.Validation.Verdict
			}
		}
	}
}

// declare takes what a record says of the data set, where none before it said
// anything.
func (d *dataset) declare(p *audit.Predicate) {
	for _, x := range p.Data {
		if x.Fingerprint.Tree.Root.String() != d.root {
			continue
		}
		d.Source, d.AcquiredAt = cmp.Or(d.Source, x.Source), cmp.Or(d.AcquiredAt, x.AcquiredAt)
		d.Medium, d.Sampling = cmp.Or(d.Medium, x.Medium), cmp.Or(d.Sampling, x.Sampling)
		d.Licence, d.Classification = cmp.Or(d.Licence, x.Licence), cmp.Or(d.Classification, x.Classification)
	}
}

// findArtifacts lists what the version produced, each once.
func (b *life) findArtifacts() {
	for _, e := range b.main {
		if !e.is(audit.TrainFinished, audit.Exported, audit.BridgeMapped) {
			continue
		}
		for _, a := range e.p.Outputs {
			if b.produced(&a, e.Index+1) == nil {
				b.artifacts = append(b.artifacts, Artifact{Artifact: a, From: e.mark(), By: e.p.Event})
			}
		}
	}
}

// produced finds an artefact among those that records before an index left, by
// any digest.
func (b *life) produced(a *audit.Artifact, before int64) *Artifact {
	for i, x := range b.artifacts {
		if x.From.Index < before && same(x.Digest, a.Digest) {
			return &b.artifacts[i]
		}
	}
	return nil
}

// same reports whether two sets of digests have one in common and contradict
// each other in none.
func same(x, y audit.DigestSet) bool {
	found := false
	for name, digest := range x {
		if other, ok := y[name]; ok {
			if other != digest {
				return false
			}
			found = true
		}
	}
	return found
}

// last finds the newest record of the version with one of these events and an
// index below a bound; nil if there is none.
func (b *life) last(before int64, events ...audit.Event) *entry {
	for _, e := range slices.Backward(b.main) {
		if e.Index < before && e.is(events...) {
			return e
		}
	}
	return nil
}

const end = int64(1) << 62 // an index beyond all records

// state tells how far the version has come, see State.
func (b *life) state() State {
	at := func(e *entry) int64 {
		if e == nil {
			return -1
		}
		return e.Index
	}
	retired := at(b.last(end, audit.Retired))
	trained := at(b.last(end, audit.TrainFinished))
	switch {
	case retired >= 0 && retired > at(b.last(end, audit.Deployed, audit.OTAUpdated)):
		return Retired
	case slices.ContainsFunc(b.devices, func(d Device) bool { return d.State == InUse }):
		return Deployed
	}
	if e := b.last(end, audit.Approved, audit.Rejected); at(e) > trained {
		if e.is(audit.Approved) {
			return Approved
		}
		return Rejected
	}
	if at(b.last(end, audit.EvalFinished)) > trained {
		return Evaluated
	}
	if trained >= 0 {
		return Trained
	}
	if n := len(b.runs); n > 0 {
		switch {
		case slices.ContainsFunc(b.runs, func(r *run) bool { return r.Outcome == RunOpen }):
			return Training
		case b.runs[n-1].Outcome == RunAborted:
			return Aborted
		}
		return Failed
	}
	if b.last(end, audit.EvalPreregistered) != nil {
		return Planned
	}
	return Unknown
}
