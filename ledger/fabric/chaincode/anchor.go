package chaincode

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// An AnchorVerifier finds out whose a checkpoint is: it is signed by the log of
// the records given, which are about keys, in order, and of which the first
// begins the log. It returns the digest of that one (SHA3-512, in hexadecimal)
// and what the checkpoint says. That the records are in the log, and that the
// log continues what was anchored of it, is not for it to judge.
type AnchorVerifier func(note []byte, records []ledger.Entry) (genesis string, head ledger.Head, err error)

// anchor takes the checkpoint of a log that is kept elsewhere, if it continues
// the one that was taken last.
//
// Records about keys are sent once and kept, so that a checkpoint is judged by
// all that ever were sent: who has a key that was replaced cannot sign with it
// by leaving the replacement out. Whoever may write can send what others left
// out.
func (c contract) anchor(stub shim.ChaincodeStubInterface, args [][]byte) ([]byte, error) {
	if err := mayWrite(stub); err != nil {
		return nil, err
	}
	if c.Anchor == nil {
		return nil, faultf(wire.Invalid, "this chaincode takes no anchors")
	}
	q, err := anchorRequest(args)
	if err != nil {
		return nil, err
	}
	// The log's name on chain is the digest of its first record. That is sent
	// with the first anchor; later ones say it.
	genesis := string(args[0])
	last, err := lastAnchor(stub, genesis)
	if err != nil {
		return nil, err
	}
	var kept []ledger.Entry
	if last != nil {
		text, err := stub.GetState(wire.AnchorRecordsKey(genesis))
		if err == nil {
			err = json.Unmarshal(text, &kept)
		}
		if err != nil {
			return nil, err
		}
	}
	all, fresh, err := union(kept, q.Records)
	if err != nil {
		return nil, err
	}
	name, head, err := c.Anchor([]byte(q.Note), all)
	if err != nil {
		return nil, fault{wire.Invalid, err}
	}
	if name != genesis {
		return nil, faultf(wire.Invalid, "the first record is %.16s…, not %.16s…", name, genesis)
	}
	if err := goesOn(last, head, q); err != nil {
		return nil, err
	}
	for _, r := range q.Records {
		if err := ledger.CheckInclusion(r.Proof, head.Size, head.Root, r.Index, r.Record); err != nil {
			return nil, fault{wire.Invalid, err}
		}
	}
	if last != nil && head.Size == last.Size && !fresh && !q.Again {
		return last.Marshal() // nothing is new, and nothing is written
	}
	now, err := stub.GetTxTimestamp()
	if err != nil {
		return nil, err
	}
	if err := now.CheckValid(); err != nil {
		return nil, faultf(wire.Invalid, "the time of the transaction: %w", err)
	}
	next := wire.Anchor{
		Genesis: genesis, Note: q.Note, Origin: head.Origin, Root: head.Root, Size: head.Size,
		Time: now.AsTime().Format(time.RFC3339Nano), Tx: stub.GetTxID(),
	}
	for _, r := range all {
		next.Records = append(next.Records, r.Index)
	}
	if fresh {
		text, err := json.Marshal(all)
		if err == nil {
			err = stub.PutState(wire.AnchorRecordsKey(genesis), text)
		}
		if err != nil {
			return nil, err
		}
	}
	text, err := next.Marshal()
	if err == nil {
		err = stub.PutState(wire.AnchorKey(genesis), text)
	}
	if err != nil {
		return nil, err
	}
	return text, stub.SetEvent(wire.AnchorEvent, text)
}

// goesOn says why a head does not continue the last anchor, nil if there is none,
// by the proof of the request.
func goesOn(last *wire.Anchor, head ledger.Head, q wire.AnchorRequest) error {
	switch {
	case last == nil && q.From != 0:
		return faultf(wire.Stale, "no anchor of this log is here; the proof begins at one of %d records", q.From)
	case last == nil:
		if len(q.Consistency) > 0 {
			return faultf(wire.Invalid, "a proof of consistency with no records")
		}
	case head.Size < last.Size:
		return faultf(wire.Conflict, "the checkpoint has %d records, and %d are anchored (transaction %s): the log is an old copy, or somebody took records off its end", head.Size, last.Size, last.Tx)
	case head.Size == last.Size && head.Root != last.Root:
		return faultf(wire.Conflict, "%d records with the root %s are anchored (transaction %s), not %s: the log was forked", last.Size, last.Root, last.Tx, head.Root)
	case head.Size == last.Size: // the same checkpoint
	case q.From != last.Size:
		return faultf(wire.Stale, "the proof begins at %d records, and %d are anchored (transaction %s)", q.From, last.Size, last.Tx)
	default:
		if err := ledger.CheckConsistency(q.Consistency, head.Size, head.Root, last.Size, last.Root); err != nil {
			return faultf(wire.Conflict, "%w (transaction %s): the log was forked, or the proof is not of it", err, last.Tx)
		}
	}
	return nil
}

