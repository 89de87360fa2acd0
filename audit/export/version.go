package export

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/toolchain"
)

// version is what the records of a version say, by subject.
type version struct {
	Source
	runs      []*run // in order of their first record
	run       *run   // the one that is exported, or nil
	data      []dataset
	labels    map[string]string
	gaps      []audit.Gap
	toolchain *toolchain.Report // the whole, if its document is there; else what the record holds
	params    []param           // if the document is there
}

// run is a run of training.
type run struct {
	id             string
	started, ended *Entry // nil if there is no such record
}

// dataset is a data set in one role.
type dataset struct {
	audit.Dataset
	ofRun bool // the run's records name it
}

// param is a hyper-parameter in the canonical form of package hparams.
type param struct {
	K string          `json:"k"`
	T string          `json:"t"`
	V json.RawMessage `json:"v"`
}

func gather(src Source) (*version, error) {
	v := &version{Source: src, labels: map[string]string{}}
	v.Entries = nil
	found := false
	for i, e := range src.Entries {
		if i > 0 && e.Index <= src.Entries[i-1].Index {
			return nil, fmt.Errorf("%w: record %d comes after record %d", ErrRecords, e.Index, src.Entries[i-1].Index)
		}
		p := e.Record.Predicate()
		if p.Model == "" || p.Model == src.Model && p.Version == src.Version {
			v.Entries = append(v.Entries, e)
		}
	}
	for i := range v.Entries {
		e := &v.Entries[i]
		p := e.Record.Predicate()
		found = found || p.Model != ""
		if p.Model != "" {
			maps.Copy(v.labels, p.Labels) // the last word counts
		}
		v.addRun(e)
	}
	if !found {
		return nil, fmt.Errorf("%w: there is none of %q %q", ErrRecords, src.Model, src.Version)
	}
	for _, r := range v.runs {
		if r.id == src.Run || src.Run == "" && r.finished() && (v.run == nil || v.run.ended.Index < r.ended.Index) {
			v.run = r
		}
	}
	if src.Run != "" && v.run == nil {
		return nil, fmt.Errorf("%w: none of them is of run %q", ErrRecords, src.Run)
	}
	v.addData()
	for _, e := range src.Entries {
		if p := e.Record.Predicate(); p.Run == "" || v.run != nil && p.Run == v.run.id {
			v.gaps = append(v.gaps, p.Gaps...)
		}
	}
	return v, v.readDocuments()
}

func (v *version) addRun(e *Entry) {
	p := e.Record.Predicate()
	if p.Run == "" {
		return
	}
	i := slices.IndexFunc(v.runs, func(r *run) bool { return r.id == p.Run })
	if i < 0 {
		i, v.runs = len(v.runs), append(v.runs, &run{id: p.Run})
	}
	switch {
	case p.Event == audit.TrainStarted:
		v.runs[i].started = cmp.Or(v.runs[i].started, e)
	case p.Event.EndsRun():
		v.runs[i].ended = e
	}
}

func (r *run) finished() bool {
	return r.ended != nil && r.ended.Record.Predicate().Event == audit.TrainFinished
}

// result is how the run ended.
func (r *run) result() string {
	if r.ended == nil {
		return "no end recorded"
	}
	return string(r.ended.Record.Predicate().Event)
}

// times are when the process, else the record, says that the run began and
// ended; empty where neither does.
func (r *run) times() (began, ended string) {
	if r.started != nil {
		began = r.started.Record.Predicate().Time.Claimed
	}
	if r.ended != nil {
		p := r.ended.Record.Predicate()
		ended = p.Time.Claimed
		if x := p.Process; x != nil {
			began, ended = cmp.Or(x.Started, began), cmp.Or(x.Ended, ended)
		}
	}
	return began, ended
}

// said gives what the run's records say, the last word first.
func (r *run) said() []*audit.Predicate {
	var all []*audit.Predicate
	if r == nil {
		return nil
	}
	for _, e := range []*Entry{r.ended, r.started} {
		if e != nil {
			all = append(all, e.Record.Predicate())
		}
	}
	return all
}

// first is the first thing that of finds in the run's records.
func first[T any](r *run, of func(*audit.Predicate) *T) *T {
	for _, p := range r.said() {
		if x := of(p); x != nil {
			return x
		}
	}
	return nil
}

func (v *version) recorded() *audit.Params {
	return first(v.run, func(p *audit.Predicate) *audit.Params { return p.Params })
}

func (v *version) process() *audit.Process {
	return first(v.run, func(p *audit.Predicate) *audit.Process { return p.Process })
}

func (v *version) outputs() []audit.Artifact {
	if v.run == nil || !v.run.finished() {
		return nil
	}
	return v.run.ended.Record.Predicate().Outputs
}

// cut reports whether the run left more artefacts than its record names.
func (v *version) cut() bool {
	return v.run.ended.Record.Predicate().Whole("outputs", 0) > 0
}

// addData lists the data sets of the run and of evaluations, each once for a
// role. What an earlier record declared of the same data and a later one does not
// repeat is taken over.
func (v *version) addData() {
	declared := map[string]audit.Dataset{}
	for _, e := range v.Entries {
		p := e.Record.Predicate()
		for _, d := range p.Data {
			root := d.Fingerprint.Tree.Root.String()
			old := declared[root]
			d.Source = cmp.Or(d.Source, old.Source)
			d.AcquiredAt = cmp.Or(d.AcquiredAt, old.AcquiredAt)
			d.Medium = cmp.Or(d.Medium, old.Medium)
			d.Sampling = cmp.Or(d.Sampling, old.Sampling)
			d.Licence = cmp.Or(d.Licence, old.Licence)
			d.Classification = cmp.Or(d.Classification, old.Classification)
			d.Listing = cmp.Or(d.Listing, old.Listing)
			declared[root] = d
			if p.Model == "" || p.Run != "" && (v.run == nil || p.Run != v.run.id) {
				continue
			}
			i := slices.IndexFunc(v.data, func(o dataset) bool {
				return o.Name == d.Name && o.Role == d.Role && o.Fingerprint.Tree == d.Fingerprint.Tree
			})
			if i < 0 {
				i, v.data = len(v.data), append(v.data, dataset{})
			}
			v.data[i] = dataset{d, v.data[i].ofRun || p.Run != ""}
		}
	}
}

// readDocuments reads the documents that say more than the records, where they
// are there.
func (v *version) readDocuments() error {
	if q := v.recorded(); q != nil && q.Form != nil {
		text, err := v.read(q.Form)
		if err != nil {
			return err
		}
		var form struct {
			Params []param `json:"params"`
		}
		if text != nil {
			if err := json.Unmarshal(text, &form); err != nil {
				return fmt.Errorf("parameters %q: %w", q.Form.Name, err)
			}
			v.params = form.Params
		}
	}
	t := first(v.run, func(p *audit.Predicate) *audit.Toolchain { return p.Toolchain })
	if t == nil {
		return nil
	}
	v.toolchain = t.Summary
	if t.Report == nil {
		return nil
	}
	text, err := v.read(t.Report)
	if err != nil || text == nil {
		return err
	}
	whole := new(toolchain.Report)
	if err := json.Unmarshal(text, whole); err != nil {
		return fmt.Errorf("toolchain %q: %w", t.Report.Name, err)
	}
	v.toolchain = whole
	return nil
}
