package verify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/human"
)

// A Report is the outcome of a verification.
type Report struct {
	V       int     `json:"v"` // 1
	Outcome Outcome `json:"outcome"`
	// Meaning is the outcome in one sentence.
	Meaning string `json:"meaning"`
	// What was looked at: the place of the ledger, and what its head says.
	Ledger Target  `json:"ledger"`
	Checks []Check `json:"checks"` // in the order of Catalogue
	// Findings are what is wrong, what could not be looked at, and what should
	// be known, in the order of checks, records and paths.
	Findings []Finding `json:"findings"`
	// Anchors are the newest of each network that the ledger continues.
	Anchors []trust.NetworkAnchor `json:"anchors,omitempty"`
	// Lives are those of all versions, by model and version, if asked for.
	Lives []Life `json:"lives,omitempty"`
	// Records are those that were verified, of Record, Artifact and Data.
	Records []Line `json:"records,omitempty"`
}

// Line is a record in one line.
type Line struct {
	Index   int64       `json:"index"`
	Digest  string      `json:"sha3_512"`
	Event   audit.Event `json:"event"`
	Model   string      `json:"modelId,omitempty"`
	Version string      `json:"version,omitempty"`
	Says    string      `json:"says"`
}

// Target is the ledger, at the size at which it was verified.
type Target struct {
	Folder string `json:"folder"`
	Origin string `json:"origin,omitempty"`
	Size   int64  `json:"size"`
	Root   string `json:"root,omitempty"` // RFC 6962, base64
}

// Life is what there is to say of the life of a version.
type Life struct {
	Model   string           `json:"modelId"`
	Version string           `json:"version"`
	State   lifecycle.State  `json:"state"`
	Counts  lifecycle.Counts `json:"counts"`
}

// An Outcome sums up a report.
type Outcome string

// The outcomes, the better ones first.
const (
	// Verified: nothing is wrong, and the ledger is the one of the trust file.
	Verified Outcome = "verified"
	// Consistent: nothing is wrong, but nothing from outside says which ledger
	// it is.
	Consistent Outcome = "consistent"
	// Incomplete: nothing wrong was found, but something could not be looked at.
	Incomplete Outcome = "incomplete"
	// Failed: something is wrong.
	Failed Outcome = "failed"
)

// A Status is how a check went.
type Status string

// The statuses. A check that was skipped is none that went well: its message
// says why it was.
const (
	OK      Status = "ok"
	Wrong   Status = "failed"
	Unknown Status = "unknown" // it could not be carried out
	Skipped Status = "skipped"
)

// A Check is how one entry of the Catalogue went.
type Check struct {
	ID      string `json:"check"`
	Status  Status `json:"status"`
	Message string `json:"message"`
	// Findings is how many there are, of which the report lists the first.
	Findings int `json:"findings"`
}

// A Finding is one thing that a check found.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"` // failed or unknown; ok for what should merely be known
	// Path is the file, and Index the record, to blame; -1 is none.
	Path    string `json:"path,omitempty"`
	Index   int64  `json:"index"`
	Problem string `json:"problem"`
	Hint    string `json:"hint,omitempty"`
}

// String is the finding in one line, without its hint.
func (f Finding) String() string {
	s := f.Problem
	if f.Index >= 0 {
		s = fmt.Sprintf("record %d: %s", f.Index, s)
	}
	if f.Path != "" {
		s = f.Path + ": " + s
	}
	return s
}

// A Kind is what is known of a check.
type Kind struct {
	ID     string `json:"check"`
	Proves string `json:"proves"`
	// OnFabric is what it proves of a ledger on Fabric, if that is something else.
	OnFabric string `json:"onFabric,omitempty"`
	Needs    string `json:"needs,omitempty"` // without which it is skipped
	Of       Of     `json:"of,omitempty"`
}

// Of says where a check belongs: to Ledger, or to Record, Artifact and Data, or
// to all of these if it is empty.
type Of string

// Where a check belongs.
const (
	OfAll   Of = ""
	OfOne   Of = "one"
	OfData  Of = "data"
	OfWhole Of = "whole"
	// OfNetwork are those of Ledger on Fabric alone.
	OfNetwork Of = "network"
)

