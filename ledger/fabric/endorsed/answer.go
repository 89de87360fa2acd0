package endorsed

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

const (
	endorserTransaction = 3   // common.HeaderType
	success             = 200 // peer.Response.status
)

// An Answer is what a chaincode answered, as peers endorsed it.
type Answer struct {
	Function  string
	Arguments [][]byte // without the function
	Payload   []byte

	TxID          string        // of the transaction, submitted or not
	Time          time.Time     // as the client of the transaction says
	Organisations []string      // of the key that have endorsed it, ascending
	Endorsements  []Endorsement // one of each, in the same order

	// Proposal is what was asked: channel header, signature header and call. Its
	// SHA-256 is in what was signed.
	Proposal []byte
}

// An Endorsement is one that counts, in the parts that other programs can
// verify: ECDSA over the SHA-256 of Signed.
type Endorsement struct {
	MSP         string
	Certificate *x509.Certificate
	Signed      []byte // the answer, and who endorses it
	Signature   []byte // DER
}

// Answer verifies a transaction envelope against the key and certificates of
// authorities that it names; others among them do not count. It does not look
// at the signature of the client: the answer is not its word.
//
// Endorsements by organisations that the key does not name are left aside; one
// of a named organisation that is not valid makes the envelope invalid.
func (k *Key) Answer(envelope []byte, cas []*x509.Certificate) (*Answer, error) {
	t, err := readTransaction(envelope)
	if err != nil {
		return nil, err
	}
	if t.channel != k.Channel {
		return nil, fmt.Errorf("transaction is of channel %.80q, want %q", t.channel, k.Channel)
	}
	for _, name := range t.chaincodes {
		if name != k.Chaincode {
			return nil, fmt.Errorf("transaction is of chaincode %.80q, want %q", name, k.Chaincode)
		}
	}
	if t.status != success {
		return nil, fmt.Errorf("the chaincode has answered with status %d", t.status)
	}
	by := map[string]Endorsement{}
	for _, e := range t.endorsements {
		o, ok := e.by.of(k.Organisations)
		if !ok {
			continue
		}
		if err := e.by.is(peer, o, cas, t.time); err != nil {
			return nil, fmt.Errorf("endorsement: %w", err)
		}
		if err := e.by.signed(e.signature, t.response, e.by.raw); err != nil {
			return nil, fmt.Errorf("endorsement: %w", err)
		}
		if _, ok := by[o.MSP]; !ok {
			by[o.MSP] = Endorsement{o.MSP, e.by.cert, slices.Concat(t.response, e.by.raw), e.signature}
		}
	}
	who := slices.Sorted(maps.Keys(by))
	if len(who) < k.Need {
		return nil, fmt.Errorf("endorsed by %d organisations %q, want %d", len(who), who, k.Need)
	}
	a := &Answer{
		Function: string(t.args[0]), Arguments: t.args[1:], Payload: t.payload,
		TxID: t.id, Time: t.time, Organisations: who, Proposal: t.proposal,
	}
	for _, o := range who {
		a.Endorsements = append(a.Endorsements, by[o])
	}
	return a, nil
}

// A transaction is what an envelope says.
type transaction struct {
	id, channel  string
	time         time.Time
	chaincodes   []string // as all places say it
	args         [][]byte // one at least
	proposal     []byte   // headers and call, which the response has the hash of
	response     []byte   // ProposalResponsePayload: what is endorsed
	status       uint64
	payload      []byte
	endorsements []endorsement
}

type endorsement struct {
	by        member
	signature []byte
}

