package query

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/ledger"
)

// maxOnType is how many records of a type of device are looked through to find
// what replaced a version there.
const maxOnType = 1000

// Version gives the life of a version of a model. Without a record of it, it is
// ErrNone.
func (v *View) Version(ctx context.Context, model, version string) (*lifecycle.Timeline, error) {
	life, remarks, err := v.life(ctx, model, version, records{})
	if err != nil {
		return nil, err
	}
	if v.o.Overlaps {
		more, err := v.overlaps(ctx, life)
		if err != nil {
			return nil, err
		}
		remarks = append(remarks, more...)
	}
	t := life.Timeline()
	t.Ledger, t.Remarks = v.Snapshot(), remarks
	return t, nil
}

// Records lists the records that Version rests on, by index: those of the
// version, heartbeats too, and those about its data sets and devices.
func (v *View) Records(ctx context.Context, model, version string) ([]int64, error) {
	life, _, err := v.life(ctx, model, version, records{})
	if err != nil {
		return nil, err
	}
	all := make([]int64, 0, len(life.Records))
	for _, r := range life.Records {
		all = append(all, r.Index)
	}
	return all, nil
}

// life gathers what belongs to the life of a version, beside the records that are
// known, and says what could not be looked at. A heartbeat is found by a run that
// another record of the version names.
func (v *View) life(ctx context.Context, model, version string, all records) (*lifecycle.Life, []string, error) {
	if _, err := v.find(ctx, audit.VersionKey(model, version), 0, 0, all, nil); err != nil {
		return nil, nil, err
	}
	if len(all) == 0 {
		return nil, nil, fmt.Errorf("version %q of %w", version, none("model", model))
	}
	var remarks []string
	seen := map[ledger.Key]bool{}
	also := func(key ledger.Key, from int64, limit int, want func(*audit.Predicate) bool) error {
		if seen[key] || key.Value == "" {
			return nil
		}
		seen[key] = true
		whole, err := v.find(ctx, key, from, limit, all, want)
		if !whole && err == nil {
			remarks = append(remarks, fmt.Sprintf("%q has more than %d records: what replaced the version there was not looked up", key.Value, limit))
		}
		return err
	}
	for _, r := range v.sorted(all) {
		if r.Record == nil {
			continue
		}
		p := r.Record.Predicate()
		if err := also(ledger.Key{Name: audit.KeyRun, Value: p.Run}, 0, 0, nil); err != nil {
			return nil, nil, err
		}
		for _, d := range p.Data {
			// A record about a data set has its manifest as subject.
			if err := also(ledger.Key{Name: audit.KeySubject, Value: "sha3_512:" + d.Fingerprint.Manifest.String()}, 0, 0, ofData); err != nil {
				return nil, nil, err
			}
		}
		if d := p.Deployment; d != nil {
			name, from, limit := d.Device, r.Index, 0
			if name == "" {
				name, limit = d.DeviceType, maxOnType
			}
			if p.Event != audit.Deployed {
				from = 0 // what it was deployed with, before the version came
			}
			if err := also(ledger.Key{Name: audit.KeyDevice, Value: name}, from, limit, nil); err != nil {
				return nil, nil, err
			}
		}
	}
	// Where nothing that came later is in use, it is what was there before.
	inUse := map[string]bool{}
	for _, i := range lifecycle.Installations(v.sorted(all)) {
		if i.Device != "" {
			inUse[i.Device] = inUse[i.Device] || i.State == lifecycle.InUse
		}
	}
	for _, device := range slices.Sorted(maps.Keys(inUse)) {
		if !inUse[device] {
			if _, err := v.find(ctx, ledger.Key{Name: audit.KeyDevice, Value: device}, 0, 0, all, nil); err != nil {
				return nil, nil, err
			}
		}
	}
	return &lifecycle.Life{
		Model: model, Version: version, Records: v.judged(all), Now: v.o.Now, Silence: v.o.Silence,
	}, remarks, nil
}

func ofData(p *audit.Predicate) bool { return p.Event.Scope() == audit.OfData }

// sorted gives records in order, as they are.
func (v *View) sorted(all records) []lifecycle.Record {
	list := make([]lifecycle.Record, 0, len(all))
	for _, r := range all {
		list = append(list, r)
	}
	slices.SortFunc(list, func(x, y lifecycle.Record) int { return int(x.Index - y.Index) })
	return list
}

