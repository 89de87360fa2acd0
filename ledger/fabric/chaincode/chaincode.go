// Package chaincode is the contract that keeps records on a channel of
// Hyperledger Fabric 2.5.
//
// A record is stored once, under its idempotency key, and never changed. Its
// place among the others is that of its transaction on the chain: every
// transaction that stores records also writes what it stored to one key, the
// log, which nothing ever reads for an update. So writers never collide, and
// the history of that key is the order of all records, the same on every peer.
//
// Functions, by their first argument:
//
//	append RECORD...   stores records, all or none; answers with "stored" or
//	                   "known" for each. A client needs the attribute
//	                   auditlog.role=writer in its certificate.
//	get NAME...        the records of these names or, of sealed ones, indexes: a
//	                   JSON array of base64
//	places ID...       [{"index","tx"}]: where the records of these names are, -1 for
//	                   those that are not sealed, and the transactions
//	seal               seals the next 256 records, if there are as many; for writers
//	tail               {"tiles","tx","within","edge","log":[{"tx","records":[{"id",
//	                   "hash","keys"}]}]}: what is sealed, the right edge of its
//	                   tree in base64, and the log after it
//	tiles (LEVEL N)... hash tiles of what is sealed, a JSON array of base64
//	find NAME VALUE [FROM [TILES]]
//	                   a page of sealed records with an index key, from an index on
//	                   and from so many tiles: {"tiles","indexes","next"}
//	history ID         transaction and time of a record, a JSON array
//	checkpoint ORIGIN SIZE
//	                   the C2SP checkpoint of the first SIZE records, as a signed
//	                   note has it before its signatures: text, not JSON
//	anchor GENESIS REQUEST
//	                   takes the signed checkpoint of a log that is kept elsewhere,
//	                   of which GENESIS is SHA3-512 of the first record, if it
//	                   continues the last one; answers as anchored; for writers
//	anchored GENESIS   the last anchor of that log, in canonical JSON
//	anchors GENESIS [SIZE]
//	                   its anchors of fewer records than that, the newest first, up
//	                   to 1,000 of them: a JSON array
//
// An anchor is {"genesis","note","origin","records","root","size","time","tx"}: the
// checkpoint, which records about keys came with it and earlier ones, and the
// transaction that wrote it with the time that its client said. The same
// checkpoint again writes nothing, and is answered with the anchor that is there.
//
// A name (ID) is SHA-256 of an idempotency key, in hexadecimal. Answers have a
// status: 200, or 400 for what can never be right, 403, 404, 409 for an
// idempotency key with other bytes and for an anchor that does not continue the
// last, 412 for an anchor whose proof is from another than the last, 413, or 500.
//
// The state holds, in keys that no client can choose:
//
//	record:ID    the bytes of a record
//	log          what the last transaction stored; see its history
//	sealed       how much of the log is sealed
//	tile:L:N     hash tile N of level L of C2SP tlog-tiles, for what is sealed: up
//	             to 256 hashes; L is decimal, N has 8 hexadecimal digits
//	names:N      the names of the records N*256 to N*256+255, 32 bytes each
//	place:TX     the index of the first record that a transaction stored, decimal,
//	             once that is sealed
//	index KEY N  (composite) which of the records N*256 to N*256+255 have an index key
//	signer:ID    a public key that records brought in, for Verify; signer:origin
//	             is the origin of the ledger
//	anchor:GENESIS          the last anchor of a log
//	anchor-records:GENESIS  the records about keys that its anchors brought
//
// What writes (append, seal, anchor) is refused to other chaincode: 403.
//
// Answers depend on arguments and state alone, so endorsers agree. The history
// of keys must be enabled on peers (ledger.history.enableHistoryDatabase, the
// default), for tail, seal, places, history and checkpoint.
package chaincode

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/hyperledger/fabric-chaincode-go/v2/pkg/cid"
	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// Role is the attribute of a client's certificate that says what it may do,
// and Writer its value for those who append. All members of the channel read.
const (
	Role   = wire.Role
	Writer = wire.Writer
)

// MaxRecords is the most records of one transaction.
const MaxRecords = 256

// A Verifier holds a record to what the chain must not take: bad form, or a
// signature that is not valid. Signer gives what an earlier record brought in
// under that name, or nil. What the record itself brings in is returned; the
// first one brings the Origin of the ledger. It must depend on nothing else, so
// that all endorsers agree.
type Verifier func(record []byte, signer func(name string) ([]byte, error)) (signers map[string][]byte, err error)

