package audit

import (
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/hparams"
	"github.com/mmaudit/mmaudit/audit/toolchain"
)

// PredicateType names the form of [Predicate] in a statement.
const PredicateType = "https://github.com/mmaudit/mmaudit/lifecycle/v1"

// A Predicate is what a record says of an event. Its form is
// schemas/lifecycle.schema.json. Integers that may pass 2^53 are decimal
// strings; digests are lower-case hexadecimal; times are RFC 3339 in UTC.
type Predicate struct {
	V     int   `json:"v"` // 1
	Event Event `json:"event"`

	// Origin is the name of the ledger that the record is made for: in another
	// one, by the same keys, it means nothing.
	Origin string `json:"origin"`
	// ID is the idempotency key that the caller chose, if any: at most one
	// record of a ledger has it.
	ID      string `json:"id,omitempty"`
	Model   string `json:"modelId,omitempty"`
	Version string `json:"version,omitempty"`
	Run     string `json:"runId,omitempty"`

	// Prev is the newest record of the version that the writer saw, or, of an
	// event about keys and policy, the newest such record.
	Prev  *Prev `json:"prev,omitempty"`
	Time  Time  `json:"time"`
	Actor Actor `json:"actor"`

	Data       []Dataset   `json:"data,omitempty"`
	Params     *Params     `json:"params,omitempty"`
	Toolchain  *Toolchain  `json:"toolchain,omitempty"`
	Process    *Process    `json:"process,omitempty"`
	Outputs    []Artifact  `json:"outputs,omitempty"`
	Metrics    []Metric    `json:"metrics,omitempty"`
	Validation *Validation `json:"validation,omitempty"`
	Evaluation *Evaluation `json:"evaluation,omitempty"`
	Approval   *Approval   `json:"approval,omitempty"`
	Export     *Export     `json:"export,omitempty"`
	Bridge     *Bridge     `json:"bridge,omitempty"`
	Deployment *Deployment `json:"deployment,omitempty"`
	Incident   *Report     `json:"incident,omitempty"`
	Retention  *Retention  `json:"retention,omitempty"`
	Ledger     *Genesis    `json:"ledger,omitempty"`
	Key        *KeyChange  `json:"key,omitempty"`
	Policy     *Policy     `json:"policy,omitempty"`

	Attachments []Attachment      `json:"attachments,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Note        string            `json:"note,omitempty"`
	// Gaps are what should have been collected and could not.
	Gaps []Gap `json:"gaps,omitempty"`
	// Cut are the lists of which the record has only the beginning.
	Cut []Cut `json:"cut,omitempty"`
}

// Prev points at an earlier record.
type Prev struct {
	Index  int64  `json:"index,string"`
	Digest string `json:"sha3_512"` // of the record's bytes
}

// Time is when the writer says that it happened. The order of records is that
// of the ledger, whatever the clocks said.
type Time struct {
	Claimed string `json:"claimed"`
	// Synced says whether the system held its clock for synchronised; nil if it
	// is not known.
	Synced *bool  `json:"synced,omitempty"`
	BootID string `json:"bootId,omitempty"`
}

// Actor is who says so. The signature tells which key it was; ID is a name for
// people and proves nothing.
type Actor struct {
	ID    string `json:"id"`
	KeyID string `json:"keyId"`
}

// Dataset is a data set that was hashed.
type Dataset struct {
	Name string `json:"name"`
	// Role is what it was used for: train, val, test, eval, calibration, …
	Role        string             `json:"role,omitempty"`
	Fingerprint fingerprint.Result `json:"fingerprint"`
	// Listing is the list of its files, kept outside of the ledger.
	Listing *Attachment `json:"listing,omitempty"`

	// Declared by the caller.
	Source         string `json:"source,omitempty"`
	AcquiredAt     string `json:"acquiredAt,omitempty"`
	Medium         string `json:"medium,omitempty"`
	Sampling       string `json:"sampling,omitempty"`
	Licence        string `json:"licence,omitempty"`
	Classification string `json:"classification,omitempty"`
}

// Params are the hyper-parameters: their hash, and what discloses them one by
// one.
type Params struct {
	Hash     hparams.Hash `json:"sha3_512"` // hparams.Set.Hash
	Tree     hparams.Root `json:"tree"`     // salted
	Files    []ParamsFile `json:"files,omitempty"`
	Form     *Attachment  `json:"form,omitempty"` // the canonical form
	Redacted []string     `json:"redacted,omitempty"`
	Flags    []ParamsFlag `json:"flags,omitempty"`
	Method   string       `json:"method"` // observed (a hook's dump) or declared (a file, an argument)
}

// ParamsFile is a source of parameters as it lay on disk.
type ParamsFile struct {
	Name   string         `json:"name"`
	Format hparams.Format `json:"format"`
	Size   int64          `json:"size,string"`
	Digest hparams.Hash   `json:"sha3_512"`
}

// ParamsFlag is a parameter that readers of its format read differently, or
// that one source overrode.
type ParamsFlag struct {
	Code    string `json:"code"` // ambiguous, overridden
	Key     string `json:"key"`
	Message string `json:"message"`
}

// Toolchain is what the run ran on.
type Toolchain struct {
	// Report is the whole, kept outside of the ledger.
	Report   *Attachment       `json:"report,omitempty"`
	Versions map[string]string `json:"versions,omitempty"` // such as driver, cuda, cudnn
	Summary  *toolchain.Report `json:"summary"`
}

// Process is a command that was watched.
type Process struct {
	Argv    []string `json:"argv"` // secrets taken out
	PID     int      `json:"pid,omitempty"`
	Host    string   `json:"host,omitempty"` // a commitment, unless the name was allowed
	Started string   `json:"started,omitempty"`
	Ended   string   `json:"ended,omitempty"`
	Exit    *int     `json:"exit,omitempty"`
	Signal  string   `json:"signal,omitempty"`
	UserNS  int64    `json:"userNs,string,omitempty"` // CPU time
	SysNS   int64    `json:"sysNs,string,omitempty"`
	MaxRSS  int64    `json:"maxRssBytes,string,omitempty"`
}

// Artifact is a file, or a folder by its manifest, that an event left or is
// about.
type Artifact struct {
	Name   string    `json:"name"`
	Kind   string    `json:"kind"` // file, or folder: then the digests are those of its manifest
	Size   int64     `json:"size,string"`
	Digest DigestSet `json:"digest"`
	// Tree is the head of a folder's path tree.
	Tree *fingerprint.Head `json:"tree,omitempty"`
}

// DigestSet maps names of algorithms to digests, as in-toto has it: sha3_512,
// sha256, gitCommit, …
type DigestSet map[string]string

// Metric is a figure that somebody measured.
type Metric struct {
	Name  string `json:"name"`
	Value string `json:"value"` // decimal, nan, inf or -inf, as it was given
	Unit  string `json:"unit,omitempty"`
	Stage string `json:"stage,omitempty"` // train, val, test
	Data  string `json:"data,omitempty"`  // root of the tree of the data set
}

// Validation is the verdict of a validator over data sets.
type Validation struct {
	Tool     string      `json:"tool"`
	Verdict  string      `json:"verdict"` // pass, fail or incomplete
	Errors   int64       `json:"errors,string"`
	Warnings int64       `json:"warnings,string"`
	Report   *Attachment `json:"report,omitempty"`
}

// Evaluation is an evaluation, planned or done.
type Evaluation struct {
	Name       string      `json:"name"`
	Plan       *Attachment `json:"plan,omitempty"`
	Report     *Attachment `json:"report,omitempty"`
	Thresholds []Threshold `json:"thresholds,omitempty"`
	Verdict    string      `json:"verdict,omitempty"` // pass or fail
}

// Threshold is what a metric must reach.
type Threshold struct {
	Metric string `json:"metric"`
	Op     string `json:"op"` // >=, >, <=, <
	Value  string `json:"value"`
}

// Approval is a decision about a version.
type Approval struct {
	Reason   string      `json:"reason,omitempty"`
	Document *Attachment `json:"document,omitempty"`
	Expires  string      `json:"expires,omitempty"`
}

// Export is the model in another form; the artefacts are in Outputs.
type Export struct {
	Format    string           `json:"format"` // such as onnx
	IRVersion int              `json:"irVersion,omitempty"`
	Opsets    map[string]int64 `json:"opsets,omitempty"` // by domain
	From      *Artifact        `json:"from,omitempty"`
	Tool      string           `json:"tool,omitempty"`
}

// Bridge is a map of operators to a target.
type Bridge struct {
	Config *Attachment `json:"config"`
	Target string      `json:"target,omitempty"`
}

// Deployment is a version put onto a device, or a type of device.
type Deployment struct {
	Device      string `json:"device,omitempty"`
	DeviceType  string `json:"deviceType,omitempty"`
	Environment string `json:"environment,omitempty"`
	Before      string `json:"before,omitempty"` // version or configuration
	After       string `json:"after,omitempty"`
	SWIN        string `json:"swin,omitempty"`   // software identification number (RXSWIN)
	Result      string `json:"result,omitempty"` // ok, failed, partial
}

// Report is what went wrong.
type Report struct {
	Severity string      `json:"severity"` // low, medium, high, critical
	Summary  string      `json:"summary"`
	Document *Attachment `json:"document,omitempty"`
	Device   string      `json:"device,omitempty"`
}

// Retention is how long the record must be kept.
type Retention struct {
	Regime string `json:"regime"`
	Until  string `json:"until,omitempty"` // date
	Hold   bool   `json:"hold,omitempty"`
}

// Attachment is a document outside of the ledger, by its digest.
type Attachment struct {
	Name      string    `json:"name"`
	MediaType string    `json:"mediaType"`
	Size      int64     `json:"size,string"`
	Digest    DigestSet `json:"digest"`
}

// Gap is something that could not be collected, and why.
type Gap struct {
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// Cut is a list that is too long for a record: the record has its beginning, and
// a document the whole.
type Cut struct {
	Member string `json:"member"` // of the predicate, such as outputs or process.argv
	Items  int    `json:"items"`  // of the whole list
	// Whole is the list as JSON, in the form that it has in a record; nil if it
	// could not be kept.
	Whole *Attachment `json:"whole,omitempty"`
}

// Whole is how many items a list had, of which the record has so many.
func (p *Predicate) Whole(member string, has int) int {
	for _, c := range p.Cut {
		if c.Member == member {
			return c.Items
		}
	}
	return has
}

// Genesis is how a ledger begins.
type Genesis struct {
	Origin string      `json:"origin"`
	Log    string      `json:"log"` // verifier key of checkpoints, as C2SP signed-note has it
	Keys   []SignerKey `json:"keys"`
	Policy Policy      `json:"policy"`
}

// SignerKey is a key that may sign records.
type SignerKey struct {
	ID        string `json:"keyId"`
	Algorithm string `json:"algorithm"`
	Public    []byte `json:"publicKey"` // SubjectPublicKeyInfo, DER
	Name      string `json:"name"`
	Roles     []Role `json:"roles"`
}

// KeyChange is a change of the keys that are trusted.
type KeyChange struct {
	Old    string     `json:"old,omitempty"` // id of a key, or verifier key of the log
	New    *SignerKey `json:"new,omitempty"`
	Log    string     `json:"log,omitempty"` // new verifier key of checkpoints
	Reason string     `json:"reason,omitempty"`
	// Since is the index from which on records of a revoked key are not
	// believed; nil: from the revocation on.
	Since *int64 `json:"since,string,omitempty"`
}

// Policy says how many different keys must sign an event; 1 where it is silent.
type Policy struct {
	Threshold map[Event]int `json:"threshold,omitempty"`
	// Separate are pairs of roles that one key must not have played for one
	// version.
	Separate [][2]Role `json:"separate,omitempty"`
}
