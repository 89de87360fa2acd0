package lifecycle

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/canonical"
	"github.com/mmaudit/mmaudit/audit/hparams"
	"github.com/mmaudit/mmaudit/internal/human"
)

// Documents opens what records name by SHA3-512, in hexadecimal; what is not
// kept is fs.ErrNotExist. It is store.Blobs.
type Documents interface {
	Open(digest string) (io.ReadCloser, error)
}

// A Difference is what two versions do not share. Each is taken as its newest
// run that finished left it, or else the newest run that began.
type Difference struct {
	V         int       `json:"v"` // 1
	Ledger    *Snapshot `json:"ledger,omitempty"`
	A         Side      `json:"a"`
	B         Side      `json:"b"`
	Data      []Change  `json:"data"`              // by name: root of the tree and counts
	Params    []Change  `json:"params"`            // by key
	Versions  []Change  `json:"versions"`          // of tools
	Toolchain []Change  `json:"toolchain"`         // other fields of the summary
	Outputs   []Change  `json:"outputs"`           // by name
	Metrics   []Change  `json:"metrics"`           // by name, stage and data set
	Unknown   []string  `json:"unknown,omitempty"` // what could not be compared, and why
}

// Side is one of the two versions.
type Side struct {
	Model   string `json:"modelId"`
	Version string `json:"version"`
	State   State  `json:"state"`
	Run     string `json:"runId,omitempty"`
	Record  *Mark  `json:"record,omitempty"` // where the run began
	Commit  string `json:"commit,omitempty"` // of the source code
	Dirty   bool   `json:"dirty,omitempty"`  // with changes that are in no commit
}

// Change is one thing that differs: added if A is empty, removed if B is.
type Change struct {
	Name string `json:"name"`
	A    string `json:"a,omitempty"`
	B    string `json:"b,omitempty"`
}

// Same reports whether nothing differs, and everything could be compared.
func (d *Difference) Same() bool {
	return len(d.Data)+len(d.Params)+len(d.Versions)+len(d.Toolchain)+len(d.Outputs)+len(d.Metrics)+len(d.Unknown) == 0 &&
		d.A.Commit == d.B.Commit && d.A.Dirty == d.B.Dirty
}

// Diff compares two versions. Single hyper-parameters are compared where the
// documents are there; documents may be nil.
func Diff(a, b *Timeline, documents Documents) *Difference {
	x, y := sideOf(a), sideOf(b)
	d := &Difference{V: 1, Ledger: b.Ledger, A: x.Side, B: y.Side}
	d.Data = changes(x.data(), y.data())
	d.Params, d.Unknown = params(x, y, documents)
	d.Versions = changes(x.versions(), y.versions())
	d.Toolchain = changes(x.fields(), y.fields())
	d.Outputs = changes(x.outputs(), y.outputs())
	d.Metrics = changes(x.metrics(), y.metrics())
	for _, s := range []*side{x, y} {
		if s.end != nil {
			if has, all := len(s.end.Outputs), s.end.Whole("outputs", len(s.end.Outputs)); all > has {
				d.Unknown = append(d.Unknown, fmt.Sprintf("%s %s left %d artefacts, of which its record names %d", s.Model, s.Version, all, has))
			}
		}
		if s.start == nil {
			d.Unknown = append(d.Unknown, fmt.Sprintf("%s %s has no run that began", s.Model, s.Version))
		}
	}
	return d
}

type side struct {
	Side
	t          *Timeline
	start, end *audit.Predicate // nil if there is none
}

func sideOf(t *Timeline) *side {
	s := &side{t: t, Side: Side{Model: t.Model, Version: t.Version, State: t.State}}
	for _, outcome := range []Outcome{RunFinished, ""} {
		for _, r := range t.Runs {
			if r.Started != nil && (r.Outcome == outcome || outcome == "") {
				s.Run, s.Record = r.ID, r.Started
			}
		}
		if s.Run != "" {
			break
		}
	}
	for _, e := range t.Events {
		if e.Record == nil || e.Run != s.Run || s.Run == "" {
			continue
		}
		switch p := e.Record.Predicate(); {
		case p.Event == audit.TrainStarted && s.start == nil:
			s.start = p
		case p.Event.EndsRun():
			s.end = p
		}
	}
	for _, p := range []*audit.Predicate{s.start, s.end} {
		if p == nil {
			continue
		}
		if c := source(p.Toolchain); c != nil {
			s.Commit, s.Dirty = c.Commit, c.Dirty
		}
	}
	return s
}

func (s *side) data() map[string]string {
	all := map[string]string{}
	if s.start == nil {
		return all
	}
	for _, d := range s.start.Data {
		name := d.Name
		if d.Role != "" {
			name += " (" + d.Role + ")"
		}
		for base, n := name, 2; all[name] != ""; n++ {
			name = fmt.Sprintf("%s #%d", base, n)
		}
		f := &d.Fingerprint
		all[name] = fmt.Sprintf("tree %s, %d files, %d bytes", f.Tree.Root, f.Files, f.Bytes)
	}
	return all
}