// The checks.
const (
	checkFound      = "found"
	checkData       = "data"
	checkInclusion  = "inclusion"
	checkFolder     = "folder"
	checkCheckpoint = "checkpoint"
	checkRollback   = "rollback"
	checkTree       = "tree"
	checkIndex      = "index"
	checkRecords    = "records"
	checkKeys       = "keys"
	checkSignatures = "signatures"
	checkHistory    = "history"
	checkDocuments  = "documents"
	checkListings   = "listings"
	checkParams     = "parameters"
	checkLogKey     = "log-key"
	checkSiteKey    = "site-key"
	checkAnchor     = "anchor"
	checkWitnesses  = "witnesses"
	checkAgainst    = "against"
	checkBoth       = "both"
	checkLives      = "lives"
	checkPeers      = "peers"
	checkNetwork    = "network"
)

// Catalogue lists the checks in the order of a report.
func Catalogue() []Kind {
	return []Kind{
		{checkFolder, "ledger.json can be read, and names the log and its keys", "the first record names the ledger, as the profile does if it does", "", OfAll},
		{checkCheckpoint, "the log signed the checkpoint, with a key that was its own at that size", "peers of enough organisations signed the head, by the key that was the log's at that size", checkKeys, OfAll},
		{checkRollback, "the ledger continues the newest state that this user has seen of it", "", checkFolder, OfAll},
		{checkPeers, "all peers of the profile have the same records", "", checkFolder, OfNetwork},
		{checkFound, "a record names it", "", checkCheckpoint, OfOne},
		{checkData, "the folder has exactly the files of the data set", "", checkFound, OfData},
		{checkInclusion, "each of these records is under the signed root, at its index", "", checkFound, OfOne},
		{checkTree, "every record and every hash is under the signed root, and no record is there twice", "all records, read one by one, have the root of the head, and no record is there twice", checkCheckpoint, OfWhole},
		{checkIndex, "the index finds each record by all its keys, and nothing else", "asked by event, scope, model and version, and by 64 other keys drawn by lot, the chain finds each record, and nothing else; what is not sealed is listed under all its keys", checkTree, OfWhole},
		{checkRecords, "each record is a statement in the one form, and says what its event must say", "", checkTree, OfAll},
		{checkKeys, "which keys are trusted follows from valid records, the first of which began this ledger", "", checkTree, OfAll},
		{checkSignatures, "each record is signed by keys trusted at its index, in the role and number that its event needs", "", checkKeys, OfAll},
		{checkHistory, "each record that another points at as the one before is that one", "", checkRecords, OfAll},
		{checkDocuments, "each document that records name is there, with their size and digests", "", checkRecords, OfAll},
		{checkListings, "each list of files that records name is there too, and has the tree of the data set", "", checkRecords, OfAll},
		{checkParams, "the kept hyper-parameters have the hash of their records and, under site.key, the tree", "", checkRecords, OfAll},
		{checkLogKey, "log.key is the key that signs the log", "nothing: there is none", checkFolder, OfWhole},
		{checkSiteKey, "site.key is the key under which hyper-parameters were recorded", "", checkRecords, OfAll},
		{checkAnchor, "the ledger is the one of the trust file", "", "a trust file", OfAll},
		{checkWitnesses, "enough witnesses of the trust file cosigned the checkpoint", "", "a trust file", OfAll},
		{checkNetwork, "the ledger continues what networks of the trust file have anchored of it", "", "evidence of an anchor", OfWhole},
		{checkAgainst, "the ledger continues an older checkpoint", "", "an older checkpoint", OfWhole},
		{checkBoth, "the records are, byte for byte, those of another place, as far as both go", "", "another place", OfWhole},
		{checkLives, "the lives of all versions are without errors", "", "to be asked for", OfWhole},
	}
}

// count writes a number with its noun, the plural last if it needs one.
func count[N int | int64](n N, noun ...string) string {
	if n == 1 || len(noun) == 1 {
		return human.Count(int(n), noun[0])
	}
	return fmt.Sprintf("%d %s", n, noun[1])
}

// maxFindings bounds the list of each check; the rest is counted.
const maxFindings = 100

// A gathering gathers a report. It may be used concurrently.
type gathering struct {
	Report
	of       []Of
	onFabric bool
	mu       sync.Mutex // guards what follows
	status   map[string]Status
	message  map[string]string
	findings map[string][]Finding
	count    map[string]int
}

func newReport(place string, of ...Of) *gathering {
	_, onFabric := store.OnFabric(place)
	return &gathering{
		of:       of,
		onFabric: onFabric,
		Report:   Report{V: 1, Ledger: Target{Folder: place}},
		status:   map[string]Status{}, message: map[string]string{}, findings: map[string][]Finding{}, count: map[string]int{},
	}
}

