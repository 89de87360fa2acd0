package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/mmaudit/mmaudit/ledger"
)

// Functions of the chaincode about anchors.
const (
	AnchorPut     = "anchor"
	AnchorGet     = "anchored"
	AnchorHistory = "anchors"
)

// Stale is the status of an anchor whose proof does not begin at the last one:
// somebody else was faster, or the client has not asked what the last one is.
const Stale = 412

// AnchorEvent is the name of the event of an anchor. Its payload is the Anchor.
const AnchorEvent = "anchor"

// AnchorKey is the key of the state under which the last anchor of the log with
// a first record of this digest is, and AnchorRecordsKey that of the records
// about keys that its anchors brought.
func AnchorKey(genesis string) string        { return "anchor:" + genesis }
func AnchorRecordsKey(genesis string) string { return "anchor-records:" + genesis }

// An AnchorRequest asks to anchor a checkpoint.
type AnchorRequest struct {
	Note string `json:"note"` // the signed checkpoint
	// From is the size of the last anchor, 0 if there is none; Consistency proves
	// that the checkpoint continues it.
	From        int64        `json:"from"`
	Consistency ledger.Proof `json:"consistency"`
	// Records are about keys and policy of the log, those that no anchor has
	// brought before; in order.
	Records []AnchorRecord `json:"records"`
	// Again asks to write the checkpoint anew that is there: another client's
	// transaction may be one of which no evidence can be had.
	Again bool `json:"again,omitempty"`
}

// An AnchorRecord is a record of a log, with proof that it is in the tree of
// the checkpoint.
type AnchorRecord struct {
	Index  int64        `json:"index"`
	Record []byte       `json:"record"`
	Proof  ledger.Proof `json:"proof"`
}

// Limits of an AnchorRequest.
const (
	MaxNote          = 64 << 10
	MaxAnchorRecords = 1024
)

// An Anchor is what the state says of a log. Its members are in the order of
// canonical JSON, in which it is written.
type Anchor struct {
	Genesis string      `json:"genesis"` // SHA3-512 of the log's first record, in hexadecimal
	Note    string      `json:"note"`
	Origin  string      `json:"origin"`
	Records []int64     `json:"records"` // those about keys that anchors have brought
	Root    ledger.Hash `json:"root"`
	Size    int64       `json:"size"`
	Time    string      `json:"time"` // that the client of the transaction says, RFC 3339
	Tx      string      `json:"tx"`   // the transaction that wrote it
}

// Marshal writes canonical JSON (RFC 8785).
func (a *Anchor) Marshal() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(a)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// ParseAnchor reads what Marshal writes, and nothing else.
func ParseAnchor(text []byte) (*Anchor, error) {
	a := &Anchor{}
	if err := DecodeStrict(text, a); err != nil {
		return nil, err
	}
	again, err := a.Marshal()
	if err == nil && !bytes.Equal(again, text) {
		err = errors.New("it is not written as it should be")
	}
	return a, err
}

// DecodeStrict reads one JSON document into v, which has all its members.
func DecodeStrict(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the document")
	}
	return nil
}

// MaxAnchors is the most anchors in an answer to AnchorHistory.
const MaxAnchors = 1000
