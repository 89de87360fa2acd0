package endorsed

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// A Committed is a transaction in its block.
type Committed struct {
	Envelope []byte    // for Key.Answer
	Time     time.Time // as the client of the transaction says
	Number   uint64    // of the block
	// Orderers are the organisations of the key whose orderers signed the block,
	// ascending. It is empty only if the key names none.
	Orderers []string
	// Code is what the peer that gave the block says of the transaction: 0 is
	// valid. Nobody signs it.
	Code byte

	place int // in the block
}

// Block verifies a block, and finds a transaction in it: the data is what the
// header says, and an orderer of one of the key's orderer organisations, if it
// names any, has signed the header. Its certificate must have been valid at the
// time that the transaction names.
//
// It proves that the ordering service put the transaction there. It does not
// prove that the transaction was valid: peers decide that, and sign nothing. An
// endorsed [Key.Answer] that shows what the transaction left behind does.
func (k *Key) Block(block []byte, txid string, cas []*x509.Certificate) (*Committed, error) {
	var header, data, metadata []byte
	if err := read("block", block, fields{1: &header, 2: &data, 3: &metadata}); err != nil {
		return nil, err
	}
	c := &Committed{}
	var previous, dataHash []byte
	if err := read("block header", header, fields{1: &c.Number, 2: &previous, 3: &dataHash}); err != nil {
		return nil, err
	}
	var envelopes, parts [][]byte
	if err := read("block data", data, fields{1: &envelopes}); err != nil {
		return nil, err
	}
	if err := read("block metadata", metadata, fields{1: &parts}); err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(slices.Concat(envelopes...)); !bytes.Equal(sum[:], dataHash) {
		return nil, fmt.Errorf("block %d has other data than its header says", c.Number)
	}
	if err := c.find(envelopes, txid); err != nil {
		return nil, err
	}
	t, err := readTransaction(c.Envelope)
	if err != nil {
		return nil, err
	}
	if t.channel != k.Channel {
		return nil, fmt.Errorf("transaction is of channel %.80q, want %q", t.channel, k.Channel)
	}
	c.Time = t.time
	const signatures, filter = 0, 2 // common.BlockMetadataIndex
	if len(parts) <= filter || len(parts[filter]) != len(envelopes) {
		return nil, fmt.Errorf("block %d does not say which transactions are valid", c.Number)
	}
	c.Code = parts[filter][c.place]
	if len(k.Orderers) == 0 {
		return c, nil
	}
	if c.Orderers, err = k.orderers(parts[signatures], BlockHeader(c.Number, previous, dataHash), cas, t.time); err != nil {
		return nil, fmt.Errorf("block %d: %w", c.Number, err)
	}
	return c, nil
}

// BlockHeader is what orderers sign of a block, and what its hash, SHA-256, is of:
// the DER of (number, hash of the header before it, hash of the data).
func BlockHeader(number uint64, previous, data []byte) []byte {
	der, err := asn1.Marshal(struct {
		Number         *big.Int
		Previous, Data []byte
	}{new(big.Int).SetUint64(number), previous, data})
	if err != nil {
		panic(err) // a number and two strings
	}
	return der
}

// find finds the one transaction of this id. The hash over the data does not
// say where an envelope ends. So each must be a whole one, with one payload and
// one signature: then there is one way to cut the data, and what looks like an
// envelope inside of another one is none.
//
// Everybody on the channel can put envelopes beside it. So what else these have
// does not count, nor that they claim its id, if it does not belong to them. Of
// one that was ordered twice the first counts, as it does for peers.
func (c *Committed) find(envelopes [][]byte, txid string) error {
	for i, e := range envelopes {
		payload, err := whole(e)
		if err != nil {
			return fmt.Errorf("transaction %d of block %d: %w", i, c.Number, err)
		}
		var header, data, channel, author, creator, nonce, id []byte
		if read("payload", payload, fields{1: &header, 2: &data}) != nil || read("header", header, fields{1: &channel, 2: &author}) != nil {
			continue
		}
		var kind, version, epoch uint64
		var stamp, name, extension, binding []byte
		if read("channel header", channel, fields{1: &kind, 2: &version, 3: &stamp, 4: &name, 5: &id, 6: &epoch, 7: &extension, 8: &binding}) != nil {
			continue
		}
		if string(id) != txid || read("signature header", author, fields{1: &creator, 2: &nonce}) != nil || txid != idOf(nonce, creator) {
			continue
		}
		switch {
		case c.Envelope == nil:
			c.Envelope, c.place = e, i
		case !bytes.Equal(c.Envelope, e):
			return fmt.Errorf("block %d holds two transactions %.80q", c.Number, txid)
		}
	}
	if c.Envelope == nil {
		return fmt.Errorf("block %d does not hold transaction %.80q", c.Number, txid)
	}
	return nil
}

// whole gives the payload of a signed envelope. Fields that are not known are
// left aside.
func whole(envelope []byte) (payload []byte, err error) {
	var has [3]int
	for rest := envelope; len(rest) > 0; {
		number, kind, n := protowire.ConsumeField(rest)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		if number <= 2 {
			_, _, tag := protowire.ConsumeTag(rest)
			value, size := protowire.ConsumeBytes(rest[tag:])
			if kind != protowire.BytesType || size <= 0 || len(value) == 0 {
				return nil, fmt.Errorf("field %d of the envelope is no bytes, or none", number)
			}
			if has[number]++; number == 1 {
				payload = value
			}
		}
		rest = rest[n:]
	}
	if has[1] != 1 || has[2] != 1 {
		return nil, fmt.Errorf("an envelope of %d payloads and %d signatures", has[1], has[2])
	}
	return payload, nil
}

// orderers finds whose orderers have signed a block.
func (k *Key) orderers(metadata, header []byte, cas []*x509.Certificate, at time.Time) ([]string, error) {
	var value []byte
	var all [][]byte
	if err := read("signatures", metadata, fields{1: &value, 2: &all}); err != nil {
		return nil, err
	}
	var by []string
	for _, one := range all {
		var author, signature, creator, nonce []byte
		if err := read("block signature", one, fields{1: &author, 2: &signature}); err != nil {
			return nil, err
		}
		if err := read("signature header", author, fields{1: &creator, 2: &nonce}); err != nil {
			return nil, err
		}
		m, err := readMember(creator)
		if err != nil {
			return nil, err
		}
		o, ok := m.of(k.Orderers)
		if !ok {
			continue
		}
		if err := m.is(orderer, o, cas, at); err != nil {
			return nil, err
		}
		if err := m.signed(signature, value, author, header); err != nil {
			return nil, err
		}
		by = append(by, o.MSP)
	}
	if len(by) == 0 {
		return nil, errors.New("no orderer of an organisation that the key names has signed it")
	}
	slices.Sort(by)
	return slices.Compact(by), nil
}
