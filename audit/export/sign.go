package export

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"

	"github.com/mmaudit/mmaudit/audit/canonical"
	"github.com/mmaudit/mmaudit/audit/dsse"
	"github.com/mmaudit/mmaudit/audit/keys"
)

// A Sigstore bundle names its key by SHA-256 of the PEM, as model_signing does.
const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"

// statement gives an in-toto statement in canonical form.
func statement(subject []descriptor, predicateType string, predicate any) ([]byte, error) {
	return canonical.Marshal(struct {
		Type          string       `json:"_type"`
		Subject       []descriptor `json:"subject"`
		PredicateType string       `json:"predicateType"`
		Predicate     any          `json:"predicate"`
	}{"https://in-toto.io/Statement/v1", subject, predicateType, predicate})
}

type envelope struct {
	Payload     string      `json:"payload"`
	PayloadType string      `json:"payloadType"`
	Signatures  []signature `json:"signatures"`
}

type signature struct {
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"`
}

// sign makes an envelope of any size: unlike a record, an export need not fit
// into a ledger.
func sign(payload []byte, signers []*keys.Private) (*envelope, error) {
	e := &envelope{Payload: base64.StdEncoding.EncodeToString(payload), PayloadType: dsse.PayloadType}
	for _, k := range signers {
		sig, err := k.Sign(dsse.PAE(dsse.PayloadType, payload))
		if err != nil {
			return nil, err
		}
		e.Signatures = append(e.Signatures, signature{k.Public().ID(), base64.StdEncoding.EncodeToString(sig)})
	}
	return e, nil
}

func sealDSSE(payload []byte, signers []*keys.Private) ([]byte, error) {
	e, err := sign(payload, signers)
	if err != nil {
		return nil, err
	}
	return canonical.Marshal(e)
}

func sealBundle(payload []byte, signers []*keys.Private) ([]byte, error) {
	if len(signers) != 1 {
		return nil, fmt.Errorf("%w: OMS has one signature, not %d", ErrUnsigned, len(signers))
	}
	public := signers[0].Public()
	if public.Algorithm() != keys.ECDSAP256 {
		return nil, fmt.Errorf("%w: OMS is signed with %s, and this key is %s", ErrUnsigned, keys.ECDSAP256, public.Algorithm())
	}
	e, err := sign(payload, signers)
	if err != nil {
		return nil, err
	}
	hint := sha256.Sum256(public.PEM())
	return canonical.Marshal(map[string]any{
		"mediaType":    bundleType,
		"dsseEnvelope": e,
		"verificationMaterial": map[string]any{
			"publicKey":   map[string]any{"hint": hex.EncodeToString(hint[:])},
			"tlogEntries": []any{},
		},
	})
}
