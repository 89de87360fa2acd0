package fabric

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/json"
	"fmt"
	"math/big"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// hashOf is the hash of a block's header, by which the next block names it:
// SHA-256 of the DER of (number, previous hash, data hash).
func hashOf(h *common.BlockHeader) []byte {
	der, err := asn1.Marshal(struct {
		Number         *big.Int
		Previous, Data []byte
	}{new(big.Int).SetUint64(h.GetNumber()), h.GetPreviousHash(), h.GetDataHash()})
	if err != nil {
		panic(err) // a number and two strings
	}
	sum := sha256.Sum256(der)
	return sum[:]
}

// writes finds what valid transactions of a block wrote into the log of a
// chaincode, in order. It looks at what they wrote, not at what was called: a
// chaincode may be called by another one.
func writes(b *common.Block, chaincode string) ([]wire.Transaction, error) {
	if sum := sha256.Sum256(bytes.Join(b.GetData().GetData(), nil)); !bytes.Equal(sum[:], b.GetHeader().GetDataHash()) {
		return nil, fmt.Errorf("%w: block %d has other data than its header says", ledger.ErrCorrupt, b.GetHeader().GetNumber())
	}
	metadata := b.GetMetadata().GetMetadata()
	var valid []byte
	if i := int(common.BlockMetadataIndex_TRANSACTIONS_FILTER); i < len(metadata) {
		valid = metadata[i]
	}
	var out []wire.Transaction
	for i, data := range b.GetData().GetData() {
		if i >= len(valid) {
			return nil, fmt.Errorf("%w: block %d does not say which transactions are valid", ledger.ErrCorrupt, b.GetHeader().GetNumber())
		}
		if peer.TxValidationCode(valid[i]) != peer.TxValidationCode_VALID {
			continue
		}
		t, ok, err := written(data, chaincode)
		if err != nil {
			return nil, fmt.Errorf("%w: transaction %d of block %d: %w", ledger.ErrCorrupt, i, b.GetHeader().GetNumber(), err)
		}
		if ok {
			out = append(out, t)
		}
	}
	return out, nil
}

// written finds what one transaction wrote into the log, if it did.
func written(envelope []byte, chaincode string) (t wire.Transaction, ok bool, err error) {
	// Each message holds the next as bytes.
	var env common.Envelope
	var payload common.Payload
	var header common.ChannelHeader
	if err = proto.Unmarshal(envelope, &env); err == nil {
		err = proto.Unmarshal(env.GetPayload(), &payload)
	}
	if err == nil {
		err = proto.Unmarshal(payload.GetHeader().GetChannelHeader(), &header)
	}
	if err != nil || common.HeaderType(header.GetType()) != common.HeaderType_ENDORSER_TRANSACTION {
		return t, false, err
	}
	var tx peer.Transaction
	if err := proto.Unmarshal(payload.GetData(), &tx); err != nil {
		return t, false, err
	}
	for _, action := range tx.GetActions() {
		var call peer.ChaincodeActionPayload
		var answer peer.ProposalResponsePayload
		var result peer.ChaincodeAction
		var sets rwset.TxReadWriteSet
		if err = proto.Unmarshal(action.GetPayload(), &call); err == nil {
			err = proto.Unmarshal(call.GetAction().GetProposalResponsePayload(), &answer)
		}
		if err == nil {
			err = proto.Unmarshal(answer.GetExtension(), &result)
		}
		if err == nil {
			err = proto.Unmarshal(result.GetResults(), &sets)
		}
		if err != nil {
			return t, false, err
		}
		for _, set := range sets.GetNsRwset() {
			if set.GetNamespace() != chaincode {
				continue
			}
			var keys kvrwset.KVRWSet
			if err := proto.Unmarshal(set.GetRwset(), &keys); err != nil {
				return t, false, err
			}
			for _, w := range keys.GetWrites() {
				if w.GetKey() == wire.LogKey {
					t.ID = header.GetTxId()
					return t, true, json.Unmarshal(w.GetValue(), &t.Write)
				}
			}
		}
	}
	return t, false, nil
}