// versions are those that the process was seen with at its end, and those of the
// start where the end says nothing.
func (s *side) versions() map[string]string {
	all := map[string]string{}
	for _, p := range []*audit.Predicate{s.start, s.end} {
		if p != nil && p.Toolchain != nil {
			maps.Copy(all, p.Toolchain.Versions)
		}
	}
	return all
}

// fields are those of the toolchain's summary, as text. What names a run and not
// its tools is left out.
func (s *side) fields() map[string]string {
	all := map[string]string{}
	for _, p := range []*audit.Predicate{s.start, s.end} {
		if p == nil || p.Toolchain == nil || p.Toolchain.Summary == nil {
			continue
		}
		for name, f := range p.Toolchain.Summary.Fields {
			if name == "source.git" || name == "kernel.boot_id" {
				continue
			}
			text, err := canonical.Marshal(f.Value)
			if err != nil {
				continue
			}
			all[name] = string(text)
			var plain string
			if json.Unmarshal(text, &plain) == nil {
				all[name] = plain
			}
		}
	}
	return all
}

func (s *side) outputs() map[string]string {
	all := map[string]string{}
	for _, a := range s.t.Artifacts {
		all[a.Name] = fmt.Sprintf("%d bytes, %s", a.Size, fullDigest(a.Digest))
	}
	return all
}

func fullDigest(set audit.DigestSet) string {
	if d := set["sha3_512"]; d != "" {
		return "sha3_512 " + d
	}
	return "sha256 " + set["sha256"]
}

// metrics are the newest of each name, stage and data set.
func (s *side) metrics() map[string]string {
	all := map[string]string{}
	for _, e := range s.t.Events {
		if e.Record == nil || e.Run != "" && e.Run != s.Run {
			continue
		}
		for _, m := range e.Record.Predicate().Metrics {
			name := m.Name
			if m.Stage != "" {
				name += " (" + m.Stage + ")"
			}
			for _, d := range s.t.Data {
				if m.Data != "" && d.Fingerprint.Tree.Root.String() == m.Data {
					name += " on " + d.Name
				}
			}
			all[name] = m.Value + m.Unit
		}
	}
	return all
}

// params compares the hyper-parameters one by one, and says why if it cannot.
func params(x, y *side, documents Documents) ([]Change, []string) {
	p, q := x.params(), y.params()
	switch {
	case p == nil || q == nil || p.Hash == q.Hash:
		return []Change{}, nil
	}
	older, err := p.set(documents)
	newer, err2 := q.set(documents)
	if err := cmp.Or(err, err2); err != nil {
		return []Change{}, []string{fmt.Sprintf("the hyper-parameters differ (%s, %s), but which cannot be told: %v", human.Digest(p.Hash.String()), human.Digest(q.Hash.String()), err)}
	}
	all := []Change{}
	for _, c := range hparams.Diff(older, newer) {
		change := Change{Name: c.Key}
		if c.Old != nil {
			change.A = typed(*c.Old, c.New)
		}
		if c.New != nil {
			change.B = typed(*c.New, c.Old)
		}
		all = append(all, change)
	}
	return all, nil
}

// typed writes a value, with its type where that alone tells it from the other.
func typed(v hparams.Value, other *hparams.Value) string {
	if other != nil && other.Type != v.Type {
		return v.String() + " (" + string(v.Type) + ")"
	}
	return v.String()
}

type paramsOf struct{ *audit.Params }

// params are those that the training reported at its end, or else those that it
// started with.
func (s *side) params() *paramsOf {
	for _, p := range []*audit.Predicate{s.end, s.start} {
		if p != nil && p.Params != nil {
			return &paramsOf{p.Params}
		}
	}
	return nil
}

// maxForm is the most bytes of hyper-parameters that are read for comparison.
const maxForm = 16 << 20

// set reads the canonical form, and holds it against the hash.
func (p *paramsOf) set(documents Documents) (*hparams.Set, error) {
	if p.Form == nil || documents == nil {
		return nil, errors.New("no document of them is kept")
	}
	f, err := documents.Open(p.Form.Digest["sha3_512"])
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("document %s of them is not here", human.Digest(p.Form.Digest["sha3_512"]))
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxForm+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxForm {
		return nil, fmt.Errorf("document %s of them has more than %d bytes", human.Digest(p.Form.Digest["sha3_512"]), maxForm)
	}
	var set hparams.Set
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("document %s of them: %w", human.Digest(p.Form.Digest["sha3_512"]), err)
	}
	hash, err := set.Hash()
	if err != nil {
		return nil, err
	}
	if hash != p.Hash {
		return nil, fmt.Errorf("document %s has other parameters than the record says", human.Digest(p.Form.Digest["sha3_512"]))
	}
	return &set, nil
}

// changes lists what differs, by name.
func changes(a, b map[string]string) []Change {
	names := slices.Collect(maps.Keys(a))
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	all := []Change{}
	for _, name := range names {
		if a[name] != b[name] {
			all = append(all, Change{name, a[name], b[name]})
		}
	}
	return all
}
