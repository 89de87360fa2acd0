package lifecycle

import (
	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/trust"
)

// A Timeline is the life of one version of a model. It is written as JSON as it
// stands, see schemas/timeline.schema.json.
type Timeline struct {
	V       int    `json:"v"` // 1
	Model   string `json:"modelId"`
	Version string `json:"version"`
	// Ledger is the head at which the question was answered, filled in by who
	// looked the records up.
	Ledger *Snapshot `json:"ledger,omitempty"`
	// Now is the time against which silence was measured: the caller's, or the
	// newest that a record claims.
	Now   string `json:"now,omitempty"`
	State State  `json:"state"`

	Events    []Event    `json:"events"` // in the ledger's order; heartbeats are in Runs
	Runs      []Run      `json:"runs"`
	Data      []Data     `json:"data"`
	Artifacts []Artifact `json:"artifacts"`
	Devices   []Device   `json:"devices"`
	Problems  []Problem  `json:"problems"` // in the order of records, then of the catalogue
	Counts    Counts     `json:"counts"`
	// Remarks say what was not looked at.
	Remarks []string `json:"remarks,omitempty"`
}

// A Snapshot names the state of a ledger.
type Snapshot struct {
	Origin string `json:"origin"`
	Size   int64  `json:"size"` // number of records under the signed head
	Root   string `json:"root"` // RFC 6962 root of these, base64
	// Records is how many of them count, the oldest: fewer than Size if the
	// question was about the past.
	Records int64 `json:"records"`
}

// A State is how far a version has come.
type State string

// The states. A version that trains again while it is deployed is deployed.
const (
	Unknown   State = "unknown"   // no event says
	Planned   State = "planned"   // an evaluation was preregistered
	Training  State = "training"  // a run has begun and not ended
	Failed    State = "failed"    // the newest run ended with an error
	Aborted   State = "aborted"   // the newest run was stopped
	Trained   State = "trained"   // a run left artefacts
	Evaluated State = "evaluated" // and they were evaluated
	Approved  State = "approved"
	Rejected  State = "rejected"
	Deployed  State = "deployed" // it is in use on a device, or type of device
	Retired   State = "retired"
)

// A Mark points at a record.
type Mark struct {
	Index int64  `json:"index"`
	Time  string `json:"time,omitempty"` // as claimed
}

// An Event is one record, and what it says in one line.
type Event struct {
	Mark
	Digest  string         `json:"sha3_512"` // of the record's bytes
	Event   audit.Event    `json:"event,omitempty"`
	Run     string         `json:"runId,omitempty"`
	Actor   string         `json:"actor,omitempty"`
	Signers []trust.Signer `json:"signers,omitempty"` // whose signature holds
	Line    string         `json:"line"`
	// Record is the record itself; nil if it could not be read.
	Record *audit.Record `json:"-"`
}

// A Run is one run of training.
type Run struct {
	ID         string            `json:"runId"`
	Outcome    Outcome           `json:"outcome"`
	Started    *Mark             `json:"started,omitempty"`
	Ended      *Mark             `json:"ended,omitempty"`
	Heartbeats Heartbeats        `json:"heartbeats"`
	Data       []string          `json:"data,omitempty"`   // names of the data sets
	Params     string            `json:"params,omitempty"` // hash of the hyper-parameters
	Versions   map[string]string `json:"versions,omitempty"`
}

// An Outcome says how a run ended.
type Outcome string

// The outcomes. An unclear run has several ends that differ.
const (
	RunOpen     Outcome = "running"
	RunFinished Outcome = "finished"
	RunFailed   Outcome = "failed"
	RunAborted  Outcome = "aborted"
	RunUnclear  Outcome = "unclear"
)

// Heartbeats are the signs of life of a run.
type Heartbeats struct {
	Count int   `json:"count"`
	First *Mark `json:"first,omitempty"`
	Last  *Mark `json:"last,omitempty"`
	// Silence is the longest time, in seconds, between two records of the run
	// as they claim it; of a run that has not ended, up to Timeline.Now.
	Silence int64 `json:"longestSilenceSeconds"`
}

// Data is a data set that the version was trained or evaluated with.
type Data struct {
	Name        string             `json:"name"`
	Roles       []string           `json:"roles,omitempty"` // train, test, …
	Fingerprint fingerprint.Result `json:"fingerprint"`
	Registered  *Mark              `json:"registered,omitempty"` // for the first time
	Validated   *Mark              `json:"validated,omitempty"`  // for the last time
	Verdict     string             `json:"verdict,omitempty"`    // of that validation
	Uses        []int64            `json:"uses"`                 // records of the version that name it

	// What the first record that says so declares of it.
	Source         string `json:"source,omitempty"`
	AcquiredAt     string `json:"acquiredAt,omitempty"`
	Medium         string `json:"medium,omitempty"`
	Sampling       string `json:"sampling,omitempty"`
	Licence        string `json:"licence,omitempty"`
	Classification string `json:"classification,omitempty"`
}

// Artifact is something that the version produced.
type Artifact struct {
	audit.Artifact
	From Mark        `json:"from"`
	By   audit.Event `json:"by"` // train.finished, exported, …
}

// Device is a device, or type of device, that the version was put on.
type Device struct {
	Device      string   `json:"device,omitempty"`
	Type        string   `json:"deviceType,omitempty"`
	Environment string   `json:"environment,omitempty"`
	State       OnDevice `json:"state"`
	Since       Mark     `json:"since"`            // the record that brought it into this state
	Runs        string   `json:"runs,omitempty"`   // "MODEL VERSION" that runs there now, if known
	SWIN        string   `json:"swin,omitempty"`   // software identification number of what runs
	Result      string   `json:"result,omitempty"` // of the newest event: ok, failed, partial
}

// OnDevice says what became of a version on a device.
type OnDevice string

// What becomes of a version on a device.
const (
	InUse      OnDevice = "in use"
	Replaced   OnDevice = "replaced"    // another version came after it
	RolledBack OnDevice = "rolled back" // its update was taken back
	NotTaken   OnDevice = "failed"      // it did not get there
	OutOfUse   OnDevice = "retired"
)

// A Problem is something that is missing, late, contradictory or not to be
// trusted in a life.
type Problem struct {
	Code     string      `json:"code"` // of the Catalogue
	Severity Severity    `json:"severity"`
	Mark                 // the record to blame
	Event    audit.Event `json:"event,omitempty"`
	Message  string      `json:"message"`
	Hint     string      `json:"hint"`
}

// Counts says how many problems there are of each severity.
type Counts struct {
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Notes    int `json:"notes"`
}

// Add counts a problem.
func (c *Counts) Add(s Severity) {
	switch s {
	case Error:
		c.Errors++
	case Warning:
		c.Warnings++
	default:
		c.Notes++
	}
}

// OK reports whether the life has no errors: nothing that must be there is
// missing, and nothing contradicts itself.
func (t *Timeline) OK() bool { return t.Counts.Errors == 0 }

// A Severity says how grave a problem is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // the life cannot be accounted for as it should
	Warning Severity = "warning" // good practice was not followed, or something is doubtful
	Note    Severity = "note"    // worth knowing
)
