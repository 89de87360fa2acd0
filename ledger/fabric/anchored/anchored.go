// Package anchored is the evidence that a channel of Hyperledger Fabric 2.5 has
// taken the checkpoint of a log that is kept elsewhere: verified offline.
//
// It is one file, of two parts. The answer of the chaincode's function
// "anchored", endorsed by as many organisations as the [endorsed.Key] of the
// network needs, shows the last anchor that was valid, and names its
// transaction. The block shows that the ordering service has put this
// transaction on the chain, and where. A block alone would not do: one that was
// endorsed and then found invalid is in a block too, and no peer signs what it
// found.
//
// What it proves: these organisations have held the checkpoint against the
// anchors before it, and take no other for the same number of records. What it
// does not prove: that the log was not forked before its first anchor, that the
// organisations did not agree to lie, or when it was, since times are a claim of
// clients. Docs/decisions 0023 has the reasons, docs/formats.md the bytes.
//
// It knows nothing of gRPC. Everything here may be called concurrently.
package anchored

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/message"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// MaxEvidence is the most bytes of a file.
const MaxEvidence = 64 << 20

// ErrEvidence is evidence that proves nothing.
var ErrEvidence = errors.New("not the evidence of an anchor")

// Evidence is what is kept of an anchor. Nobody needs to believe it.
type Evidence struct {
	V       int      `json:"v"`       // 1
	Network string   `json:"network"` // verifier key: who is said to have endorsed
	Answer  []byte   `json:"answer"`  // common.Envelope, which its client has not signed
	Block   []byte   `json:"block"`   // common.Block, but for what nobody signs
	CAs     [][]byte `json:"cas"`     // certificates of authorities, DER
}

// An Anchor is what evidence proves.
type Anchor struct {
	Network string      // name in the key of the network
	Genesis string      // SHA3-512 of the log's first record, in hexadecimal
	Origin  string      // of the log
	Size    int64       // of its tree
	Root    ledger.Hash // of its tree
	Note    []byte      // the signed checkpoint
	Records []int64     // about keys of the log that the network has seen; ascending

	Tx    string    // the transaction that wrote it
	Time  time.Time // as its client says
	Block uint64    // number
	// Organisations have endorsed that it is the last anchor, ascending.
	Organisations []string
	// Orderers have signed the block, ascending: organisations. If the key names
	// none, nobody has, and the number of the block is what the file says.
	Orderers []string
}

// New makes evidence of an endorsed answer of the function "anchored" and the
// block of the transaction that it names, as they come from peers.
func New(key *endorsed.Key, cas []*x509.Certificate, answer, block []byte) (*Evidence, *Anchor, error) {
	e := &Evidence{V: 1, Network: key.String()}
	for _, ca := range cas {
		if key.Names(ca) && !slices.ContainsFunc(e.CAs, func(der []byte) bool { return bytes.Equal(der, ca.Raw) }) {
			e.CAs = append(e.CAs, ca.Raw)
		}
	}
	slices.SortFunc(e.CAs, bytes.Compare)
	var err error
	if e.Answer, err = unsigned(answer); err != nil {
		return nil, nil, fmt.Errorf("%w: answer: %w", ErrEvidence, err)
	}
	if e.Block, err = bare(block); err != nil {
		return nil, nil, fmt.Errorf("%w: block: %w", ErrEvidence, err)
	}
	a, _, err := e.answer(key, cas)
	if err != nil {
		return nil, nil, err
	}
	// What the peer says of its validity, which bare has taken out.
	c, err := key.Block(block, a.Tx, cas)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrEvidence, err)
	}
	if c.Code != 0 {
		return nil, nil, fmt.Errorf("%w: transaction %s is not valid: code %d", ErrEvidence, a.Tx, c.Code)
	}
	if a, err = e.Verify(key, a.Genesis); err != nil {
		return nil, nil, err
	}
	return e, a, nil
}

// Parse reads a file of evidence, and verifies nothing. Its errors are
// ErrEvidence.
func Parse(file []byte) (*Evidence, error) {
	bad := func(err error) (*Evidence, error) { return nil, fmt.Errorf("%w: %w", ErrEvidence, err) }
	if len(file) > MaxEvidence {
		return bad(fmt.Errorf("larger than %d bytes", MaxEvidence))
	}
	e := &Evidence{}
	if err := wire.DecodeStrict(file, e); err != nil {
		return bad(err)
	}
	if e.V != 1 {
		return bad(fmt.Errorf("version %d, want 1", e.V))
	}
	if _, err := e.Key(); err != nil {
		return bad(err)
	}
	again, err := e.Marshal()
	if err != nil {
		return bad(err)
	}
	if !bytes.Equal(again, file) {
		return bad(errors.New("it is not written as it should be"))
	}
	return e, nil
}

// Marshal gives the file: JSON, a line for each member.
func (e *Evidence) Marshal() ([]byte, error) {
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false)
	w.SetIndent("", "  ")
	err := w.Encode(e)
	return b.Bytes(), err
}

// Key is the key of the network that the evidence claims. Whose word counts is
// for the trust file to say.
func (e *Evidence) Key() (*endorsed.Key, error) { return endorsed.ParseKey(e.Network) }

