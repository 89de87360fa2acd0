package dsse

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/mmaudit/mmaudit/audit/canonical"
)

// An envelope is these words, with base64 and key IDs between them.
const (
	openPayload  = `{"payload":"`
	closePayload = `","payloadType":"` + PayloadType + `","signatures":[`
	openKeyID    = `{"keyid":"`
	openSig      = `","sig":"`
	closeSig     = `"}`
	closeAll     = `]}`
)

// Parse reads an envelope in its one form (see the package comment); any other
// is refused, even if it says the same. It verifies no signature.
func Parse(envelope []byte) (*Envelope, error) {
	if len(envelope) > MaxSize {
		return nil, ErrSize
	}
	if e, ok := parse(envelope); ok {
		return e, nil
	}
	// It is refused. Say why.
	e, err := ParseForeign(envelope)
	if err != nil {
		return nil, err
	}
	if e.PayloadType != PayloadType {
		return nil, fmt.Errorf("%w: its type is %q", ErrPayloadType, e.PayloadType)
	}
	return nil, ErrNotCanonical
}

func parse(data []byte) (*Envelope, bool) {
	e := &Envelope{PayloadType: PayloadType, ours: true}
	r := reader{data, true}
	r.word(openPayload)
	e.Payload = r.base64()
	r.word(closePayload)
	for r.ok {
		r.word(openKeyID)
		id := r.keyID()
		r.word(openSig)
		sig := r.base64()
		r.word(closeSig)
		if n := len(e.Signatures); n == MaxSignatures || n > 0 && e.Signatures[n-1].KeyID >= id || len(sig) == 0 {
			return nil, false
		}
		e.Signatures = append(e.Signatures, Signature{id, sig})
		if !bytes.HasPrefix(r.rest, []byte(",")) {
			break
		}
		r.rest = r.rest[1:]
	}
	r.word(closeAll)
	return e, r.ok && len(r.rest) == 0
}

// reader takes one word after the other off the front, until one is wrong.
type reader struct {
	rest []byte
	ok   bool
}

func (r *reader) word(w string) {
	if r.ok = r.ok && bytes.HasPrefix(r.rest, []byte(w)); r.ok {
		r.rest = r.rest[len(w):]
	}
}

// base64 reads up to the next quote. The decoder skips line breaks, and Strict
// does not mind; the length tells.
func (r *reader) base64() []byte {
	n := bytes.IndexByte(r.rest, '"')
	if !r.ok || n < 0 {
		r.ok = false
		return nil
	}
	out := make([]byte, base64.StdEncoding.DecodedLen(n))
	m, err := base64.StdEncoding.Strict().Decode(out, r.rest[:n])
	r.ok = err == nil && base64.StdEncoding.EncodedLen(m) == n
	r.rest = r.rest[n:]
	return out[:m]
}

func (r *reader) keyID() string {
	if !r.ok || len(r.rest) < 64 {
		r.ok = false
		return ""
	}
	id := string(r.rest[:64])
	r.ok = strings.Trim(id, "0123456789abcdef") == ""
	r.rest = r.rest[64:]
	return id
}

// ParseForeign reads an envelope as others write it: any payload type, key IDs
// and white space, base64 of either alphabet, padded or not, further fields. A
// key twice in one object is refused, and so is an envelope without signature
// or with more than [MaxSignatures].
func ParseForeign(envelope []byte) (*Envelope, error) {
	if len(envelope) > MaxSize {
		return nil, ErrSize
	}
	v, err := canonical.Parse(envelope)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEnvelope, err)
	}
	e := &Envelope{}
	if e.PayloadType, err = text(v, "payloadType"); err != nil {
		return nil, err
	}
	if e.Payload, err = binary(v, "payload"); err != nil {
		return nil, err
	}
	signatures, ok := v.Get("signatures")
	if !ok || signatures.Kind != canonical.ArrayKind {
		return nil, fmt.Errorf("%w: %q is not an array", ErrEnvelope, "signatures")
	}
	if n := len(signatures.Items); n == 0 || n > MaxSignatures {
		return nil, fmt.Errorf("%w: it has %d signatures, where 1 to %d are accepted", ErrEnvelope, n, MaxSignatures)
	}
	for i := range signatures.Items {
		s := &signatures.Items[i]
		var sig Signature
		if _, ok := s.Get("keyid"); ok { // it is optional
			if sig.KeyID, err = text(s, "keyid"); err != nil {
				return nil, fmt.Errorf("signature %d: %w", i, err)
			}
		}
		if sig.Sig, err = binary(s, "sig"); err != nil {
			return nil, fmt.Errorf("signature %d: %w", i, err)
		}
		e.Signatures = append(e.Signatures, sig)
	}
	return e, nil
}

func text(v *canonical.Value, key string) (string, error) {
	s, ok := v.Get(key)
	if !ok || s.Kind != canonical.StringKind {
		return "", fmt.Errorf("%w: %q is not a string", ErrEnvelope, key)
	}
	return s.Text, nil
}

func binary(v *canonical.Value, key string) ([]byte, error) {
	s, err := text(v, key)
	if err != nil {
		return nil, err
	}
	s = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(s, "="))
	out, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil || base64.RawStdEncoding.EncodedLen(len(out)) != len(s) {
		return nil, fmt.Errorf("%w: %q is not base64", ErrEnvelope, key)
	}
	return out, nil
}
