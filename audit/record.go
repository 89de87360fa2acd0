package audit

import (
	"crypto/sha3"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/mmaudit/mmaudit/audit/dsse"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/ledger"
)

// A Record is a signed statement, read.
type Record struct {
	Bytes     []byte // as a ledger holds them
	Envelope  *dsse.Envelope
	Statement *Statement
}

// Seal signs the predicate with each key and gives the bytes of the record. The
// same predicate and keys give the same bytes. What has more bytes than a record
// may have is ledger.ErrTooLarge.
func Seal(p *Predicate, signers ...*keys.Private) ([]byte, error) {
	payload, err := p.Encode()
	if err != nil {
		return nil, err
	}
	record, err := dsse.Sign(payload, signers...)
	if errors.Is(err, dsse.ErrSize) {
		return nil, fmt.Errorf("%w: its statement has %d", ledger.ErrTooLarge, len(payload))
	}
	return record, err
}

// Open reads a record. It checks form and content, but no signature. Its errors
// are ErrInvalid.
func Open(record []byte) (*Record, error) {
	e, err := dsse.Parse(record)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if e.PayloadType != dsse.PayloadType {
		return nil, fmt.Errorf("%w: payload of type %q, want %q", ErrInvalid, e.PayloadType, dsse.PayloadType)
	}
	s, err := Decode(e.Payload)
	if err != nil {
		return nil, err
	}
	return &Record{Bytes: record, Envelope: e, Statement: s}, nil
}

// Predicate is what the record says of its event.
func (r *Record) Predicate() *Predicate { return &r.Statement.Predicate }

// Digest is SHA3-512 of the record's bytes, in hexadecimal: the name by which
// another record points at it.
func (r *Record) Digest() string { return DigestOf(r.Bytes) }

// DigestOf is SHA3-512 in lower-case hexadecimal.
func DigestOf(data []byte) string {
	sum := sha3.Sum512(data)
	return hex.EncodeToString(sum[:])
}