// Options of the contract. KeysOf must be there.
type Options struct {
	KeysOf ledger.KeysOf
	Verify Verifier // takes every record if nil
	// Anchor says whose an anchor is; no anchors are taken if it is nil.
	Anchor AnchorVerifier
}

// New makes the contract.
func New(o Options) shim.Chaincode { return contract{o} }

type contract struct{ Options }

// fault is an answer that is not 200.
type fault struct {
	status int32
	err    error
}

func (f fault) Error() string { return f.err.Error() }

func faultf(status int32, format string, args ...any) error {
	return fault{status, fmt.Errorf(format, args...)}
}

// Init implements shim.Chaincode.
func (contract) Init(shim.ChaincodeStubInterface) *peer.Response { return shim.Success(nil) }

// Invoke implements shim.Chaincode.
func (c contract) Invoke(stub shim.ChaincodeStubInterface) *peer.Response {
	var name string
	args := stub.GetArgs()
	if len(args) > 0 {
		name, args = string(args[0]), args[1:]
	}
	var answer any
	var err error
	switch name {
	case wire.Append:
		answer, err = c.append(stub, args)
	case wire.Get:
		answer, err = get(stub, args)
	case wire.Places:
		answer, err = places(stub, args)
	case wire.Seal:
		answer, err = seal(stub, args)
	case wire.Tail:
		answer, err = tail(stub, args)
	case wire.Tiles:
		answer, err = tiles(stub, args)
	case wire.Find:
		answer, err = find(stub, args)
	case wire.History:
		answer, err = history(stub, args)
	case wire.Checkpoint:
		answer, err = c.checkpoint(stub, args)
	case wire.AnchorPut:
		answer, err = c.anchor(stub, args)
	case wire.AnchorGet:
		answer, err = anchored(stub, args)
	case wire.AnchorHistory:
		answer, err = anchors(stub, args)
	default:
		err = faultf(wire.Invalid, "unknown function %.40q", name)
	}
	payload, raw := answer.([]byte)
	if err == nil && !raw {
		payload, err = json.Marshal(answer)
	}
	if err != nil {
		f := fault{wire.Internal, err}
		errors.As(err, &f)
		return &peer.Response{Status: f.status, Message: err.Error()}
	}
	return shim.Success(payload)
}

// mayWrite holds a call that writes to its rules: the client may write, and it is
// the client that calls. Other chaincode could call twice in one transaction, of
// which the log would show what was written last only; and a writer who called
// that one has not said what it appends in his name.
func mayWrite(stub shim.ChaincodeStubInterface) error {
	if err := cid.AssertAttributeValue(stub, Role, Writer); err != nil {
		return faultf(wire.Forbidden, "appending needs a certificate with the attribute %s=%s", Role, Writer)
	}
	args, err := asked(stub)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(args, stub.GetArgs(), bytes.Equal) {
		return faultf(wire.Forbidden, "what writes is called by a client, and not by other chaincode")
	}
	return nil
}

// asked is what the client called, and signed: function and arguments.
func asked(stub shim.ChaincodeStubInterface) ([][]byte, error) {
	signed, err := stub.GetSignedProposal()
	if err != nil {
		return nil, err
	}
	var proposal peer.Proposal
	var payload peer.ChaincodeProposalPayload
	var call peer.ChaincodeInvocationSpec
	if err = proto.Unmarshal(signed.GetProposalBytes(), &proposal); err == nil {
		err = proto.Unmarshal(proposal.GetPayload(), &payload)
	}
	if err == nil {
		err = proto.Unmarshal(payload.GetInput(), &call)
	}
	return call.GetChaincodeSpec().GetInput().GetArgs(), err
}

