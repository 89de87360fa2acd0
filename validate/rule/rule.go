// Package rule is the vocabulary of validation: what a rule is, what it finds,
// and how a rule's function is bound to the things that readers emit.
//
// A rule is data plus one function. Readers (validate/kitti,
// validate/nuscenes, …) emit items: a parsed label row, a calibration file, a
// loaded set of tables. Each check of a rule subscribes to one type of item:
//
//	{
//		ID: "GEO030", Slug: "trunc-occ-range", Severity: Error, …
//		Checks: []Check{On(func(c *Ctx, r *kitti.LabelRow) { … c.Report(Finding{…}) })},
//	}
//
// What is wrong is a Finding, a value. An error means that something could not
// be checked.
package rule

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
)

// Severity orders findings. The zero value means "as the rule says".
type Severity uint8

const (
	AsRule  Severity = iota
	Off              // the rule does not run
	Info             // a fact worth knowing; never a failure by default
	Warning          // likely a fault, or a fault that many readers survive
	Error            // a fault
)

var severityNames = [...]string{"", "off", "info", "warning", "error"}

func (s Severity) String() string { return severityNames[s] }

// MarshalText implements encoding.TextMarshaler.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Severity) UnmarshalText(b []byte) (err error) {
	*s, err = ParseSeverity(string(b))
	return err
}

// ParseSeverity reads "off", "info", "warning" or "error".
func ParseSeverity(s string) (Severity, error) {
	if i := slices.Index(severityNames[:], s); i > 0 {
		return Severity(i), nil
	}
	return AsRule, fmt.Errorf("unknown severity %q (one of off, info, warning, error)", s)
}

// A Rule is one entry of the catalogue. Ids and slugs are stable once
// released; everything that explain prints comes from here.
type Rule struct {
	ID        string           // three letters and three digits: "LAY015"
	Slug      string           // "file-missing"
	Severity  Severity         // of its findings unless a finding or the configuration says otherwise
	Formats   []dataset.Schema // formats it applies to; nil means all
	Deep      bool             // reads payload bodies: runs with --deep alone
	Statistic bool             // states a fact about the data set (coverage, counts): never a fault
	Summary   string           // one sentence: what must hold
	Why       string           // who relies on it, and what happens when it fails
	Example   string           // a faulty input
	Hint      string           // how to repair it; the default hint of its findings
	Checks    []Check
	// Fix, if not nil, repairs one file: it takes the file's content and gives
	// the content as it should be, unchanged where it has nothing to mend. path
	// is relative to the data set's root.
	Fix func(path string, content []byte) ([]byte, error)
}

// Group is the three-letter prefix of the id: UMM, LAY, SCH, …
func (r *Rule) Group() string { return r.ID[:3] }

// Applies reports whether the rule speaks about data sets of schema s.
func (r *Rule) Applies(s dataset.Schema) bool {
	return r.Formats == nil || slices.Contains(r.Formats, s)
}

// Matches reports whether name selects the rule: an id, a group or a slug,
// in any case.
func (r *Rule) Matches(name string) bool {
	return strings.EqualFold(name, r.ID) || strings.EqualFold(name, r.Group()) || strings.EqualFold(name, r.Slug)
}

// A Place says where something is. Every field is optional.
type Place struct {
	Path       string `json:"path,omitempty"`        // slash-separated, relative to the data set's root
	Line       int    `json:"line,omitempty"`        // 1-based
	Column     int    `json:"column,omitempty"`      // 1-based, in bytes
	ByteOffset int64  `json:"byte_offset,omitempty"` // 0-based; of the record in a JSON table
	Table      string `json:"table,omitempty"`       // nuScenes family: "sample_data"
	Token      string `json:"token,omitempty"`       // nuScenes family: primary key of the row
	Channel    string `json:"channel,omitempty"`     // "LIDAR_TOP", "image_02"
	Frame      string `json:"frame,omitempty"`       // KITTI: "000123"
}

// A Finding is one violation of one rule at one place.
type Finding struct {
	Rule     string   `json:"rule"`
	Slug     string   `json:"slug"`
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
	Place
	Expected    string  `json:"expected,omitempty"`
	Actual      string  `json:"actual,omitempty"`
	Hint        string  `json:"hint,omitempty"`
	Dataset     string  `json:"dataset"`              // Root of the data set
	Related     []Place `json:"related,omitempty"`    // other ends of the fault
	Fingerprint string  `json:"fingerprint"`          // stable over line numbers and machines; see Fingerprint
	Suppressed  string  `json:"suppressed,omitempty"` // reason given by a baseline; "" when it counts
	// Key identifies the finding within its path and is stable while the fault
	// is: a row's content, a field's name, never a line number. "": table,
	// token, channel, frame and message do.
	Key    string         `json:"-"`
	Schema dataset.Schema `json:"-"` // of the data set; "" where the finding spans several
}

// A Fault is something that a reader noticed while reading, such as a number
// that does not parse. It becomes a finding of the rule with its slug.
type Fault struct {
	Slug     string
	Severity Severity // AsRule unless the fault is milder or graver than the rule
	Message  string
	Place
	Expected, Actual, Hint, Key string
}
