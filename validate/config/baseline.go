package config

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/rules"
)

// A Baseline is a list of findings that are known and do not count
// (schemas/baseline.schema.json). It is safe for concurrent use.
type Baseline struct {
	entries []Entry
	index   map[string]int // entries by fingerprint
	today   string

	mu   sync.Mutex // guards used
	used []bool
}

// An Entry accepts one finding. The fingerprint decides; path and message are
// for the reader.
type Entry struct {
	Fingerprint string `yaml:"fingerprint"`
	Rule        string `yaml:"rule"`
	Path        string `yaml:"path,omitempty"`
	Message     string `yaml:"message,omitempty"`
	Reason      string `yaml:"reason"`
	Expires     string `yaml:"expires,omitempty"` // last day on which it holds: "2027-03-31"
}

type baselineFile struct {
	Version  int     `yaml:"version"`
	Findings []Entry `yaml:"findings"`
}

var baselineSchema = compiled("baseline.schema.json")

// LoadBaseline reads a baseline. Everything in it must be known; errors begin
// with name and line. Entries that have expired by today (UTC) are read, but
// explain nothing.
func LoadBaseline(r io.Reader, name string) (*Baseline, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	s, err := baselineSchema()
	if err != nil {
		return nil, err
	}
	var f baselineFile
	if err := decode(text, s, &f); err != nil {
		return nil, fmt.Errorf("%s:%w", name, err)
	}
	if f.Version == 0 {
		return nil, fmt.Errorf("%s: is empty; `mmvalidate baseline DIR -o FILE` writes a baseline", name)
	}
	b := &Baseline{entries: f.Findings, index: map[string]int{}, today: time.Now().UTC().Format(time.DateOnly), used: make([]bool, len(f.Findings))}
	catalogue, known := rules.Catalogue(), map[string]bool{}
	for i, e := range b.entries {
		if _, twice := b.index[e.Fingerprint]; twice {
			return nil, fmt.Errorf("%s: fingerprint %s occurs twice", name, e.Fingerprint)
		}
		b.index[e.Fingerprint] = i
		if !known[e.Rule] {
			if err := checkName(e.Rule, catalogue, e.Fingerprint); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			known[e.Rule] = true
		}
		if _, err := time.Parse(time.DateOnly, e.Expires); e.Expires != "" && err != nil {
			return nil, fmt.Errorf("%s: %s: expires: no such day: %q", name, e.Fingerprint, e.Expires)
		}
	}
	return b, nil
}

// Suppress gives the reason why f does not count, or "" where no entry, or
// only an expired one, knows it.
func (b *Baseline) Suppress(f *rule.Finding) (reason string) {
	i, ok := b.index[f.Fingerprint]
	if !ok || b.entries[i].Rule != f.Rule {
		return ""
	}
	b.mu.Lock()
	b.used[i] = true
	b.mu.Unlock()
	e := b.entries[i]
	if b.expired(e) {
		return ""
	}
	return cmp.Or(e.Reason, "accepted by the baseline, without a reason")
}

func (b *Baseline) expired(e Entry) bool { return e.Expires != "" && e.Expires < b.today }

// Stale gives the entries that no finding of the run matched: the fault is
// mended, or has changed. An entry is not called stale where the run could not
// have seen its finding: the rule was not selected or was skipped, the run
// looked at some files only, or did not finish.
func (b *Baseline) Stale(rep *report.Report) []Entry {
	if !rep.Complete || rep.Scope.Filtered || rep.Scope.Sample > 1 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Entry
	for i, e := range b.entries {
		if !b.used[i] && applied(rep, e.Rule) {
			out = append(out, e)
		}
	}
	return out
}

// Expired gives the entries that match a finding of the run but no longer hold.
func (b *Baseline) Expired() []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []Entry
	for i, e := range b.entries {
		if b.used[i] && b.expired(e) {
			out = append(out, e)
		}
	}
	return out
}

// applied reports whether the run applied a rule to everything.
func applied(rep *report.Report, id string) bool {
	return slices.Contains(rep.Rules, id) && !slices.ContainsFunc(rep.Skipped, func(s report.Skip) bool { return s.Rule == id })
}

// WriteBaseline writes a baseline of the findings in rep, statistics left out.
// old may be nil: the baseline that the run used. Its reasons and days of
// expiry are kept, as are entries that the run could not judge; entries of
// faults that have gone are dropped. It gives the number of entries.
//
// It refuses where entries would be missing: the run did not finish, looked at
// some files only, or found more than the report keeps.
func WriteBaseline(w io.Writer, rep *report.Report, old *Baseline) (entries int, err error) {
	if !rep.Complete {
		return 0, fmt.Errorf("the run did not finish, so the baseline would be too: %s", rep.Incomplete)
	}
	if rep.Scope.Filtered || rep.Scope.Sample > 1 {
		return 0, fmt.Errorf("the run looked at some files only; a baseline needs them all")
	}
	statistic := map[string]bool{}
	for _, r := range rules.Catalogue() {
		statistic[r.ID] = r.Statistic
	}
	byPrint := map[string]Entry{}
	kept := map[string]int{}
	for i := range rep.Findings {
		f := &rep.Findings[i]
		kept[f.Rule]++
		if statistic[f.Rule] {
			continue
		}
		e := Entry{Fingerprint: f.Fingerprint, Rule: f.Rule, Path: f.Path, Message: f.Message}
		if before, ok := old.entry(f.Fingerprint); ok {
			e.Reason, e.Expires = before.Reason, before.Expires
		} else if f.Suppressed != "" {
			continue // explained by another baseline
		}
		if _, twice := byPrint[e.Fingerprint]; !twice {
			byPrint[e.Fingerprint] = e
		}
	}
	for id, n := range rep.Counts {
		if n += rep.Suppressed[id]; n > kept[id] && !statistic[id] {
			return 0, fmt.Errorf("%s has %d findings, of which the report keeps %d", id, n, kept[id])
		}
	}
	if old != nil {
		for _, e := range old.entries {
			if _, found := byPrint[e.Fingerprint]; !found && !applied(rep, e.Rule) {
				byPrint[e.Fingerprint] = e
			}
		}
	}

	f := baselineFile{Version: 1, Findings: []Entry{}}
	for _, e := range byPrint {
		f.Findings = append(f.Findings, e)
	}
	slices.SortFunc(f.Findings, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	if _, err := io.WriteString(w, baselineHead); err != nil {
		return 0, err
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	if err := enc.Encode(f); err != nil {
		return 0, err
	}
	return len(f.Findings), enc.Close()
}

const baselineHead = `# Known findings that do not count (mmvalidate --baseline FILE).
# Say why in each "reason"; "expires: 2027-03-31" makes a finding count again
# after that day. Both are kept when the file is written anew.
`

func (b *Baseline) entry(fingerprint string) (Entry, bool) {
	if b == nil {
		return Entry{}, false
	}
	i, ok := b.index[fingerprint]
	if !ok {
		return Entry{}, false
	}
	return b.entries[i], true
}
