// Package report is the document that a validation produces, and the ways to
// print it. The JSON form is versioned (schemas/report.schema.json) and
// deterministic: it does not depend on the number of workers, on the terminal
// or on the time of day.
package report

import (
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// SchemaVersion is the version of the JSON report.
const SchemaVersion = "1.0"

// A Report is the outcome of one run over one or more data sets.
type Report struct {
	SchemaVersion string         `json:"schema_version"`
	Tool          Tool           `json:"tool"`
	Scope         Scope          `json:"scope"`
	Rules         []string       `json:"rules"` // ids of the rules that were applied, in order
	Datasets      []Dataset      `json:"datasets"`
	Findings      []rule.Finding `json:"findings"`             // ordered by data set, path, line, rule; capped per rule
	Counts        map[string]int `json:"counts"`               // findings of each rule, uncapped, suppressed ones left out
	Totals        Totals         `json:"totals"`               // by severity, uncapped, suppressed ones left out
	Suppressed    map[string]int `json:"suppressed"`           // findings of each rule that a baseline explains
	Skipped       []Skip         `json:"skipped"`              // rules that could not run
	Complete      bool           `json:"complete"`             // false: interrupted, timed out, or something could not be read
	Incomplete    string         `json:"incomplete,omitempty"` // why
}

// Tool names what made the report.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Scope says how much of the data the run looked at.
type Scope struct {
	Deep     bool `json:"deep"`     // bodies of payload files were read, not headers alone
	Sample   int  `json:"sample"`   // one of so many payload files was opened; 1 means all
	Filtered bool `json:"filtered"` // findings are limited to files that the user listed
}

// A Dataset is one data set that was validated.
type Dataset struct {
	Root     string         `json:"root"`
	Schema   dataset.Schema `json:"schema"`
	Tables   string         `json:"tables,omitempty"`
	Evidence []string       `json:"evidence"`
	Files    int            `json:"files"`
	Samples  int            `json:"samples"`  // annotated moments
	Channels []Channel      `json:"channels"` // by name
}

// A Channel is what was seen of one channel, for plots and coverage.
type Channel struct {
	Name     string  `json:"name"`
	Samples  int     `json:"samples"`             // observations
	Records  int     `json:"records"`             // of them, with a metadata record
	SyncID   int     `json:"sensor_sync_id"`      // records with the field
	Offset   int     `json:"temporal_offset_ns"`  // records with the field
	Schema   int     `json:"modality_schema"`     // records with the field, own or inherited
	OffsetNs []int64 `json:"offset_ns,omitempty"` // sorted sample of native offsets against the reference, at most 512, evenly spaced ranks
}

// A Skip says that a rule could not run.
type Skip struct {
	Rule    string `json:"rule"`
	Needs   string `json:"needs"` // "SCH001 on v1.0-mini/sample_data.json"
	Dataset string `json:"dataset,omitempty"`
	Count   int    `json:"count"` // items it could not see
}

// Totals counts findings by severity, however many of them the report keeps.
// Facts that statistics state are no faults and do not count.
type Totals struct {
	Error   int `json:"error"`
	Warning int `json:"warning"`
	Info    int `json:"info"`
}

// AtLeast gives the number of findings of severity s or graver.
func (t Totals) AtLeast(s rule.Severity) int {
	n := 0
	if s <= rule.Error {
		n += t.Error
	}
	if s <= rule.Warning {
		n += t.Warning
	}
	if s <= rule.Info {
		n += t.Info
	}
	return n
}