// append stores records. It reads, of the state, only their names and signers:
// nothing that another record writes.
func (c contract) append(stub shim.ChaincodeStubInterface, records [][]byte) ([]string, error) {
	if err := mayWrite(stub); err != nil {
		return nil, err
	}
	if len(records) == 0 || len(records) > MaxRecords {
		return nil, faultf(wire.Invalid, "%d records, want 1 to %d", len(records), MaxRecords)
	}
	results := make([]string, len(records))
	var write wire.Write
	fresh := map[string][]byte{} // what this transaction stores: the state does not show it yet
	signers := map[string][]byte{}
	for i, record := range records {
		keys, err := ledger.Derive(c.KeysOf, record)
		switch {
		case errors.Is(err, ledger.ErrTooLarge):
			return nil, faultf(wire.TooLarge, "argument %d: %w", i+1, err)
		case err != nil:
			return nil, faultf(wire.Invalid, "argument %d: %w", i+1, err)
		}
		id := wire.IDOf(keys.ID)
		stored, ok := fresh[id]
		if !ok {
			if stored, err = stub.GetState("record:" + id); err != nil {
				return nil, err
			}
		}
		if stored != nil {
			if !bytes.Equal(stored, record) {
				return nil, faultf(wire.Conflict, "argument %d: %w: %s", i+1, ledger.ErrConflict, id)
			}
			results[i] = wire.Known
			continue
		}
		if err := c.verify(stub, record, signers); err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		fresh[id] = record
		results[i] = wire.Stored
		if err := stub.PutState("record:"+id, record); err != nil {
			return nil, err
		}
		leaf := ledger.RecordHash(record)
		entry := wire.Record{ID: id, Hash: hex.EncodeToString(leaf[:]), Keys: []string{}}
		for _, k := range keys.Index {
			entry.Keys = append(entry.Keys, wire.KeyOf(k))
		}
		slices.Sort(entry.Keys)
		entry.Keys = slices.Compact(entry.Keys)
		write.Records = append(write.Records, entry)
	}
	if len(write.Records) == 0 {
		return results, nil
	}
	for _, name := range slices.Sorted(maps.Keys(signers)) {
		if err := stub.PutState("signer:"+name, signers[name]); err != nil {
			return nil, err
		}
	}
	text, err := json.Marshal(write)
	if err != nil {
		return nil, err
	}
	if err := stub.PutState(wire.LogKey, text); err != nil {
		return nil, err
	}
	return results, stub.SetEvent(wire.Event, text)
}

// verify calls the verifier, and notes in signers what a record brings in.
func (c contract) verify(stub shim.ChaincodeStubInterface, record []byte, signers map[string][]byte) error {
	if c.Verify == nil {
		return nil
	}
	var failed error // to read the state, which is no fault of the record
	brought, err := c.Verify(record, func(name string) ([]byte, error) {
		if value, ok := signers[name]; ok {
			return value, nil
		}
		value, err := stub.GetState("signer:" + name)
		failed = errors.Join(failed, err)
		return value, err
	})
	if failed != nil {
		return failed
	}
	if err != nil {
		return fault{wire.Invalid, err}
	}
	for name, value := range brought {
		before, err := stub.GetState("signer:" + name)
		if err != nil {
			return err
		}
		if !bytes.Equal(before, value) {
			signers[name] = value
		}
	}
	return nil
}

func get(stub shim.ChaincodeStubInterface, ids [][]byte) ([][]byte, error) {
	if len(ids) == 0 || len(ids) > MaxRecords {
		return nil, faultf(wire.Invalid, "%d names, want 1 to %d", len(ids), MaxRecords)
	}
	var records [][]byte
	names := names{stub: stub}
	for _, name := range ids {
		id := string(name)
		if len(id) < 2*sha256.Size { // an index
			index, err := number(name, math.MaxInt64)
			if err != nil {
				return nil, err
			}
			if id, err = names.at(index); err != nil {
				return nil, err
			}
		}
		record, err := stub.GetState("record:" + id)
		if err != nil {
			return nil, err
		}
		if record == nil {
			return nil, faultf(wire.NotFound, "no record %.80q", id)
		}
		records = append(records, record)
	}
	return records, nil
}

func history(stub shim.ChaincodeStubInterface, args [][]byte) ([]wire.Moment, error) {
	if len(args) != 1 {
		return nil, faultf(wire.Invalid, "%d arguments, want the name of a record", len(args))
	}
	h, err := stub.GetHistoryForKey("record:" + string(args[0]))
	if err != nil {
		return nil, err
	}
	defer h.Close()
	moments := []wire.Moment{}
	for h.HasNext() {
		m, err := h.Next()
		if err != nil {
			return nil, err
		}
		moments = append(moments, wire.Moment{Transaction: m.GetTxId(), Time: m.GetTimestamp().AsTime().Format(time.RFC3339Nano)})
	}
	return moments, nil
}
