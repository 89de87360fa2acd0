// Package dsse puts signatures around a statement: DSSE v1 envelopes
// (https://github.com/secure-systems-lab/dsse).
//
// A record of the ledger has one byte form, and so has an envelope here: the
// canonical JSON (RFC 8785) of
//
//	{"payload":BASE64,"payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":ID,"sig":BASE64},…]}
//
// with base64 of the standard alphabet, padded; the ID of the key that signed
// ([keys.Public.ID]) in each signature; and signatures in ascending order of
// these, one for each key. [Parse] takes nothing else, so that bytes that were
// not signed cannot vary either. What signs is not the payload alone but [PAE],
// which binds its type.
package dsse

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit/keys"
)

// PayloadType says that the payload is an in-toto statement.
const PayloadType = "application/vnd.in-toto+json"

const (
	// MaxSize bounds an envelope, in bytes: it is a record of the ledger.
	MaxSize = 65535
	// MaxSignatures bounds the work that an envelope asks of its verifier.
	MaxSignatures = 32
)

// What can be wrong with an envelope, for errors.Is.
var (
	ErrEnvelope     = errors.New("not an envelope")
	ErrNotCanonical = errors.New("envelope is not in its canonical form")
	ErrPayloadType  = errors.New("payload is not an in-toto statement")
	ErrSize         = errors.New("envelope is larger than 65535 bytes")
	ErrSigned       = errors.New("signed by this key already")
	ErrThreshold    = errors.New("too few trusted signatures")
)

// Envelope is a payload with its signatures, none of them verified.
type Envelope struct {
	PayloadType string
	Payload     []byte
	Signatures  []Signature

	ours bool // read by Parse: key IDs are ours
}

// Signature is one signature of an envelope. KeyID is a hint that nobody signed.
type Signature struct {
	KeyID string
	Sig   []byte
}

// PAE gives the bytes that are signed, the pre-authentication encoding:
// "DSSEv1", length of type, type, length of payload, payload, each after a
// space but the first; lengths in bytes, in decimal.
func PAE(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// Sign gives the envelope of an in-toto statement, signed by each signer.
func Sign(payload []byte, signers ...*keys.Private) ([]byte, error) {
	e := &Envelope{PayloadType: PayloadType, Payload: payload}
	for _, s := range signers {
		if err := e.sign(s); err != nil {
			return nil, err
		}
	}
	return e.Marshal()
}

// Add gives an envelope a further signature. The others are not verified.
func Add(envelope []byte, signer *keys.Private) ([]byte, error) {
	e, err := Parse(envelope)
	if err != nil {
		return nil, err
	}
	if err := e.sign(signer); err != nil {
		return nil, err
	}
	return e.Marshal()
}

func (e *Envelope) sign(k *keys.Private) error {
	id := k.Public().ID()
	i, found := slices.BinarySearchFunc(e.Signatures, id, func(s Signature, id string) int { return strings.Compare(s.KeyID, id) })
	if found {
		return fmt.Errorf("key %s: %w", id, ErrSigned)
	}
	sig, err := k.Sign(PAE(e.PayloadType, e.Payload))
	if err != nil {
		return fmt.Errorf("key %s: %w", id, err)
	}
	e.Signatures = slices.Insert(e.Signatures, i, Signature{id, sig})
	return nil
}

// Marshal gives the one form of an envelope whose signatures name their keys
// by ID. It verifies none.
func (e *Envelope) Marshal() ([]byte, error) {
	b := make([]byte, 0, 256+base64.StdEncoding.EncodedLen(len(e.Payload))+len(e.Signatures)*192)
	b = append(b, openPayload...)
	b = base64.StdEncoding.AppendEncode(b, e.Payload)
	b = append(b, closePayload...)
	for i, s := range e.Signatures {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, openKeyID...)
		b = append(b, s.KeyID...)
		b = append(b, openSig...)
		b = base64.StdEncoding.AppendEncode(b, s.Sig)
		b = append(b, closeSig...)
	}
	b = append(b, closeAll...)
	// What could not be read must not be written.
	if e.PayloadType != PayloadType {
		return nil, fmt.Errorf("%w: its type is %q", ErrPayloadType, e.PayloadType)
	}
	if _, err := Parse(b); err != nil {
		return nil, err
	}
	return b, nil
}