// Verify verifies the evidence against the key of a network, which the caller
// trusts, and says what it proves of the log with a first record of this digest
// (SHA3-512, in hexadecimal). Whether the log has signed the checkpoint, and
// whether it continues it, is for the caller to see. Its errors are ErrEvidence.
func (e *Evidence) Verify(key *endorsed.Key, genesis string) (*Anchor, error) {
	bad := func(err error) (*Anchor, error) { return nil, fmt.Errorf("%w: %w", ErrEvidence, err) }
	if e.Network != key.String() {
		return bad(errors.New("it is of another network, or of other organisations"))
	}
	var cas []*x509.Certificate
	for i, der := range e.CAs {
		ca, err := x509.ParseCertificate(der)
		if err != nil {
			return bad(fmt.Errorf("certificate %d: %w", i, err))
		}
		if !key.Names(ca) || i > 0 && bytes.Compare(e.CAs[i-1], der) >= 0 {
			return bad(fmt.Errorf("certificate %d is none of the network's authorities, or not in its place", i))
		}
		cas = append(cas, ca)
	}
	if text, err := unsigned(e.Answer); err != nil || !bytes.Equal(text, e.Answer) {
		return bad(errors.New("the answer is not written as it should be"))
	}
	if text, err := bare(e.Block); err != nil || !bytes.Equal(text, e.Block) {
		return bad(errors.New("the block is not written as it should be"))
	}
	a, state, err := e.answer(key, cas)
	if err != nil {
		return nil, err
	}
	if a.Genesis != genesis {
		return bad(fmt.Errorf("it is of a log with the first record %.16s…, want %.16s…", a.Genesis, genesis))
	}
	c, err := key.Block(e.Block, a.Tx, cas)
	if err != nil {
		return bad(err)
	}
	// What that transaction did is the anchor, and nothing else.
	did, err := key.Answer(c.Envelope, cas)
	if err != nil {
		return bad(fmt.Errorf("transaction %s: %w", a.Tx, err))
	}
	if did.Function != wire.AnchorPut || len(did.Arguments) == 0 || string(did.Arguments[0]) != genesis || !bytes.Equal(did.Payload, state) {
		return bad(fmt.Errorf("transaction %s did not write this anchor", a.Tx))
	}
	a.Time, a.Block, a.Orderers = c.Time, c.Number, c.Orderers
	return a, nil
}

// answer verifies the endorsed answer.
func (e *Evidence) answer(key *endorsed.Key, cas []*x509.Certificate) (a *Anchor, payload []byte, err error) {
	bad := func(err error) (*Anchor, []byte, error) { return nil, nil, fmt.Errorf("%w: %w", ErrEvidence, err) }
	got, err := key.Answer(e.Answer, cas)
	if err != nil {
		return bad(err)
	}
	if got.Function != wire.AnchorGet || len(got.Arguments) != 1 {
		return bad(fmt.Errorf("it is an answer to %.40q, want %q", got.Function, wire.AnchorGet))
	}
	w, err := wire.ParseAnchor(got.Payload)
	if err != nil {
		return bad(fmt.Errorf("the answer: %w", err))
	}
	if w.Genesis != string(got.Arguments[0]) {
		return bad(errors.New("it answers for another log than was asked for"))
	}
	// The checkpoint is what all else is about.
	if !strings.HasPrefix(w.Note, string(ledger.Head{Origin: w.Origin, Size: w.Size, Root: w.Root}.Text())) || w.Size < 1 {
		return bad(errors.New("the checkpoint says something else than the anchor"))
	}
	return &Anchor{
		Network: key.Name, Genesis: w.Genesis, Origin: w.Origin, Size: w.Size, Root: w.Root, Note: []byte(w.Note), Records: w.Records,
		Tx: w.Tx, Organisations: got.Organisations,
	}, got.Payload, nil
}

func appendField(to []byte, number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(to, number, protowire.BytesType), value)
}

// Both that follow leave out what is not known: evidence must be what they give,
// so that it has nothing else.

// unsigned gives an envelope without the signature of its client, which proves
// nothing of what peers say.
func unsigned(envelope []byte) ([]byte, error) {
	var payload []byte
	if err := message.Decode(envelope, message.Fields{1: &payload}); err != nil {
		return nil, err
	}
	return appendField(nil, 1, payload), nil
}

// bare gives a block without what nobody signs: of the metadata it keeps the
// signatures of the orderers, and one zero for each transaction in place of what
// the peer said of its validity.
func bare(block []byte) ([]byte, error) {
	var header, data, metadata []byte
	var envelopes, parts [][]byte
	err := message.Decode(block, message.Fields{1: &header, 2: &data, 3: &metadata})
	if err == nil {
		err = message.Decode(data, message.Fields{1: &envelopes})
	}
	if err == nil {
		err = message.Decode(metadata, message.Fields{1: &parts})
	}
	if err == nil && len(parts) == 0 {
		err = errors.New("no signatures")
	}
	if err != nil {
		return nil, err
	}
	var kept []byte
	for _, part := range [][]byte{parts[0], nil, make([]byte, len(envelopes))} {
		kept = appendField(kept, 1, part)
	}
	return appendField(appendField(appendField(nil, 1, header), 2, data), 3, kept), nil
}
