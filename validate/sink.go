package validate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/rules"
)

// A sink gathers findings: it counts all and keeps, of each rule and data set,
// the first by place, so that memory is bounded and the outcome does not
// depend on the order in which workers report.
type sink struct {
	o     *Options
	slugs map[string]*rule.Rule

	done, total atomic.Int64 // units of work, for the progress bar

	mu        sync.Mutex // guards what follows
	rep       *report.Report
	kept      map[bucket][]rule.Finding
	last      map[bucket]rule.Finding   // of those kept in full buckets
	skips     map[bucket]map[string]int // by reason
	skipsMore map[bucket]int            // those that fold left out
}

// A bucket has a limit of its own, so that findings which a baseline explains
// never push out those that count.
type bucket struct {
	rule, dataset string
	suppressed    bool
}

func newSink(o *Options) *sink {
	s := &sink{
		o: o,
		rep: &report.Report{
			SchemaVersion: report.SchemaVersion,
			Tool:          report.Tool{Name: "mmvalidate", Version: o.Version},
			Scope:         report.Scope{Deep: o.Params.Deep, Sample: max(1, o.Sample), Filtered: o.Only != nil},
			Rules:         []string{},
			Datasets:      []report.Dataset{}, Findings: []rule.Finding{}, Skipped: []report.Skip{},
			Counts: map[string]int{}, Suppressed: map[string]int{},
			Complete: true,
		},
		slugs:     map[string]*rule.Rule{},
		kept:      map[bucket][]rule.Finding{},
		last:      map[bucket]rule.Finding{},
		skips:     map[bucket]map[string]int{},
		skipsMore: map[bucket]int{},
	}
	for _, r := range rules.Catalogue() {
		s.slugs[r.Slug] = r
	}
	return s
}

// dataset adds a data set to the report.
func (s *sink) dataset(ds *dataset.Dataset) *report.Dataset {
	s.rep.Datasets = append(s.rep.Datasets, report.Dataset{
		Root: ds.Root, Schema: ds.Schema, Tables: ds.Tables, Evidence: ds.Evidence,
		Files: ds.Tree.Files, Channels: []report.Channel{},
	})
	return &s.rep.Datasets[len(s.rep.Datasets)-1]
}

func (s *sink) report(ds *dataset.Dataset, r *rule.Rule, f rule.Finding) {
	f.Rule, f.Slug = r.ID, r.Slug
	if f.Dataset == "" && ds != nil {
		f.Dataset = ds.Root
	}
	if ds != nil {
		f.Schema = ds.Schema
	}
	if s.o.Only != nil && f.Path != "" && !s.o.Only(f.Dataset, f.Path) {
		return
	}
	if f.Hint == "" {
		f.Hint = r.Hint
	}
	if f.Severity = s.o.Policy.Severity(r, &f); f.Severity == rule.Off {
		return
	}
	f.Fingerprint = fingerprint(&f)
	f.Suppressed = s.o.Policy.Suppressed(&f)

	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Suppressed != "" {
		s.rep.Suppressed[r.ID]++
	} else {
		s.rep.Counts[r.ID]++
		switch {
		case f.Severity == rule.Error:
			s.rep.Totals.Error++
		case f.Severity == rule.Warning:
			s.rep.Totals.Warning++
		case !r.Statistic:
			s.rep.Totals.Info++
		}
	}
	b := bucket{r.ID, f.Dataset, f.Suppressed != ""}
	if last, full := s.last[b]; full && byPlace(f, last) >= 0 {
		return // it would be cut off again
	}
	s.kept[b] = append(s.kept[b], f)
	if len(s.kept[b]) >= 2*s.o.Keep+16 {
		slices.SortFunc(s.kept[b], byPlace)
		s.kept[b] = s.kept[b][:s.o.Keep]
		s.last[b] = s.kept[b][s.o.Keep-1]
	}
}

