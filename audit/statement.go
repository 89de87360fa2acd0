package audit

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mmaudit/mmaudit/audit/canonical"
	"github.com/mmaudit/mmaudit/ledger"
)

// StatementType is the type of an in-toto Statement, version 1.
const StatementType = "https://in-toto.io/Statement/v1"

// ErrInvalid is a statement that does not say what its event must say, or in
// another form than the one.
var ErrInvalid = errors.New("not a valid record")

// A Statement binds a predicate to what it is about.
type Statement struct {
	Type          string    `json:"_type"`
	Subject       []Subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     Predicate `json:"predicate"`
}

// Subject is what a statement is about. Statements are found by digest; the
// name is for people.
type Subject struct {
	Name   string    `json:"name"`
	Digest DigestSet `json:"digest"`
}

// Encode gives the statement of the predicate in canonical form: the bytes
// that are signed. It is ErrInvalid if something is missing or malformed.
func (p *Predicate) Encode() ([]byte, error) {
	if err := p.Validate(); err != nil {
		return nil, err
	}
	s := Statement{StatementType, p.subjects(), PredicateType, *p}
	payload, err := canonical.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return payload, nil
}

// Decode reads a statement that Encode could have written, and nothing else.
// Its errors are ErrInvalid.
func Decode(payload []byte) (*Statement, error) {
	if len(payload) > ledger.MaxRecord {
		return nil, fmt.Errorf("%w: statement of %d bytes, at most %d", ErrInvalid, len(payload), ledger.MaxRecord)
	}
	d := json.NewDecoder(bytes.NewReader(payload))
	d.DisallowUnknownFields()
	var s Statement
	if err := d.Decode(&s); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if s.Type != StatementType {
		return nil, fmt.Errorf("%w: statement of type %q, want %q", ErrInvalid, s.Type, StatementType)
	}
	if s.PredicateType != PredicateType {
		return nil, fmt.Errorf("%w: predicate of type %q, want %q", ErrInvalid, s.PredicateType, PredicateType)
	}
	again, err := s.Predicate.Encode()
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, payload) {
		return nil, fmt.Errorf("%w: the statement is not in its canonical form, or its subject is not what its event is about", ErrInvalid)
	}
	return &s, nil
}

// subjects follow from the predicate: the artefacts, else the data sets, else
// the run, the version, or the ledger.
func (p *Predicate) subjects() []Subject {
	var subjects []Subject
	for _, a := range p.Outputs {
		subjects = append(subjects, Subject{a.Name, a.Digest})
	}
	if p.Event.Scope() == OfData {
		for _, d := range p.Data {
			subjects = append(subjects, Subject{d.Name, DigestSet{"sha3_512": d.Fingerprint.Manifest.String()}})
		}
	}
	switch {
	case len(subjects) > 0:
		return subjects
	case p.Run != "":
		return []Subject{{"run " + p.Run, nameDigest("run", p.Run)}}
	case p.Model != "":
		return []Subject{{p.Model + " " + p.Version, nameDigest("version", p.Model+"\n"+p.Version)}}
	case p.Key != nil && p.Key.New != nil:
		return []Subject{{"key " + p.Key.New.Name, DigestSet{"sha256": p.Key.New.ID}}}
	default:
		return []Subject{{"ledger event " + string(p.Event), nameDigest("event", string(p.Event))}}
	}
}

// nameDigest stands for what has no bytes of its own, such as a run before there
// are weights: digests of "auditlog/DOMAIN/v1\n" and the name.
func nameDigest(domain, name string) DigestSet {
	text := []byte("auditlog/" + domain + "/v1\n" + name)
	s3, s2 := sha3.Sum512(text), sha256.Sum256(text)
	return DigestSet{"sha3_512": hex.EncodeToString(s3[:]), "sha256": hex.EncodeToString(s2[:])}
}
