package message

import (
	"bytes"
	"slices"
	"testing"

	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// block is a common.Block as this package reads it.
type block struct {
	number         uint64
	previous, data []byte
	transactions   [][]byte
	metadata       [][]byte
}

func read(b []byte) (v block, err error) {
	var header, data, metadata Embedded
	if err = Decode(b, Fields{1: &header, 2: &data, 3: &metadata}); err == nil {
		err = Decode(header, Fields{1: &v.number, 2: &v.previous, 3: &v.data})
	}
	if err == nil {
		err = Decode(data, Fields{1: &v.transactions})
	}
	if err == nil {
		err = Decode(metadata, Fields{1: &v.metadata})
	}
	return v, err
}

func marshal(t testing.TB, m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzDecode holds the package to the generated code: what that reads is read
// alike, and what it refuses is refused.
func FuzzDecode(f *testing.F) {
	a := marshal(f, &common.Block{
		Header:   &common.BlockHeader{Number: 7, PreviousHash: []byte("p"), DataHash: []byte("d")},
		Data:     &common.BlockData{Data: [][]byte{[]byte("x"), nil, []byte("y")}},
		Metadata: &common.BlockMetadata{Metadata: [][]byte{nil, []byte("m")}},
	})
	b := marshal(f, &common.Block{Header: &common.BlockHeader{PreviousHash: []byte("q")}, Data: &common.BlockData{Data: [][]byte{[]byte("z")}}})
	f.Add(a)
	f.Add(slices.Concat(a, b)) // is a and b merged
	f.Add(slices.Concat(b, a))
	f.Add(a[:len(a)-1])
	f.Add(protowire.AppendTag(nil, 1, protowire.VarintType)) // cut short
	f.Add(slices.Concat(a, []byte{0x08, 0x01}, b))           // the header as a number: unknown
	f.Add(slices.Concat(a, []byte{0x0b, 0x0c}))              // and as a group
	f.Add([]byte("\n\x010\n\x010"))                          // two that are none, and one when joined
	f.Fuzz(func(t *testing.T, data []byte) {
		var want common.Block
		wantErr := proto.Unmarshal(data, &want)
		got, err := read(data)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%v, want %v", err, wantErr)
		}
		if err != nil {
			return
		}
		if got.number != want.GetHeader().GetNumber() ||
			!bytes.Equal(got.previous, want.GetHeader().GetPreviousHash()) ||
			!bytes.Equal(got.data, want.GetHeader().GetDataHash()) ||
			!slices.EqualFunc(got.transactions, want.GetData().GetData(), bytes.Equal) ||
			!slices.EqualFunc(got.metadata, want.GetMetadata().GetMetadata(), bytes.Equal) {
			t.Errorf("%+v, want %v", got, &want)
		}
	})
}

// TestTargets reads each kind of target, and leaves the message as it was.
func TestTargets(t *testing.T) {
	text := marshal(t, &common.ChannelHeader{Type: 3, ChannelId: "audit", TxId: "t", Extension: []byte("e")})
	before := bytes.Clone(text)
	var kind, none uint64 = 0, 9
	var channel string
	var extension []byte
	for range 2 {
		if err := Decode(text, Fields{1: &kind, 4: &channel, 6: &none, 7: &extension}); err != nil {
			t.Fatal(err)
		}
	}
	if kind != 3 || none != 9 || channel != "audit" || string(extension) != "e" {
		t.Errorf("%d %d %q %q", kind, none, channel, extension)
	}
	var merged Embedded
	twice := []byte{0x0a, 2, 8, 1, 0x0a, 2, 8, 2}
	if err := Decode(twice, Fields{1: &merged}); err != nil || string(merged) != "\x08\x01\x08\x02" || string(twice) != "\x0a\x02\x08\x01\x0a\x02\x08\x02" {
		t.Errorf("%q, %q, %v", merged, twice, err)
	}
	if !bytes.Equal(text, before) {
		t.Error("the message was changed")
	}
}
