package endorsed

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"google.golang.org/protobuf/encoding/protowire"
)

// Checkpoint is the function of the chaincode that answers with a checkpoint:
// its arguments are the name of the ledger and a size.
const Checkpoint = "checkpoint"

// MaxSignature is the most bytes of a signature.
const MaxSignature = 256 << 10

// NewVerifier gives the verifier of a key of a log: one of this package, or any
// that note.NewVerifier knows (Ed25519). It is what reads such a key.
func NewVerifier(vkey string) (note.Verifier, error) {
	if !IsKey(vkey) {
		return note.NewVerifier(vkey)
	}
	k, err := ParseKey(vkey)
	if err != nil {
		return nil, err
	}
	return k.Verifier(), nil
}

// A Verifier is the note.Verifier of a Key.
type Verifier struct{ key *Key }

// Verifier gives the verifier of notes that carry an endorsed checkpoint.
func (k *Key) Verifier() *Verifier { return &Verifier{k} }

// Key is the key. It must not be changed.
func (v *Verifier) Key() *Key { return v.key }

// Name implements note.Verifier.
func (v *Verifier) Name() string { return v.key.Name }

// KeyHash implements note.Verifier.
func (v *Verifier) KeyHash() uint32 { return v.key.hash() }

// Verify implements note.Verifier.
func (v *Verifier) Verify(msg, sig []byte) bool { return v.Check(msg, sig) == nil }

// Check is Verify, and says why not.
func (v *Verifier) Check(msg, sig []byte) error {
	_, err := v.key.signed(msg, sig)
	return err
}

// signed verifies the signature of a note: an envelope, which its client has
// not signed, and certificates of authorities. It gives the answer, whose
// payload is the text of the note.
func (k *Key) signed(msg, sig []byte) (*Answer, error) {
	envelope, cas, err := splitSignature(sig)
	if err != nil {
		return nil, err
	}
	for i, ca := range cas {
		if !names(k.Organisations, ca) {
			return nil, fmt.Errorf("certificate authority %q is not one of the organisations that endorse", ca.Subject.CommonName)
		}
		if i > 0 && Fingerprint(cas[i-1]) >= Fingerprint(ca) {
			return nil, errors.New("certificate authorities are not in order")
		}
	}
	a, err := k.Answer(envelope, cas)
	if err != nil {
		return nil, err
	}
	return a, a.isCheckpoint(k.Name, msg)
}

// Open verifies a note that this key has signed, among others perhaps, and gives
// the answer that stands behind it, with the certificates of authorities that
// its signature carries.
func (k *Key) Open(signed []byte) (*Answer, []*x509.Certificate, error) {
	n, err := note.Open(signed, note.VerifierList(k.Verifier()))
	if err != nil {
		return nil, nil, err
	}
	sig, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if err != nil {
		return nil, nil, err
	}
	_, cas, err := splitSignature(sig[4:])
	if err != nil {
		return nil, nil, err
	}
	a, err := k.signed([]byte(n.Text), sig[4:])
	return a, cas, err
}

// isCheckpoint says why an answer is not the checkpoint that a note claims.
func (a *Answer) isCheckpoint(name string, text []byte) error {
	if a.Function != Checkpoint || len(a.Arguments) != 2 {
		return fmt.Errorf("answer to %.80q with %d arguments, want %q with 2", a.Function, len(a.Arguments), Checkpoint)
	}
	if of := string(a.Arguments[0]); of != name {
		return fmt.Errorf("checkpoint of %.80q, want %q", of, name)
	}
	if !bytes.Equal(a.Payload, text) {
		return errors.New("another checkpoint than the one that was endorsed")
	}
	if lines := strings.SplitN(string(text), "\n", 3); len(lines) < 3 || lines[0] != name || lines[1] != string(a.Arguments[1]) {
		return errors.New("the endorsed answer is not the checkpoint that was asked for")
	}
	return nil
}

// Sign makes a signed note of an endorsed checkpoint, after it was verified.
func (k *Key) Sign(envelope []byte, cas []*x509.Certificate) ([]byte, error) {
	sig, err := k.signature(envelope, cas)
	if err != nil {
		return nil, err
	}
	unsigned, cas, err := splitSignature(sig)
	if err != nil {
		return nil, err
	}
	a, err := k.Answer(unsigned, cas)
	if err != nil {
		return nil, err
	}
	if err := a.isCheckpoint(k.Name, a.Payload); err != nil {
		return nil, err
	}
	line := binary.BigEndian.AppendUint32(nil, k.hash())
	signed := fmt.Appendf(slices.Clone(a.Payload), "\n— %s %s\n", k.Name, base64.StdEncoding.EncodeToString(append(line, sig...)))
	if _, err := note.Open(signed, note.VerifierList(k.Verifier())); err != nil {
		return nil, err
	}
	return signed, nil
}

// signature puts together what a note is signed with: the envelope without the
// signature of its client, which is not its business, and the certificates of
// those who say who is a peer, in order of their fingerprints.
func (k *Key) signature(envelope []byte, cas []*x509.Certificate) ([]byte, error) {
	var payload, signature []byte
	if err := read("envelope", envelope, fields{1: &payload, 2: &signature}); err != nil {
		return nil, err
	}
	var named []*x509.Certificate
	for _, ca := range cas {
		if names(k.Organisations, ca) {
			named = append(named, ca)
		}
	}
	slices.SortFunc(named, func(a, b *x509.Certificate) int { return strings.Compare(Fingerprint(a), Fingerprint(b)) })
	named = slices.CompactFunc(named, func(a, b *x509.Certificate) bool { return a.Equal(b) })
	sig := appendBytes(nil, 1, appendBytes(nil, 1, payload))
	for _, ca := range named {
		sig = appendBytes(sig, 2, ca.Raw)
	}
	return sig, nil
}

// splitSignature takes apart the signature of a note: the envelope, and the
// certificates of authorities. It verifies nothing.
func splitSignature(sig []byte) (envelope []byte, cas []*x509.Certificate, err error) {
	if len(sig) > MaxSignature {
		return nil, nil, fmt.Errorf("signature has %d bytes, want at most %d", len(sig), MaxSignature)
	}
	var payload []byte
	var ders [][]byte
	if err := read("signature", sig, fields{1: &envelope, 2: &ders}); err != nil {
		return nil, nil, err
	}
	if err := read("envelope", envelope, fields{1: &payload}); err != nil {
		return nil, nil, err
	}
	for _, der := range ders {
		ca, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, nil, fmt.Errorf("certificate authority: %w", err)
		}
		cas = append(cas, ca)
	}
	return envelope, cas, nil
}

func appendBytes(b []byte, number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), value)
}
