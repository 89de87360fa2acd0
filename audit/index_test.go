package audit_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/dsse"
	"github.com/mmaudit/mmaudit/ledger"
)

// view is the part of a statement that is indexed.
type view struct {
	Subject   []audit.Subject `json:"subject"`
	Predicate indexed         `json:"predicate"`
}

type indexed struct {
	Event   audit.Event `json:"event"`
	ID      string      `json:"id"`
	Model   string      `json:"modelId"`
	Version string      `json:"version"`
	Run     string      `json:"runId"`
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
	Cut         []struct{ Whole *document }
}

type document struct{ Digest audit.DigestSet }

// documents lists what is kept outside of the ledger; some are nil.
func (p *indexed) documents() []*document {
	all := slices.Clone(p.Attachments)
	for _, c := range p.Cut {
		all = append(all, c.Whole)
	}
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

// keysByType derives the keys by encoding/json and types: what KeysOf must give.
func keysByType(record []byte) (ledger.Keys, error) {
	e, err := dsse.Parse(record)
	if err != nil {
		return ledger.Keys{}, err
	}
	var v view
	if err := json.Unmarshal(e.Payload, &v); err != nil {
		return ledger.Keys{}, fmt.Errorf("%w: %w", audit.ErrInvalid, err)
	}
	p := &v.Predicate
	kind, ok := audit.KindOf(p.Event)
	if !ok {
		return ledger.Keys{}, fmt.Errorf("%w: unknown event %q", audit.ErrInvalid, p.Event)
	}

	var k ledger.Keys
	if k.ID = "id\n" + p.ID; p.ID == "" {
		sum := sha256.Sum256(e.Payload)
		k.ID = "statement\n" + hex.EncodeToString(sum[:])
	}
	add := func(name, value string) {
		if value != "" {
			k.Index = append(k.Index, ledger.Key{Name: name, Value: value})
		}
	}
	digests := func(set audit.DigestSet) {
		for _, name := range [...]string{"sha3_512", "sha256"} {
			if set[name] != "" {
				add(audit.KeySubject, name+":"+set[name])
			}
		}
	}

	if kind.Scope == audit.OfLedger {
		add(audit.KeyScope, string(audit.OfLedger))
	}
	add(audit.KeyEvent, string(p.Event))
	add(audit.KeyRun, p.Run)
	add(audit.KeyID, p.ID)
	for _, s := range e.Signatures {
		add(audit.KeySigner, s.KeyID)
	}
	if p.Event == audit.TrainHeartbeat {
		return k, nil // there are many, and they are looked for by run only
	}
	if p.Model != "" {
		add(audit.KeyModel, p.Model)
		k.Index = append(k.Index, audit.VersionKey(p.Model, p.Version))
	}
	for _, s := range v.Subject {
		digests(s.Digest)
	}
	for _, d := range p.Data {
		add(audit.KeyData, d.Fingerprint.Tree.Root)
		add(audit.KeyData, d.Fingerprint.Content.Root)
		add(audit.KeyData, d.Fingerprint.Manifest)
	}
	for _, d := range p.documents() {
		if d != nil {
			digests(d.Digest)
		}
	}
	if p.Params != nil {
		add(audit.KeyParams, p.Params.Hash)
	}
	if p.Toolchain != nil {
		for name, version := range p.Toolchain.Versions {
			for _, prefix := range prefixesOf(version) {
				k.Index = append(k.Index, audit.ToolKey(name, prefix))
			}
		}
	}
	if p.Deployment != nil {
		add(audit.KeyDevice, p.Deployment.Device)
		add(audit.KeyDevice, p.Deployment.DeviceType)
	}
	return k, nil
}

func prefixesOf(version string) (all []string) {
	for i := range version {
		if i > 0 && strings.ContainsAny(version[i:i+1], ".-+") {
			all = append(all, version[:i])
		}
	}
	return append(all, version)
}
