package audit

import (
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit/dsse"
	"github.com/mmaudit/mmaudit/ledger"
)

// KeysVersion changes whenever KeysOf answers otherwise than before.
const KeysVersion = 1

// Names of the keys under which a record is found.
const (
	KeyScope   = "scope"   // "ledger", of what changes keys and policy
	KeyEvent   = "event"   // the event's name
	KeyModel   = "model"   // id of the model, heartbeats left out
	KeyOfVer   = "version" // VersionKey of model and version, heartbeats left out
	KeyRun     = "run"     // id of the run, heartbeats included
	KeySubject = "subject" // ALGORITHM:HEX of each subject, artefact and attachment
	KeyData    = "data"    // HEX of the roots and the manifest of each data set
	KeyParams  = "params"  // HEX of the hash of the hyper-parameters
	KeyTool    = "tool"    // "NAME VERSION" of a part of the toolchain, and of each shorter version of it
	KeyDevice  = "device"  // device or type of device
	KeySigner  = "signer"  // id of a key that is said to have signed
	KeyID      = "id"      // the caller's idempotency key
)

// VersionKey is the value of KeyOfVer.
func VersionKey(model, version string) ledger.Key {
	return ledger.Key{Name: KeyOfVer, Value: model + "\n" + version}
}

// ToolKey is the key of what was trained with a version, such as driver 535.129,
// or a version that begins with it: 535.129.03, not 535.1290.
func ToolKey(name, version string) ledger.Key {
	return ledger.Key{Name: KeyTool, Value: name + " " + version}
}

// view is the part of a statement that is indexed.
type view struct {
	Subject   []Subject `json:"subject"`
	Predicate indexed   `json:"predicate"`
}

type indexed struct {
	Event   Event  `json:"event"`
	ID      string `json:"id"`
	Model   string `json:"modelId"`
	Version string `json:"version"`
	Run     string `json:"runId"`
	Data    []struct {
		Fingerprint struct {
			Tree, Content struct{ Root string }
			Manifest      string `json:"manifestDigest"`
		}
		Listing *document
	}
	Params *struct {
		Hash string `json:"sha3_512"`
		Form *document
	}
	Toolchain *struct {
		Report   *document
		Versions map[string]string
	}
	Validation *struct{ Report *document }
	Evaluation *struct{ Plan, Report *document }
	Approval   *struct{ Document *document }
	Export     *struct{ From *document }
	Bridge     *struct{ Config *document }
	Incident   *struct{ Document *document }
	Deployment *struct {
		Device     string `json:"device"`
		DeviceType string `json:"deviceType"`
	}
	Attachments []*document
}

type document struct{ Digest DigestSet }

// documents lists what is kept outside of the ledger; some are nil.
func (p *indexed) documents() []*document {
	all := slices.Clone(p.Attachments)
	for _, d := range p.Data {
		all = append(all, d.Listing)
	}
	if p.Params != nil {
		all = append(all, p.Params.Form)
	}
	if p.Toolchain != nil {
		all = append(all, p.Toolchain.Report)
	}
	if p.Validation != nil {
		all = append(all, p.Validation.Report)
	}
	if p.Evaluation != nil {
		all = append(all, p.Evaluation.Plan, p.Evaluation.Report)
	}
	if p.Approval != nil {
		all = append(all, p.Approval.Document)
	}
	if p.Export != nil {
		all = append(all, p.Export.From)
	}
	if p.Bridge != nil {
		all = append(all, p.Bridge.Config)
	}
	if p.Incident != nil {
		all = append(all, p.Incident.Document)
	}
	return all
}

// KeysOf derives the keys of a record from its bytes; it is a [ledger.KeysOf].
// It reads what it needs and does not check the rest: that a record is whole is
// for Open to say. The idempotency key is the caller's, or the statement: the
// same statement with other signatures is no other event.
func KeysOf(record []byte) (ledger.Keys, error) {
	e, err := dsse.Parse(record)
	if err != nil {
		return ledger.Keys{}, err
	}
	var v view
	if err := json.Unmarshal(e.Payload, &v); err != nil {
		return ledger.Keys{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	p := &v.Predicate
	kind, ok := KindOf(p.Event)
	if !ok {
		return ledger.Keys{}, fmt.Errorf("%w: unknown event %q", ErrInvalid, p.Event)
	}

	var k ledger.Keys
	if k.ID = "id\n" + p.ID; p.ID == "" {
		sum := sha3.Sum512(e.Payload)
		k.ID = "statement\n" + hex.EncodeToString(sum[:])
	}
	add := func(name, value string) {
		if value != "" {
			k.Index = append(k.Index, ledger.Key{Name: name, Value: value})
		}
	}
	digests := func(set DigestSet) {
		for _, name := range [...]string{"sha3_512", "sha256"} {
			if set[name] != "" {
				add(KeySubject, name+":"+set[name])
			}
		}
	}

	if kind.Scope == OfLedger {
		add(KeyScope, string(OfLedger))
	}
	add(KeyEvent, string(p.Event))
	add(KeyRun, p.Run)
	add(KeyID, p.ID)
	for _, s := range e.Signatures {
		add(KeySigner, s.KeyID)
	}
	if p.Event == TrainHeartbeat {
		return k, nil // there are many, and they are looked for by run only
	}
	if p.Model != "" {
		add(KeyModel, p.Model)
		k.Index = append(k.Index, VersionKey(p.Model, p.Version))
	}
	for _, s := range v.Subject {
		digests(s.Digest)
	}
	for _, d := range p.Data {
		add(KeyData, d.Fingerprint.Tree.Root)
		add(KeyData, d.Fingerprint.Content.Root)
		add(KeyData, d.Fingerprint.Manifest)
	}
	for _, d := range p.documents() {
		if d != nil {
			digests(d.Digest)
		}
	}
	if p.Params != nil {
		add(KeyParams, p.Params.Hash)
	}
	if p.Toolchain != nil {
		for name, version := range p.Toolchain.Versions {
			for _, prefix := range prefixes(version) {
				k.Index = append(k.Index, ToolKey(name, prefix))
			}
		}
	}
	if p.Deployment != nil {
		add(KeyDevice, p.Deployment.Device)
		add(KeyDevice, p.Deployment.DeviceType)
	}
	return k, nil
}

// prefixes gives a version and what comes before each of its dots, hyphens and
// plus signs: 12.4.1 is 12, 12.4 and 12.4.1.
func prefixes(version string) []string {
	var all []string
	for i, r := range version {
		if i > 0 && strings.ContainsRune(".-+", r) {
			all = append(all, version[:i])
		}
	}
	return append(all, version)
}