// anchorRequest reads the arguments: the digest of the log's first record, and
// the request.
func anchorRequest(args [][]byte) (q wire.AnchorRequest, err error) {
	if len(args) != 2 {
		return q, faultf(wire.Invalid, "%d arguments, want the digest of a log's first record and a request", len(args))
	}
	if err := checkGenesis(args[0]); err != nil {
		return q, err
	}
	if err := wire.DecodeStrict(args[1], &q); err != nil {
		return q, faultf(wire.Invalid, "the request: %w", err)
	}
	if len(q.Note) > wire.MaxNote {
		return q, faultf(wire.TooLarge, "the checkpoint has %d bytes, at most %d", len(q.Note), wire.MaxNote)
	}
	if len(q.Records) > wire.MaxAnchorRecords {
		return q, faultf(wire.TooLarge, "%d records about keys, at most %d", len(q.Records), wire.MaxAnchorRecords)
	}
	for i, r := range q.Records {
		switch {
		case r.Index < 0 || i > 0 && r.Index <= q.Records[i-1].Index:
			return q, faultf(wire.Invalid, "record %d is not in order", r.Index)
		case len(r.Record) > ledger.MaxRecord:
			return q, faultf(wire.TooLarge, "record %d: %w", r.Index, ledger.ErrTooLarge)
		}
	}
	return q, nil
}

// checkGenesis holds an argument to the form of SHA3-512 in hexadecimal, so that
// nobody reaches another key of the state.
func checkGenesis(arg []byte) error {
	b, err := hex.DecodeString(string(arg))
	if err != nil || len(b) != 64 || hex.EncodeToString(b) != string(arg) {
		return faultf(wire.Invalid, "%.40q is not SHA3-512 of a record, in lower-case hexadecimal", arg)
	}
	return nil
}

// union puts new records among those that are kept. It reports whether there are
// any.
func union(kept []ledger.Entry, sent []wire.AnchorRecord) (all []ledger.Entry, fresh bool, err error) {
	all = kept
	for _, r := range sent {
		at, known := slices.BinarySearchFunc(all, r.Index, func(e ledger.Entry, index int64) int { return cmp.Compare(e.Index, index) })
		if !known {
			all, fresh = slices.Insert(all, at, ledger.Entry{Index: r.Index, Record: r.Record}), true
		} else if !bytes.Equal(all[at].Record, r.Record) {
			return nil, false, faultf(wire.Conflict, "record %d is not the one that is anchored: another log, or a fork", r.Index)
		}
	}
	return all, fresh, nil
}

// lastAnchor reads the last anchor of a log; nil if there is none.
func lastAnchor(stub shim.ChaincodeStubInterface, genesis string) (*wire.Anchor, error) {
	text, err := stub.GetState(wire.AnchorKey(genesis))
	if err != nil || text == nil {
		return nil, err
	}
	a := &wire.Anchor{}
	return a, json.Unmarshal(text, a)
}

// anchored answers with the last anchor of a log, as it is in the state.
func anchored(stub shim.ChaincodeStubInterface, args [][]byte) ([]byte, error) {
	if len(args) != 1 {
		return nil, faultf(wire.Invalid, "%d arguments, want the digest of a log's first record", len(args))
	}
	if err := checkGenesis(args[0]); err != nil {
		return nil, err
	}
	text, err := stub.GetState(wire.AnchorKey(string(args[0])))
	if err == nil && text == nil {
		err = faultf(wire.NotFound, "no anchor of a log with the first record %.16s…", args[0])
	}
	return text, err
}

// anchors answers with all anchors of a log that have fewer records than a
// number, the newest first; so many of them at once.
func anchors(stub shim.ChaincodeStubInterface, args [][]byte) ([]json.RawMessage, error) {
	if len(args) < 1 || len(args) > 2 {
		return nil, faultf(wire.Invalid, "%d arguments, want the digest of a log's first record, perhaps a size", len(args))
	}
	if err := checkGenesis(args[0]); err != nil {
		return nil, err
	}
	before := int64(-1)
	if len(args) > 1 {
		var err error
		if before, err = strconv.ParseInt(string(args[1]), 10, 64); err != nil || before < 0 {
			return nil, faultf(wire.Invalid, "%.40q is not a size", args[1])
		}
	}
	h, err := stub.GetHistoryForKey(wire.AnchorKey(string(args[0])))
	if err != nil {
		return nil, err
	}
	defer h.Close()
	all := []json.RawMessage{}
	for h.HasNext() && len(all) < wire.MaxAnchors {
		m, err := h.Next()
		if err != nil {
			return nil, err
		}
		if before >= 0 {
			var a wire.Anchor
			if err := json.Unmarshal(m.GetValue(), &a); err != nil {
				return nil, err
			}
			if a.Size >= before {
				continue
			}
		}
		all = append(all, m.GetValue())
	}
	return all, nil
}
