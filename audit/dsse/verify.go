package dsse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit/keys"
)

// Verify returns the trusted keys that signed the envelope, in order of their
// IDs, with [ErrThreshold] if they are fewer than threshold. A key counts once,
// however often it signed or is trusted. Signatures that no trusted key made do
// not count, and do no harm.
//
// In an envelope read by [Parse], a signature counts only under the ID of its
// key, or these bytes, which nobody signed, could be changed unseen. In one of
// others the ID is but a hint which key to try first.
//
// What was signed is e.Payload as e.PayloadType: take it from there, and never
// parse the envelope again.
func (e *Envelope) Verify(threshold int, trusted ...keys.Public) (signedBy []keys.Public, err error) {
	byID := make(map[string]keys.Public, len(trusted))
	for _, key := range trusted {
		byID[key.ID()] = key
	}
	if threshold < 1 || threshold > len(byID) {
		return nil, fmt.Errorf("%w: %d of %d keys can never sign", ErrThreshold, threshold, len(byID))
	}
	message := PAE(e.PayloadType, e.Payload)
	signed := map[string]bool{}
	var why []string
	for _, s := range e.Signatures {
		id, reason := e.signer(s, message, byID)
		if reason != "" {
			why = append(why, reason)
		} else if !signed[id] {
			signed[id] = true
			signedBy = append(signedBy, byID[id])
		}
	}
	slices.SortFunc(signedBy, func(a, b keys.Public) int { return strings.Compare(a.ID(), b.ID()) })
	if len(signedBy) < threshold {
		return signedBy, fmt.Errorf("%w: %d of the %d needed; %s", ErrThreshold, len(signedBy), threshold, strings.Join(why, "; "))
	}
	return signedBy, nil
}

// signer gives the ID of the trusted key that made a signature, or the reason
// why there is none.
func (e *Envelope) signer(s Signature, message []byte, trusted map[string]keys.Public) (id, reason string) {
	named, ok := trusted[s.KeyID]
	if ok && named.Verify(message, s.Sig) == nil {
		return s.KeyID, ""
	}
	if !e.ours {
		for id, key := range trusted {
			if id != s.KeyID && key.Verify(message, s.Sig) == nil {
				return id, ""
			}
		}
	}
	if ok {
		return "", fmt.Sprintf("the signature of key %q does not verify", s.KeyID)
	}
	return "", fmt.Sprintf("key %q is not trusted", s.KeyID)
}
