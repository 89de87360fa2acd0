package endorsed

import (
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/encoding/protowire"
)

// headerOf is the header of a block as orderers sign it.
func headerOf(t testing.TB, h *common.BlockHeader) []byte {
	t.Helper()
	b, err := asn1.Marshal(struct {
		Number         *big.Int
		Previous, Data []byte
	}{new(big.Int).SetUint64(h.GetNumber()), h.GetPreviousHash(), h.GetDataHash()})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// order has somebody sign a block, after its data was written.
func order(t testing.TB, b *common.Block, by ...somebody) []byte {
	sum := sha256.Sum256(bytes.Join(b.Data.Data, nil))
	b.Header.DataHash = sum[:]
	b.Metadata.Metadata[2] = make([]byte, len(b.Data.Data))
	m := &common.Metadata{Value: []byte("last configuration")}
	for _, s := range by {
		author := marshal(t, &common.SignatureHeader{Creator: s.identity(t), Nonce: []byte("nonce")})
		m.Signatures = append(m.Signatures, &common.MetadataSignature{SignatureHeader: author, Signature: s.sign(t, m.Value, author, headerOf(t, b.Header))})
	}
	b.Metadata.Metadata[0] = marshal(t, m)
	return marshal(t, b)
}

// TestBlockForgery changes the block of a network, without the key of an orderer.
func TestBlockForgery(t *testing.T) {
	r := load(t)
	c, err := r.key.Block(r.block, r.txid, r.cas)
	if err != nil {
		t.Fatal(err)
	}
	var b common.Block
	unmarshal(t, r.block, &b)
	if c.Number != b.Header.Number || !bytes.Equal(c.Envelope, b.Data.Data[c.place]) || strings.Join(c.Orderers, " ") != "OrdererMSP" {
		t.Errorf("%+v", c)
	}
	for _, c := range []struct {
		what, want string
		change     func(b *common.Block)
	}{
		{"the number", "is not valid", func(b *common.Block) { b.Header.Number++ }},
		{"the block before", "is not valid", func(b *common.Block) { b.Header.PreviousHash[0] ^= 1 }},
		{"a transaction", "other data", func(b *common.Block) { b.Data.Data[0][9] ^= 1 }},
		{"a transaction more", "other data", func(b *common.Block) { b.Data.Data = append(b.Data.Data, b.Data.Data[0]) }},
		{"no transaction", "other data", func(b *common.Block) { b.Data.Data = nil }},
		{"a transaction more, and its hash", "is not valid", func(b *common.Block) {
			b.Data.Data = append(b.Data.Data, b.Data.Data[0])
			b.Metadata.Metadata[2] = append(b.Metadata.Metadata[2], 0)
			sum := sha256.Sum256(bytes.Join(b.Data.Data, nil))
			b.Header.DataHash = sum[:]
		}},
		{"no signatures", "does not say which", func(b *common.Block) { b.Metadata = nil }},
		{"an empty list of them", "no orderer", func(b *common.Block) { b.Metadata.Metadata[0] = nil }},
		{"who signed", "", func(b *common.Block) {
			b.Metadata.Metadata[0] = within(t, b.Metadata.Metadata[0], []protowire.Number{2, 1}, func(x []byte) []byte { x[40] ^= 1; return x })
		}},
		{"what was signed besides", "is not valid", func(b *common.Block) {
			b.Metadata.Metadata[0] = within(t, b.Metadata.Metadata[0], []protowire.Number{1}, func(x []byte) []byte { return append(x, 0) })
		}},
		{"a high S", "high S", func(b *common.Block) {
			b.Metadata.Metadata[0] = within(t, b.Metadata.Metadata[0], []protowire.Number{2, 2}, func(x []byte) []byte { return highS(t, x) })
		}},
		{"a signature of another form", "field 3 is not known", func(b *common.Block) {
			b.Metadata.Metadata[0] = within(t, b.Metadata.Metadata[0], []protowire.Number{2}, func(x []byte) []byte { return appendBytes(x, 3, nil) })
		}},
		{"a flag too few", "does not say which", func(b *common.Block) { b.Metadata.Metadata[2] = nil }},
	} {
		var b common.Block
		unmarshal(t, r.block, &b)
		c.change(&b)
		_, err := r.key.Block(marshal(t, &b), r.txid, r.cas)
		refused(t, c.what, err, c.want)
	}
	for what, more := range map[string]string{"is not known": "\xfa\x01\x00", "appears twice": "\x0a\x00"} {
		_, err := r.key.Block(append(slices.Clone(r.block), more...), r.txid, r.cas)
		refused(t, what, err, what)
	}
	for _, id := range []string{"", strings.Repeat("0", 64), "\x00"} {
		_, err := r.key.Block(r.block, id, r.cas)
		refused(t, "another transaction", err, "does not hold transaction")
	}
	other := *r.key
	other.Channel = "other"
	_, err = other.Block(r.block, r.txid, r.cas)
	refused(t, "another channel", err, `of channel "audit", want "other"`)
	_, err = r.key.Block(r.block, r.txid, r.cas[:2])
	refused(t, "no authority of orderers", err, "no certificate authority of the organisation is at hand")

	// Nobody vouches for what a peer says of its transactions.
	b.Metadata.Metadata[2][0] = 11
	if c, err := r.key.Block(marshal(t, &b), r.txid, r.cas); err != nil || c.Code != 11 {
		t.Errorf("%+v, %v", c, err)
	}
	// A key without orderers does not hold blocks to a signature, and says so.
	other = *r.key
	other.Orderers = nil
	b.Metadata.Metadata[0] = nil
	if c, err := other.Block(marshal(t, &b), r.txid, nil); err != nil || c.Orderers != nil {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestOrderers has all kinds of people sign a block.
func TestOrderers(t *testing.T) {
	w := newWorld(t)
	var b common.Block
	unmarshal(t, w.block, &b)
	if _, err := w.key.Block(order(t, &b, w.orderer), w.txid, w.cas); err != nil {
		t.Fatal(err)
	}
	as := func(msp string, s somebody) somebody { s.msp = msp; return s }
	foreign := authority(t, "OrdererMSP").issue(t, "OrdererMSP", nil, nil)
	for _, c := range []struct {
		what, want string
		who        []somebody
	}{
		{"a peer", "no orderer of an organisation", []somebody{w.peer[0]}},
		{"a peer that says it is of the orderers", "want that of orderer alone", []somebody{as("OrdererMSP", w.peer[0])}},
		{"an orderer of another authority", "want that of orderer alone", []somebody{foreign}},
		{"nobody", "no orderer of an organisation", nil},
		{"a peer and an orderer", "", []somebody{w.peer[0], w.orderer}},
	} {
		_, err := w.key.Block(order(t, &b, c.who...), w.txid, w.cas)
		if c.want == "" && err != nil {
			t.Errorf("%s: %v", c.what, err)
		} else if c.want != "" {
			refused(t, c.what, err, c.want)
		}
	}
}

// TestHiddenEnvelope: a client can put an envelope into an argument of another
// one. The hash over the data of a block does not say where envelopes end, so a
// block could be cut such that what is inside looks like one that was ordered.
func TestHiddenEnvelope(t *testing.T) {
	w := newWorld(t)
	var b common.Block
	unmarshal(t, w.block, &b)
	inner := b.Data.Data[0]
	p := open(t, inner)
	p.invocation.ChaincodeSpec.Input.Args = append(p.invocation.ChaincodeSpec.Input.Args, inner)
	outer := p.seal(t)
	at := bytes.Index(outer, inner)
	if at < 0 {
		t.Fatal("the envelope is not in the other one")
	}
	b.Data.Data = [][]byte{outer[:at], inner, outer[at+len(inner):]}
	_, err := w.key.Block(order(t, &b, w.orderer), w.txid, w.cas)
	refused(t, "an envelope in another one", err, "transaction 0 of block")

	// An envelope that is cut between its two fields is two halves.
	_, _, n := protowire.ConsumeField(inner)
	b.Data.Data = [][]byte{inner[:n], inner[n:]}
	_, err = w.key.Block(order(t, &b, w.orderer), w.txid, w.cas)
	refused(t, "a half", err, "an envelope of 1 payloads and 0 signatures")
}

// TestNeighbours has others put envelopes into the block: they must not make what
// stands beside them unreadable, or pass for it.
func TestNeighbours(t *testing.T) {
	w := newWorld(t)
	var b common.Block
	unmarshal(t, w.block, &b)
	ours := b.Data.Data[0]
	if len(b.Data.Data) != 1 {
		t.Fatalf("%d transactions", len(b.Data.Data))
	}
	// Somebody else claims the id.
	thief := open(t, ours)
	thief.author.Nonce = []byte("another")
	claims := thief.seal(t)
	// Its client has signed two of one id.
	twice := open(t, ours)
	twice.invocation.ChaincodeSpec.Input.Args = append(twice.invocation.ChaincodeSpec.Input.Args, []byte("more"))
	second := twice.seal(t)
	more := func(e []byte, field protowire.Number, value []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(slices.Clone(e), field, protowire.BytesType), value)
	}
	for _, c := range []struct {
		what, want string
		data       [][]byte
		place      int
	}{
		{"a field that nobody knows", "", [][]byte{more(claims, 3, []byte("x")), ours}, 1},
		{"an envelope in such a field", "", [][]byte{ours, more(claims, 99, ours)}, 0},
		{"a payload that is none", "", [][]byte{more(more(nil, 1, []byte("x")), 2, []byte("x")), ours}, 1},
		{"a claim to be it", "", [][]byte{claims, ours}, 1},
		{"itself, again", "", [][]byte{ours, claims, ours}, 0},
		{"another one of its client", "holds two transactions", [][]byte{ours, second}, 0},
		{"a claim in its place", "does not hold", [][]byte{claims}, 0},
		{"two payloads", "an envelope of 2 payloads", [][]byte{ours, more(claims, 1, []byte("x"))}, 0},
		{"two signatures", "an envelope of 1 payloads and 2 signatures", [][]byte{ours, more(claims, 2, []byte("x"))}, 0},
		{"an empty payload", "or none", [][]byte{ours, more(more(nil, 1, nil), 2, []byte("x"))}, 0},
		{"a number in place of the payload", "is no bytes", [][]byte{ours, more([]byte("\x08\x01"), 2, []byte("x"))}, 0},
	} {
		b.Data.Data = c.data
		got, err := w.key.Block(order(t, &b, w.orderer), w.txid, w.cas)
		switch {
		case c.want != "":
			refused(t, c.what, err, c.want)
		case err != nil:
			t.Errorf("%s: %v", c.what, err)
		case got.place != c.place || !bytes.Equal(got.Envelope, ours):
			t.Errorf("%s: %d", c.what, got.place)
		}
	}
}

func FuzzBlock(f *testing.F) {
	r := load(f)
	want, err := r.key.Block(r.block, r.txid, r.cas)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(r.block)
	f.Add(r.block[:len(r.block)-1])
	f.Fuzz(func(t *testing.T, block []byte) {
		c, err := r.key.Block(block, r.txid, r.cas)
		if err == nil && (!bytes.Equal(c.Envelope, want.Envelope) || c.Number != want.Number) {
			t.Errorf("%+v was never ordered", c)
		}
	})
}
