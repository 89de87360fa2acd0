package bundle

import (
	"fmt"
	"slices"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/human"
)

// A Report is the outcome of Verify.
type Report struct {
	V       int     `json:"v"` // 1
	Outcome Outcome `json:"outcome"`
	// Meaning is the outcome in one sentence.
	Meaning string `json:"meaning"`
	// Question, Model and Version are as the bundle has them: what somebody asked.
	Question string `json:"question,omitempty"`
	Model    string `json:"modelId,omitempty"`
	Version  string `json:"version,omitempty"`
	// Ledger is what the checkpoint says.
	Ledger Ledger  `json:"ledger"`
	Checks []Check `json:"checks"`
	// Anchors are those that the bundle carries the evidence of, and continues.
	Anchors []trust.NetworkAnchor `json:"anchors,omitempty"`
	// Life is the life of the version, computed again from the records, if the
	// bundle is about one.
	Life *lifecycle.Timeline `json:"life,omitempty"`
	// Records are those of the bundle that could be read, in order.
	Records []Record `json:"-"`
}

// A Record is a record of a bundle. It is to be believed if the report has not
// Failed and the verdict is OK.
type Record struct {
	Index   int64
	Record  *audit.Record
	Verdict trust.Verdict
}

// An Outcome sums up a report.
type Outcome string

// The outcomes.
const (
	// Verified: all was checked, and the ledger is the one of the trust file.
	Verified Outcome = "verified"
	// Consistent: the same, but nothing from outside says which ledger it is.
	Consistent Outcome = "consistent"
	// Failed: something is wrong.
	Failed Outcome = "failed"
)

// A Status is how a check went.
type Status string

// The statuses. A check that was skipped is no check that went well: its
// message says why it was, and so what is not known.
const (
	OK      Status = "ok"
	Wrong   Status = "failed"
	Skipped Status = "skipped"
	// Noted is what should be known, and speaks against no part of the proof.
	Noted Status = "noted"
)

// A Check is one thing that was looked at, or one fault that was found.
type Check struct {
	ID      string `json:"check"` // see Checks
	Status  Status `json:"status"`
	Where   string `json:"where,omitempty"` // member of the bundle
	Message string `json:"message"`
}

// String is the check in one line.
func (c Check) String() string {
	if c.Where == "" {
		return fmt.Sprintf("%-8s %s: %s", c.Status, c.ID, c.Message)
	}
	return fmt.Sprintf("%-8s %s: %s: %s", c.Status, c.ID, c.Where, c.Message)
}

// The checks, in the order of a report.
const (
	checkArchive    = "archive"
	checkContents   = "contents"
	checkRecords    = "inclusion"
	checkKeys       = "keys"
	checkCheckpoint = "checkpoint"
	checkAnchor     = "anchor"
	checkWitnesses  = "witnesses"
	checkNetwork    = "network"
	checkSignatures = "signatures"
	checkKeyFiles   = "key-files"
	checkDocuments  = "documents"
	checkHistory    = "history"
	checkComplete   = "complete"
	checkTrustFile  = "trust-file"
	checkLife       = "life"
	checkManifest   = "manifest"
	checkRest       = "rest"
)

// Checks lists the checks in the order of a report, each with what it asks.
func Checks() [][2]string {
	return slices.Clone([][2]string{
		{checkArchive, "the file is a zip in the one form of a bundle, each byte in its place"},
		{checkContents, "each member has the size and digest that bundle.json lists"},
		{checkRecords, "each record is in the tree of the checkpoint, at its index"},
		{checkKeys, "keys and policy follow from valid records of the ledger"},
		{checkCheckpoint, "the log signed the checkpoint with a key that was its own at that size"},
		{checkAnchor, "the ledger is the one of the trust file that the verifier has from elsewhere"},
		{checkWitnesses, "enough witnesses of the trust file cosigned the checkpoint"},
		{checkNetwork, "networks of the trust file have anchored a beginning of the ledger"},
		{checkSignatures, "each record is signed by keys trusted at its index, in the role and number that its event needs"},
		{checkKeyFiles, "the key files are the keys of the records"},
		{checkDocuments, "each document has the size and digests that a record says"},
		{checkHistory, "each record that a record points at as the one before is there, and is that one"},
		{checkComplete, "there are no other records"},
		{checkTrustFile, "the trust file in the bundle is of this ledger"},
		{checkLife, "the life of the version, computed from the records"},
		{checkManifest, "bundle.json says what follows from the members, and nothing else"},
		{checkRest, "what proves nothing"},
	})
}

func (r *Report) note(id string, s Status, where, format string, args ...any) {
	r.Checks = append(r.Checks, Check{id, s, where, fmt.Sprintf(format, args...)})
}

func (r *Report) fail(id, where, format string, args ...any) {
	r.note(id, Wrong, where, format, args...)
}

// good reports whether a check has found no fault.
func (r *Report) good(id string) bool {
	return !slices.ContainsFunc(r.Checks, func(c Check) bool { return c.ID == id && c.Status == Wrong })
}

// finish sorts the checks and sums them up.
func (r *Report) finish(anchored bool) *Report {
	order := map[string]int{}
	for i, c := range Checks() {
		order[c[0]] = i
	}
	slices.SortStableFunc(r.Checks, func(a, b Check) int { return order[a.ID] - order[b.ID] })
	faults := 0
	for _, c := range r.Checks {
		if c.Status == Wrong {
			faults++
		}
	}
	switch {
	case faults > 0:
		r.Outcome, r.Meaning = Failed, "the bundle is not to be believed: "+human.Count(faults, "fault")
	case !anchored:
		r.Outcome, r.Meaning = Consistent, trust.Unanchored
	default:
		r.Outcome, r.Meaning = Verified, "the records are in the ledger of the trust file, and signed by keys that it trusted"
	}
	return r
}
