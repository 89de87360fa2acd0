package fabric

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/ledger/rwset/kvrwset"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

func marshal(m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

// envelope is a transaction of some chaincode that writes one key of a namespace.
func envelope(kind common.HeaderType, id, namespace, key string, value []byte) []byte {
	return marshal(&common.Envelope{Payload: marshal(&common.Payload{
		Header: &common.Header{ChannelHeader: marshal(&common.ChannelHeader{Type: int32(kind), TxId: id})},
		Data: marshal(&peer.Transaction{Actions: []*peer.TransactionAction{{Payload: marshal(&peer.ChaincodeActionPayload{
			Action: &peer.ChaincodeEndorsedAction{ProposalResponsePayload: marshal(&peer.ProposalResponsePayload{
				Extension: marshal(&peer.ChaincodeAction{Results: marshal(&rwset.TxReadWriteSet{NsRwset: []*rwset.NsReadWriteSet{
					{Namespace: "_lifecycle"},
					{Namespace: namespace, Rwset: marshal(&kvrwset.KVRWSet{Writes: []*kvrwset.KVWrite{{Key: "a"}, {Key: key, Value: value}}})},
				}})}),
			})},
		})}}}),
	})})
}

func leaf(record string) string {
	hash := ledger.RecordHash([]byte(record))
	return hex.EncodeToString(hash[:])
}

// stores is a transaction that stores records.
func stores(id string, records ...string) []byte {
	var w wire.Write
	for _, r := range records {
		w.Records = append(w.Records, wire.Record{
			ID: wire.IDOf(r), Hash: leaf(r), Keys: []string{wire.KeyOf(ledger.Key{Name: "k", Value: r})},
		})
	}
	text, err := json.Marshal(w)
	if err != nil {
		panic(err)
	}
	return envelope(common.HeaderType_ENDORSER_TRANSACTION, id, "cc", wire.LogKey, text)
}

// blockOf is a block in which all transactions are valid.
func blockOf(number uint64, previous []byte, envelopes ...[]byte) *common.Block {
	sum := sha256.Sum256(bytes.Join(envelopes, nil))
	return &common.Block{
		Header:   &common.BlockHeader{Number: number, PreviousHash: previous, DataHash: sum[:]},
		Data:     &common.BlockData{Data: envelopes},
		Metadata: &common.BlockMetadata{Metadata: [][]byte{nil, nil, make([]byte, len(envelopes)), nil, nil}},
	}
}

// holds puts other data into a block, with a header to match.
func holds(b *common.Block, envelopes ...[]byte) {
	other := blockOf(b.Header.Number, nil, envelopes...)
	b.Header, b.Data, b.Metadata = other.Header, other.Data, other.Metadata
}

func readBlock(b *common.Block) ([]change, error) {
	parsed, err := parseBlock(marshal(b))
	if err != nil {
		return nil, err
	}
	return parsed.writes("cc")
}

// TestWrites reads what counts of a block, and nothing else.
func TestWrites(t *testing.T) {
	b := blockOf(3, nil,
		stores("t0", "a", "b"),
		stores("t1", "invalid"),
		envelope(common.HeaderType_ENDORSER_TRANSACTION, "t2", "other", wire.LogKey, []byte("{}")),
		envelope(common.HeaderType_ENDORSER_TRANSACTION, "t3", "cc", "logs", []byte("{}")),
		envelope(common.HeaderType_CONFIG, "t4", "cc", wire.LogKey, []byte("{}")),
		stores("t5", "c"),
		envelope(common.HeaderType_ENDORSER_TRANSACTION, "t6", "cc", wire.SealedKey, []byte(`{"tiles":7}`)))
	b.Metadata.Metadata[2][1] = byte(peer.TxValidationCode_MVCC_READ_CONFLICT)
	txs, err := readBlock(b)
	if err != nil || len(txs) != 3 || txs[2].sealed == nil || txs[2].sealed.Tiles != 7 || txs[0].ID != "t0" || len(txs[0].Records) != 2 || txs[1].ID != "t5" || txs[1].Records[0].ID != wire.IDOf("c") {
		t.Errorf("%+v, %v", txs, err)
	}
	for name, change := range map[string]func(*common.Block){
		"other data":       func(b *common.Block) { b.Data.Data[0] = stores("t0", "x") },
		"one less":         func(b *common.Block) { b.Data.Data = b.Data.Data[:1] },
		"no flags":         func(b *common.Block) { b.Metadata.Metadata[2] = nil },
		"no metadata":      func(b *common.Block) { b.Metadata = nil },
		"too few flags":    func(b *common.Block) { b.Metadata.Metadata[2] = []byte{0} },
		"no header":        func(b *common.Block) { b.Header = nil },
		"no JSON in a log": func(b *common.Block) { holds(b, envelope(3, "t", "cc", wire.LogKey, []byte("x"))) },
		"not a message":    func(b *common.Block) { holds(b, []byte{0xff}) },
	} {
		b := blockOf(3, nil, stores("t0", "a"), stores("t1", "b"))
		change(b)
		if txs, err := readBlock(b); !errors.Is(err, ledger.ErrCorrupt) {
			t.Errorf("%s: %+v, %v", name, txs, err)
		}
	}
}

// TestTake follows blocks, and refuses one that does not continue them.
func TestTake(t *testing.T) {
	sixth := []byte("hash of block 6")
	start := func() *chain {
		c := &chain{}
		log := []wire.Transaction{{ID: "t0", Write: wire.Write{Records: []wire.Record{{ID: wire.IDOf("a"), Hash: leaf("a")}}}}}
		// The log was read after the newest block: its last comes again.
		again, err := parseBlock(marshal(blockOf(7, sixth, stores("t0", "a"), stores("t1", "b"))))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.begin(tip{7, sixth}, nil, tip{7, sixth}, wire.Rest{Log: log}, []*block{&again}, "cc"); err != nil || c.size() != 2 {
			t.Fatal(err, c.size())
		}
		return c
	}
	sum := sha256.Sum256(endorsed.BlockHeader(7, sixth, blockOf(7, sixth, stores("t0", "a"), stores("t1", "b")).Header.DataHash))
	seventh := sum[:]
	for name, c := range map[string]struct {
		block *common.Block
		want  error
	}{
		"the next":          {blockOf(8, seventh, stores("t2", "c")), nil},
		"an empty one":      {blockOf(8, seventh), nil},
		"another past":      {blockOf(8, sixth, stores("t2", "c")), ledger.ErrRollback},
		"one left out":      {blockOf(9, seventh, stores("t2", "c")), ledger.ErrRollback},
		"the same again":    {blockOf(7, sixth, stores("t1", "b")), ledger.ErrRollback},
		"a record again":    {blockOf(8, seventh, stores("t2", "a")), ledger.ErrCorrupt},
		"nothing stored":    {blockOf(8, seventh, stores("t2")), ledger.ErrCorrupt},
		"no transaction id": {blockOf(8, seventh, stores("", "c")), ledger.ErrCorrupt},
	} {
		ch := start()
		if err := ch.take(marshal(c.block), "cc"); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}

	ch := start()
	for _, c := range []struct {
		height uint64
		hash   []byte
		want   error
	}{{8, seventh, nil}, {7, sixth, nil}, {7, seventh, ledger.ErrRollback}, {8, sixth, ledger.ErrRollback}, {9, sixth, nil}} {
		if err := ch.agrees(tip{c.height, c.hash}); !errors.Is(err, c.want) {
			t.Errorf("height %d: %v, want %v", c.height, err, c.want)
		}
	}
	if at, _ := ch.having(ledger.Key{Name: "k", Value: "b"}, 0, 2); len(at) != 1 || at[0] != 1 {
		t.Errorf("%v", at)
	}
	if at, _ := ch.having(ledger.Key{Name: "k", Value: "b"}, 2, 2); len(at) != 0 {
		t.Errorf("%v", at)
	}
}

func FuzzWritten(f *testing.F) {
	f.Add(stores("t", "a", "b"))
	f.Add(envelope(common.HeaderType_CONFIG, "t", "cc", "log", nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		tx, ok, err := written(data, "cc")
		if ok && err == nil {
			c := &chain{}
			if err := c.begin(tip{height: 1}, nil, tip{height: 1}, wire.Rest{Log: []wire.Transaction{tx.Transaction}}, nil, "cc"); err == nil && c.size() != int64(len(tx.Records)) {
				t.Errorf("%d records of %+v", c.size(), tx)
			}
		}
	})
}