// readTransaction reads an envelope whose parts belong together.
func readTransaction(envelope []byte) (*transaction, error) {
	var payload, signature, header, data []byte
	if err := read("envelope", envelope, fields{1: &payload, 2: &signature}); err != nil {
		return nil, err
	}
	if err := read("payload", payload, fields{1: &header, 2: &data}); err != nil {
		return nil, err
	}
	var channel, author []byte
	if err := read("header", header, fields{1: &channel, 2: &author}); err != nil {
		return nil, err
	}
	t := &transaction{}
	if err := t.readHeaders(channel, author); err != nil {
		return nil, err
	}
	var actions [][]byte
	if err := read("transaction", data, fields{1: &actions}); err != nil {
		return nil, err
	}
	if len(actions) != 1 {
		return nil, fmt.Errorf("transaction has %d actions, want 1", len(actions))
	}
	var again, call []byte
	if err := read("action", actions[0], fields{1: &again, 2: &call}); err != nil {
		return nil, err
	}
	if !bytes.Equal(again, author) {
		return nil, errors.New("action has another author than the transaction")
	}
	var proposal, action []byte
	if err := read("call", call, fields{1: &proposal, 2: &action}); err != nil {
		return nil, err
	}
	var endorsements [][]byte
	if err := read("endorsed action", action, fields{1: &t.response, 2: &endorsements}); err != nil {
		return nil, err
	}
	var hash, result []byte
	if err := read("response", t.response, fields{1: &hash, 2: &result}); err != nil {
		return nil, err
	}
	// Transient data is not in the transaction, and not in the hash.
	t.proposal = slices.Concat(channel, author, proposal)
	if sum := sha256.Sum256(t.proposal); !bytes.Equal(sum[:], hash) {
		return nil, errors.New("what was endorsed is the answer to another proposal")
	}
	if err := t.readCall(proposal); err != nil {
		return nil, err
	}
	if err := t.readResult(result); err != nil {
		return nil, err
	}
	for _, one := range endorsements {
		var by []byte
		var e endorsement
		err := read("endorsement", one, fields{1: &by, 2: &e.signature})
		if err == nil {
			e.by, err = readMember(by)
		}
		if err != nil {
			return nil, err
		}
		t.endorsements = append(t.endorsements, e)
	}
	return t, nil
}

func (t *transaction) readHeaders(channel, author []byte) error {
	var kind, version, epoch, seconds, nanos uint64
	var stamp, name, id, extension, binding, code, creator, nonce []byte
	if err := read("channel header", channel, fields{1: &kind, 2: &version, 3: &stamp, 4: &name, 5: &id, 6: &epoch, 7: &extension, 8: &binding}); err != nil {
		return err
	}
	if kind != endorserTransaction {
		return fmt.Errorf("envelope is of type %d, want that of an endorsed transaction, %d", kind, endorserTransaction)
	}
	if err := read("time-stamp", stamp, fields{1: &seconds, 2: &nanos}); err != nil {
		return err
	}
	// Before the year 10000, which is as far as certificates go.
	if seconds == 0 || seconds >= 253402300800 || nanos >= uint64(time.Second) {
		return fmt.Errorf("time-stamp of %d s and %d ns", seconds, nanos)
	}
	t.time = time.Unix(int64(seconds), int64(nanos)).UTC()
	if err := read("extension of the channel header", extension, fields{2: &code}); err != nil {
		return err
	}
	if err := t.readChaincode(code); err != nil {
		return err
	}
	if err := read("signature header", author, fields{1: &creator, 2: &nonce}); err != nil {
		return err
	}
	if t.id = idOf(nonce, creator); t.id != string(id) {
		return fmt.Errorf("transaction has the id %.80q, but %s belongs to it", id, t.id)
	}
	t.channel = string(name)
	return nil
}

// idOf is the id that belongs to a transaction.
func idOf(nonce, creator []byte) string {
	sum := sha256.Sum256(slices.Concat(nonce, creator))
	return hex.EncodeToString(sum[:])
}

func (t *transaction) readChaincode(id []byte) error {
	var path, name, version []byte
	err := read("chaincode", id, fields{1: &path, 2: &name, 3: &version})
	t.chaincodes = append(t.chaincodes, string(name))
	return err
}

// readCall reads a ChaincodeProposalPayload: function and arguments.
func (t *transaction) readCall(proposal []byte) error {
	var input, spec, code, args []byte
	var timeout uint64
	if err := read("proposal", proposal, fields{1: &input}); err != nil {
		return err
	}
	if err := read("invocation", input, fields{1: &spec}); err != nil {
		return err
	}
	var kind uint64
	if err := read("chaincode specification", spec, fields{1: &kind, 2: &code, 3: &args, 4: &timeout}); err != nil {
		return err
	}
	if err := t.readChaincode(code); err != nil {
		return err
	}
	// Decorations and the call of Init are not known here: no answer to them is wanted.
	if err := read("chaincode input", args, fields{1: &t.args}); err != nil {
		return err
	}
	if len(t.args) == 0 {
		return errors.New("call of no function")
	}
	return nil
}

// readResult reads a ChaincodeAction: what came of the call.
func (t *transaction) readResult(result []byte) error {
	var sets, event, response, code, message []byte
	if err := read("result", result, fields{1: &sets, 2: &event, 3: &response, 4: &code}); err != nil {
		return err
	}
	if err := t.readChaincode(code); err != nil {
		return err
	}
	return read("response of the chaincode", response, fields{1: &t.status, 2: &message, 3: &t.payload})
}