// worse orders the statuses of findings.
var worse = []Status{OK, Unknown, Wrong}

func (r *gathering) find(f Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Index(worse, f.Status) > slices.Index(worse, r.status[f.Check]) {
		r.status[f.Check] = f.Status
	}
	r.count[f.Check]++
	all := append(r.findings[f.Check], f)
	if len(all) > 2*maxFindings { // the first of them, whoever came first
		all = first(all)
	}
	r.findings[f.Check] = all
}

func first(all []Finding) []Finding {
	slices.SortFunc(all, func(a, b Finding) int {
		return cmp.Or(slices.Index(worse, b.Status)-slices.Index(worse, a.Status), cmp.Compare(a.Index, b.Index), cmp.Compare(a.Path, b.Path), cmp.Compare(a.Problem, b.Problem))
	})
	return all[:min(len(all), maxFindings)]
}

// wrong reports something that cannot be right; unknown, that could not be
// looked at; and note, that should be known.
func (r *gathering) wrong(check, path string, index int64, hint, format string, args ...any) {
	r.find(Finding{check, Wrong, path, index, fmt.Sprintf(format, args...), hint})
}

func (r *gathering) unknown(check, path string, index int64, err error) {
	r.find(Finding{check, Unknown, path, index, err.Error(), "see to it that it can be read, and verify again"})
}

func (r *gathering) note(check, path string, index int64, format string, args ...any) {
	r.find(Finding{check, OK, path, index, fmt.Sprintf(format, args...), ""})
}

// skip says why a check is not carried out.
func (r *gathering) skip(check, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status[check] == "" {
		r.status[check], r.message[check] = Skipped, fmt.Sprintf(format, args...)
	}
}

// ok says what a check found right, if it found nothing wrong.
func (r *gathering) ok(check, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.status[check]; s == "" || s == OK {
		r.status[check], r.message[check] = OK, fmt.Sprintf(format, args...)
	}
}

// good reports whether a check went well.
func (r *gathering) good(check string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status[check] == OK && r.message[check] != ""
}

// blame says of what the checks that failed speak.
func (r *gathering) blame() string {
	switch {
	case slices.Contains(r.of, OfWhole):
		return "the ledger is not to be believed as it stands: "
	case r.status[checkData] == Wrong:
		return "the data are not those of the record: "
	}
	return "it is not proven: "
}

// finish sums the report up.
func (r *gathering) finish() *Report {
	r.Checks, r.Findings = []Check{}, []Finding{}
	failed, unknown := []string{}, []string{}
	for _, k := range Catalogue() {
		if k.Of != OfAll && !slices.Contains(r.of, k.Of) {
			continue
		}
		status, message := r.status[k.ID], r.message[k.ID]
		switch status {
		case Wrong:
			failed = append(failed, k.ID)
			proves := k.Proves
			if r.onFabric {
				proves = cmp.Or(k.OnFabric, proves)
			}
			message = "it is not so that " + proves
		case Unknown:
			unknown = append(unknown, k.ID)
			message = "could not be looked at whole"
		case "":
			status, message = Skipped, "needs "+k.Needs
		case OK:
			if message == "" { // notes alone: nobody said that it went well
				status, message = Skipped, "needs "+k.Needs
			}
		}
		r.Checks = append(r.Checks, Check{k.ID, status, message, r.count[k.ID]})
		r.Findings = append(r.Findings, first(r.findings[k.ID])...)
	}
	switch {
	case len(failed) == 1 && failed[0] == checkBoth:
		r.Outcome, r.Meaning = Failed, "the ledger is as it was written, but what it was compared with is not the same"
	case len(failed) == 1 && failed[0] == checkLives:
		r.Outcome, r.Meaning = Failed, "the ledger is as it was written, but lives of versions have errors"
	case len(failed) > 0:
		r.Outcome, r.Meaning = Failed, r.blame()+strings.Join(failed, ", ")
	case len(unknown) > 0:
		r.Outcome, r.Meaning = Incomplete, "nothing wrong was found, but not all could be looked at: "+strings.Join(unknown, ", ")
	case r.status[checkAnchor] != OK:
		r.Outcome, r.Meaning = Consistent, trust.Unanchored
	case r.status[checkCheckpoint] != OK:
		r.Outcome, r.Meaning = Consistent, "the ledger begins as the trust file says, but nobody has signed the head: "+r.message[checkCheckpoint]
	default:
		r.Outcome, r.Meaning = Verified, "the ledger is the one of the trust file, and all that was looked at is as it should be"
	}
	return &r.Report
}
