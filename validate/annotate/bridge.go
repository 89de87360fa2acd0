package annotate

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/mmaudit/mmaudit/validate/bridge"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/metadata"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A Bridge says how two data sets were related.
type Bridge struct {
	A     string      `json:"a"`     // name of the data set whose ids count
	B     string      `json:"b"`     // name of the other
	Built bool        `json:"built"` // by this plan; false: read from the map
	Rows  int         `json:"rows"`
	Map   *bridge.Map `json:"estimate,omitempty"` // estimates; nil if the map was read
}

// bridge reads or builds the sync map and gives the second data set the ids of
// the first. maps receives the data set whose descriptor must name the map.
func (p *Plan) bridge(path string, maps map[*set]string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path) // it is read twice
	}
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return p.build(path, maps)
	case err != nil:
		return err
	}
	defer f.Close()
	var bad faults
	m, err := metadata.ReadSyncMap(f, path, &bad)
	if err != nil {
		return err
	}
	if m == nil || len(bad.said) > 0 {
		return fmt.Errorf("%s is no sound sync map: %s", path, cmp.Or(strings.Join(bad.said, "; "), "no header"))
	}
	named := func(name string) int { return slices.IndexFunc(p.sets, func(s *set) bool { return s.name == name }) }
	i := named(m.B)
	if i < 0 && named(m.A) < 0 {
		return fmt.Errorf("%s relates %s and %s, of which neither is among the data sets to annotate", path, m.A, m.B)
	}
	for _, r := range m.Rows {
		if !r.HasID {
			return fmt.Errorf("%s:%d has no sensor_sync_id", path, r.Line)
		}
	}
	p.Bridge = &Bridge{A: m.A, B: m.B, Rows: len(m.Rows)}
	if i < 0 {
		return nil // the first data set keeps its own ids
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return p.adopt(p.sets[i], m, path, content, maps)
}

// build relates the two timed data sets. KITTI raw comes first, since KITTI
// object takes its ids from it.
func (p *Plan) build(path string, maps map[*set]string) error {
	var timed []*set
	for _, s := range p.sets {
		if !fromRaw(s.src.Dataset().Schema) {
			timed = append(timed, s)
		}
	}
	if len(timed) != 2 {
		return fmt.Errorf("a sync map relates two data sets that have stamps; there are %d here", len(timed))
	}
	a, b := timed[0], timed[1]
	if b.src.Dataset().Schema == dataset.KITTIRaw {
		a, b = b, a
	}
	m, err := bridge.Build(p.ctx, a.src, b.src)
	if err != nil {
		return fmt.Errorf("%s and %s cannot be related: %w", a.name, b.name, err)
	}
	sm := &metadata.SyncMap{Path: path, A: a.name, B: b.name}
	for _, r := range m.Rows {
		row := metadata.MapRow{A: metadata.MapEnd{Dataset: a.name, Sample: r.A}, B: metadata.MapEnd{Dataset: b.name, Sample: r.B}, Clock: m.Clock}
		row.ID, row.HasID = a.id(&moment.Moment{Sample: r.A, Key: r.KeyA})
		sm.Rows = append(sm.Rows, row)
	}
	slices.SortFunc(sm.Rows, func(x, y metadata.MapRow) int {
		return cmp.Or(strings.Compare(x.A.Sample, y.A.Sample), strings.Compare(x.B.Sample, y.B.Sample))
	})
	content := metadata.AppendMapHeader(nil, a.name, b.name, m.Clock, m.Residual, m.Drift)
	for i := range sm.Rows {
		content = sm.Rows[i].Append(content)
	}
	p.Bridge = &Bridge{A: a.name, B: b.name, Built: true, Rows: len(sm.Rows), Map: m}
	if err := p.document(nil, path, content, len(sm.Rows)); err != nil {
		return err
	}
	return p.adopt(b, sm, path, content, maps)
}

// adopt gives a data set the ids of a map, and its root a copy of the map
// unless the map lies in the root already.
func (p *Plan) adopt(s *set, m *metadata.SyncMap, path string, content []byte, maps map[*set]string) error {
	s.ids = map[string]uuid.UUID{}
	for _, r := range m.Rows {
		if r.B.Dataset == s.name {
			s.ids[r.B.Sample] = r.ID
		}
	}
	ds := s.src.Dataset()
	if rel, ok := below(ds.Root, path); ok {
		maps[s] = rel
		return nil
	}
	maps[s] = metadata.SyncMapFile
	return p.document(ds, metadata.SyncMapFile, content, len(m.Rows))
}

// below gives path relative to root, if it lies in it.
func below(root, path string) (string, bool) {
	r, err1 := filepath.Abs(root)
	f, err2 := filepath.Abs(path)
	if err1 != nil || err2 != nil {
		return "", false
	}
	rel, err := filepath.Rel(r, f)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// faults collects what is wrong with a file that the user named.
type faults struct{ said []string }

func (f *faults) Emit(item any) {
	switch it := item.(type) {
	case rule.Fault:
		f.said = append(f.said, fmt.Sprintf("line %d: %s", it.Line, it.Message))
	case *metadata.Parent:
		if !it.Known() {
			f.said = append(f.said, "the header line states no known version of the standard")
		}
		for _, why := range it.Refused {
			f.said = append(f.said, fmt.Sprintf("line %d: %s", it.Place.Line, why))
		}
	}
}
func (*faults) Skip(any, string, string) {}
func (*faults) Break(_, _, _ string)     {}
func (*faults) Wants(any) bool           { return true }
func (*faults) Expect(int)               {}
func (*faults) Advance(int)              {}
func (*faults) Selected(string) bool     { return true }
func (*faults) Params() *rule.Params     { return rule.DefaultParams() }