// A Model is what there is of a model.
type Model struct {
	V        int                 `json:"v"` // 1
	Model    string              `json:"modelId"`
	Ledger   *lifecycle.Snapshot `json:"ledger"`
	Versions []Summary           `json:"versions"` // by their first record
}

// A Summary is the life of a version in short.
type Summary struct {
	Version string           `json:"version"`
	State   lifecycle.State  `json:"state"`
	First   lifecycle.Mark   `json:"first"`
	Last    lifecycle.Mark   `json:"last"`
	Runs    int              `json:"runs"`
	Counts  lifecycle.Counts `json:"counts"` // of problems
}

// Model lists the versions of a model. Without a record of it, it is ErrNone.
func (v *View) Model(ctx context.Context, model string) (*Model, error) {
	all := records{}
	if _, err := v.find(ctx, ledger.Key{Name: audit.KeyModel, Value: model}, 0, 0, all, nil); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, none("model", model)
	}
	m := &Model{V: 1, Model: model, Ledger: v.Snapshot(), Versions: []Summary{}}
	seen := map[string]bool{}
	for _, r := range v.sorted(all) {
		if r.Record == nil || seen[r.Record.Predicate().Version] {
			continue
		}
		version := r.Record.Predicate().Version
		seen[version] = true
		life, _, err := v.life(ctx, model, version, records{})
		if err != nil {
			return nil, err
		}
		t := life.Timeline()
		s := Summary{Version: version, State: t.State, Runs: len(t.Runs), Counts: t.Counts}
		s.First, s.Last = span(life)
		m.Versions = append(m.Versions, s)
	}
	return m, nil
}

// span gives the first and the last record of the version itself.
func span(l *lifecycle.Life) (first, last lifecycle.Mark) {
	found := false
	for _, r := range l.Records {
		if r.Record == nil {
			continue
		}
		if p := r.Record.Predicate(); p.Model == l.Model && p.Version == l.Version {
			last = lifecycle.Mark{Index: r.Index, Time: p.Time.Claimed}
			if !found {
				first, found = last, true
			}
		}
	}
	return first, last
}

// Runs are the runs of one id.
type Runs struct {
	V      int                 `json:"v"` // 1
	Ledger *lifecycle.Snapshot `json:"ledger"`
	Runs   []Run               `json:"runs"`
}

// A Run is one run, and what its records say.
type Run struct {
	Model    string              `json:"modelId"`
	Version  string              `json:"version"`
	Run      lifecycle.Run       `json:"run"`
	Events   []lifecycle.Event   `json:"events"`
	Problems []lifecycle.Problem `json:"problems"`
	Counts   lifecycle.Counts    `json:"counts"`
}

// Run gives what there is of a run: of each version that claims it, in the order
// of their first records. Without a record of it, it is ErrNone.
func (v *View) Run(ctx context.Context, run string) (*Runs, error) {
	all := records{}
	if _, err := v.find(ctx, ledger.Key{Name: audit.KeyRun, Value: run}, 0, 0, all, nil); err != nil {
		return nil, err
	}
	runs := &Runs{V: 1, Ledger: v.Snapshot()}
	seen := map[[2]string]bool{}
	for _, r := range v.sorted(all) {
		if r.Record == nil {
			continue
		}
		p := r.Record.Predicate()
		id := [2]string{p.Model, p.Version}
		if seen[id] {
			continue
		}
		seen[id] = true
		life, _, err := v.life(ctx, p.Model, p.Version, maps.Clone(all))
		if err != nil {
			return nil, err
		}
		t := life.Timeline()
		a := Run{Model: p.Model, Version: p.Version, Run: lifecycle.Run{ID: run}, Events: []lifecycle.Event{}, Problems: []lifecycle.Problem{}}
		for _, x := range t.Runs {
			if x.ID == run {
				a.Run = x
			}
		}
		mine := map[int64]bool{}
		for _, x := range life.Records {
			if x.Record != nil && x.Record.Predicate().Run == run {
				mine[x.Index] = true
			}
		}
		for _, e := range t.Events {
			if mine[e.Index] {
				a.Events = append(a.Events, e)
			}
		}
		for _, x := range t.Problems {
			if mine[x.Index] {
				a.Problems = append(a.Problems, x)
				a.Counts.Add(x.Severity)
			}
		}
		runs.Runs = append(runs.Runs, a)
	}
	if len(runs.Runs) == 0 {
		return nil, none("run", run)
	}
	return runs, nil
}
