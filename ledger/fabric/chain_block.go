package fabric

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/message"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// Numbers of Fabric.
const (
	validTransaction    = 0 // peer.TxValidationCode_VALID
	transactionsFilter  = 2 // common.BlockMetadataIndex_TRANSACTIONS_FILTER
	endorserTransaction = 3 // common.HeaderType_ENDORSER_TRANSACTION
)

// A block is a common.Block whose data is what its header says.
type block struct {
	number   uint64
	previous []byte // hash of the block before
	hash     []byte // by which the next block names it
	data     [][]byte
	valid    []byte // peer.TxValidationCode of each
}

// parseBlock reads a common.Block. It does not judge who made it.
func parseBlock(text []byte) (b block, err error) {
	var header, data, metadata message.Embedded
	var dataHash []byte
	var about [][]byte
	if err = message.Decode(text, message.Fields{1: &header, 2: &data, 3: &metadata}); err == nil {
		err = message.Decode(header, message.Fields{1: &b.number, 2: &b.previous, 3: &dataHash})
	}
	if err == nil {
		err = message.Decode(data, message.Fields{1: &b.data})
	}
	if err == nil {
		err = message.Decode(metadata, message.Fields{1: &about})
	}
	if err != nil {
		return b, fmt.Errorf("%w: block: %w", ledger.ErrCorrupt, err)
	}
	if sum := sha256.Sum256(bytes.Join(b.data, nil)); !bytes.Equal(sum[:], dataHash) {
		return b, fmt.Errorf("%w: block %d has other data than its header says", ledger.ErrCorrupt, b.number)
	}
	if transactionsFilter < len(about) {
		b.valid = about[transactionsFilter]
	}
	if len(b.valid) < len(b.data) {
		return b, fmt.Errorf("%w: block %d does not say which transactions are valid", ledger.ErrCorrupt, b.number)
	}
	sum := sha256.Sum256(endorsed.BlockHeader(b.number, b.previous, dataHash))
	b.hash = sum[:]
	return b, nil
}

// A change is what one transaction wrote: records into the log, or how much of
// it is sealed.
type change struct {
	wire.Transaction
	sealed *wire.Sealed // nil if there are records
}

// writes finds what valid transactions of a block wrote into the log of a
// chaincode, in order, and where they sealed it. It looks at what they wrote, not
// at what was called: a chaincode may be called by another one.
func (b *block) writes(chaincode string) ([]change, error) {
	var out []change
	for i, data := range b.data {
		if b.valid[i] != validTransaction {
			continue
		}
		c, ok, err := written(data, chaincode)
		if err != nil {
			return nil, fmt.Errorf("%w: transaction %d of block %d: %w", ledger.ErrCorrupt, i, b.number, err)
		}
		if ok {
			out = append(out, c)
		}
	}
	return out, nil
}

// written finds what one transaction wrote into the log, or that it sealed, if
// it did.
func written(envelope []byte, chaincode string) (c change, ok bool, err error) {
	// Each message holds the next as bytes.
	var payload, channelHeader, data []byte
	var header message.Embedded
	var kind uint64
	if err = message.Decode(envelope, message.Fields{1: &payload}); err == nil {
		err = message.Decode(payload, message.Fields{1: &header, 2: &data})
	}
	if err == nil {
		err = message.Decode(header, message.Fields{1: &channelHeader})
	}
	if err == nil {
		err = message.Decode(channelHeader, message.Fields{1: &kind, 5: &c.ID})
	}
	if err != nil || int32(kind) != endorserTransaction {
		return c, false, err
	}
	var actions [][]byte
	if err := message.Decode(data, message.Fields{1: &actions}); err != nil {
		return c, false, err
	}
	for _, action := range actions {
		sets, err := setsOf(action)
		if err != nil {
			return c, false, err
		}
		for _, set := range sets {
			state, err := stateOf(set, chaincode)
			if err != nil {
				return c, false, err
			}
			if log, ok := state[wire.LogKey]; ok {
				return c, true, json.Unmarshal(log, &c.Write)
			}
			if sealed, ok := state[wire.SealedKey]; ok {
				c.sealed = &wire.Sealed{}
				return c, true, json.Unmarshal(sealed, c.sealed)
			}
		}
	}
	return c, false, nil
}

// setsOf finds what a peer.TransactionAction wrote: an rwset.NsReadWriteSet for
// each chaincode.
func setsOf(action []byte) (sets [][]byte, err error) {
	var call, answer, result, all []byte
	var signed message.Embedded
	if err = message.Decode(action, message.Fields{2: &call}); err == nil {
		err = message.Decode(call, message.Fields{2: &signed})
	}
	if err == nil {
		err = message.Decode(signed, message.Fields{1: &answer})
	}
	if err == nil {
		err = message.Decode(answer, message.Fields{2: &result})
	}
	if err == nil {
		err = message.Decode(result, message.Fields{1: &all})
	}
	if err == nil {
		err = message.Decode(all, message.Fields{2: &sets})
	}
	return sets, err
}

// stateOf gives the keys that were written of a chaincode, in an
// rwset.NsReadWriteSet, and their values.
func stateOf(set []byte, chaincode string) (map[string][]byte, error) {
	var namespace string
	var keys []byte
	var writes [][]byte
	if err := message.Decode(set, message.Fields{1: &namespace, 2: &keys}); err != nil || namespace != chaincode {
		return nil, err
	}
	if err := message.Decode(keys, message.Fields{3: &writes}); err != nil {
		return nil, err
	}
	state := map[string][]byte{}
	for _, w := range writes {
		var key string
		var value []byte
		if err := message.Decode(w, message.Fields{1: &key, 3: &value}); err != nil {
			return nil, err
		}
		state[key] = value
	}
	return state, nil
}

// tip is what a peer says of its newest block: a common.BlockchainInfo.
type tip struct {
	height uint64 // number of the block after it
	hash   []byte
}

func parseTip(text []byte) (t tip, err error) {
	if err := message.Decode(text, message.Fields{1: &t.height, 2: &t.hash}); err != nil || t.height == 0 {
		return t, fmt.Errorf("%w: %.80q is not a newest block", ledger.ErrCorrupt, text)
	}
	return t, nil
}