// maxSkips is how many reasons the report keeps for which one rule could not
// run on one data set. The others are counted.
const maxSkips = 100

// moreSkips stands in the place of the reasons that the report leaves out.
const moreSkips = "further inputs of the kind"

func (s *sink) skip(ds *dataset.Dataset, r *rule.Rule, needs string) {
	b := bucket{rule: r.ID}
	if ds != nil {
		b.dataset = ds.Root
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.skips[b] == nil {
		s.skips[b] = map[string]int{}
	}
	s.skips[b][needs]++
	if len(s.skips[b]) > 2*maxSkips {
		s.fold(b)
	}
}

// because words the reason of a skip: the rule with that slug failed at path.
func (s *sink) because(slug, path string) string {
	if r := s.slugs[slug]; r != nil {
		slug = r.ID
	}
	return slug + " on " + path
}

// fold keeps the first reasons by text, so that what is kept does not depend
// on the order in which they came.
func (s *sink) fold(b bucket) {
	reasons := slices.Sorted(maps.Keys(s.skips[b]))
	for _, needs := range reasons[min(len(reasons), maxSkips):] {
		s.skipsMore[b] += s.skips[b][needs]
		delete(s.skips[b], needs)
	}
}

// finish orders what was gathered into the report. It opens the files whose
// lines are still to be counted.
func (s *sink) finish(open opener) *report.Report {
	for _, fs := range s.kept {
		slices.SortFunc(fs, byPlace)
		s.rep.Findings = append(s.rep.Findings, fs[:min(len(fs), s.o.Keep)]...)
	}
	order := map[string]int{}
	for i, d := range s.rep.Datasets {
		if _, ok := order[d.Root]; !ok {
			order[d.Root] = i + 1
		}
	}
	locate(s.rep.Findings, open)
	slices.SortFunc(s.rep.Findings, func(a, b rule.Finding) int {
		return cmp.Or(cmp.Compare(order[a.Dataset], order[b.Dataset]), strings.Compare(a.Dataset, b.Dataset), byPlace(a, b))
	})
	for b, reasons := range s.skips {
		s.fold(b)
		for needs, n := range reasons {
			s.rep.Skipped = append(s.rep.Skipped, report.Skip{Rule: b.rule, Needs: needs, Dataset: b.dataset, Count: n})
		}
		if n := s.skipsMore[b]; n > 0 {
			s.rep.Skipped = append(s.rep.Skipped, report.Skip{Rule: b.rule, Needs: moreSkips, Dataset: b.dataset, Count: n})
		}
	}
	slices.SortFunc(s.rep.Skipped, func(a, b report.Skip) int {
		return cmp.Or(cmp.Compare(a.Dataset, b.Dataset), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Needs, b.Needs))
	})
	return s.rep
}

// byPlace orders findings by path, line, rule, and then by all else that can
// differ, so that the order is total.
func byPlace(a, b rule.Finding) int {
	return cmp.Or(
		strings.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), cmp.Compare(a.ByteOffset, b.ByteOffset),
		cmp.Compare(a.Column, b.Column), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Token, b.Token),
		strings.Compare(a.Channel, b.Channel), strings.Compare(a.Frame, b.Frame),
		strings.Compare(a.Key, b.Key), strings.Compare(a.Message, b.Message),
	)
}

// fingerprint identifies a finding across runs and machines: SHA-256 over the
// rule, the path inside the data set and the key that the rule gave; without a
// key, the row, channel, frame and message, so that a second fault at the same
// place is never taken for the first. Line numbers and the place of the data
// set do not enter. 32 hex digits.
func fingerprint(f *rule.Finding) string {
	key := f.Key
	if key == "" {
		key = strings.Join([]string{f.Table, f.Token, f.Channel, f.Frame, f.Message}, "\x1f")
	}
	h := sha256.Sum256([]byte(strings.Join([]string{f.Rule, filepath.ToSlash(f.Path), key}, "\x00")))
	return hex.EncodeToString(h[:16])
}
