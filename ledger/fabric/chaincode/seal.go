package chaincode

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/tree"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// mostFound is how many postings, one for a tile, are on a page.
const mostFound = 1000

// sealed reads how much of the log is sealed.
func sealed(stub shim.ChaincodeStubInterface) (s wire.Sealed, err error) {
	text, err := stub.GetState(wire.SealedKey)
	if err == nil && text != nil {
		err = json.Unmarshal(text, &s)
	}
	return s, err
}

// rest reads the log from its end back to what is sealed. Peers give a history
// from its end. Its beginning never changes, so endorsers that have enough of it
// find the same next tile, however far each of them is.
func rest(stub shim.ChaincodeStubInterface) (s wire.Sealed, log []wire.Transaction, err error) {
	if s, err = sealed(stub); err != nil {
		return s, nil, err
	}
	h, err := stub.GetHistoryForKey(wire.LogKey)
	if err != nil {
		return s, nil, err
	}
	defer h.Close()
	log = []wire.Transaction{}
	end := false
	for !end && h.HasNext() {
		m, err := h.Next()
		if err != nil {
			return s, nil, err
		}
		t := wire.Transaction{ID: m.GetTxId()}
		if err := json.Unmarshal(m.GetValue(), &t.Write); err != nil {
			return s, nil, err
		}
		if end = t.ID == s.ID; end {
			if t.Records = t.Records[s.Within:]; len(t.Records) == 0 {
				break
			}
		}
		log = append(log, t)
	}
	if !end && s.ID != "" {
		return s, nil, fmt.Errorf("this peer does not have the history of the log back to transaction %s", s.ID)
	}
	slices.Reverse(log)
	return s, log, nil
}

// seal writes the next tile and its part of the tree and the index. Only sealing reads what it
// writes, so nobody else is held up by it.
func seal(stub shim.ChaincodeStubInterface, args [][]byte) (s wire.Sealed, err error) {
	if err := mayWrite(stub); err != nil {
		return s, err
	}
	if len(args) > 0 {
		return s, faultf(wire.Invalid, "%d arguments, want none", len(args))
	}
	s, log, err := rest(stub)
	if err != nil {
		return s, err
	}
	var tile []wire.Record
	first := s.Tiles * wire.TileWidth
	for _, t := range log {
		n := min(len(t.Records), wire.TileWidth-len(tile))
		if t.ID == s.ID {
			s.Within += n // its place is known
		} else {
			s.ID, s.Within = t.ID, n
			if err := stub.PutState("place:"+t.ID, strconv.AppendInt(nil, first+int64(len(tile)), 10)); err != nil {
				return s, err
			}
		}
		tile = append(tile, t.Records[:n]...)
		if len(tile) == wire.TileWidth {
			break
		}
	}
	if len(tile) < wire.TileWidth {
		return s, faultf(wire.NotFound, "%d records are not sealed, want %d", len(tile), wire.TileWidth)
	}
	if err := putTiles(stub, s.Tiles, tile); err != nil {
		return s, err
	}
	postings := map[string][]byte{}
	for i, r := range tile {
		for _, k := range r.Keys {
			postings[k] = append(postings[k], byte(i))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(postings)) {
		key, err := posting(stub, k, s.Tiles)
		if err != nil {
			return s, err
		}
		if err := stub.PutState(key, postings[k]); err != nil {
			return s, err
		}
	}
	s.Tiles++
	text, err := json.Marshal(s)
	if err != nil {
		return s, err
	}
	return s, stub.PutState(wire.SealedKey, text)
}

// posting is the key of the state that says which records of a tile have an
// index key.
func posting(stub shim.ChaincodeStubInterface, short string, tile int64) (string, error) {
	return stub.CreateCompositeKey(wire.IndexType, []string{short, fmt.Sprintf("%08x", tile)})
}

func tail(stub shim.ChaincodeStubInterface, args [][]byte) (r wire.Rest, err error) {
	if len(args) > 0 {
		return r, faultf(wire.Invalid, "%d arguments, want none", len(args))
	}
	if r.Sealed, r.Log, err = rest(stub); err != nil {
		return r, err
	}
	r.Edge, err = tree.EdgeOf(r.Tiles*wire.TileWidth, &hashes{stub: stub})
	return r, err
}

func find(stub shim.ChaincodeStubInterface, args [][]byte) (page wire.Page, err error) {
	if len(args) < 2 || len(args) > 4 {
		return page, faultf(wire.Invalid, "%d arguments, want name and value of a key, perhaps an index and a number of tiles", len(args))
	}
	from, most := int64(0), int64(mostFound)
	if len(args) > 2 {
		if from, err = number(args[2], math.MaxInt64); err != nil {
			return page, err
		}
	}
	if len(args) > 3 {
		if most, err = number(args[3], mostFound); err != nil || most == 0 {
			return page, faultf(wire.Invalid, "%.40q tiles, want 1 to %d", args[3], mostFound)
		}
	}
	s, err := sealed(stub)
	if err != nil {
		return page, err
	}
	page.Tiles, page.Indexes = s.Tiles, []int64{}
	if from >= s.Tiles*wire.TileWidth {
		return page, nil
	}
	short := wire.KeyOf(ledger.Key{Name: string(args[0]), Value: string(args[1])})
	first, err := posting(stub, short, from/wire.TileWidth)
	if err != nil {
		return page, err
	}
	// To a peer, a bookmark is the key with which it goes on.
	found, _, err := stub.GetStateByPartialCompositeKeyWithPagination(wire.IndexType, []string{short}, int32(most)+1, first)
	if err != nil {
		return page, err
	}
	defer found.Close()
	for ; found.HasNext(); most-- {
		kv, err := found.Next()
		if err != nil {
			return page, err
		}
		_, parts, err := stub.SplitCompositeKey(kv.GetKey())
		if err != nil {
			return page, err
		}
		tile, err := strconv.ParseInt(parts[len(parts)-1], 16, 64)
		if err != nil {
			return page, err
		}
		if most == 0 {
			page.Next = tile * wire.TileWidth
			break
		}
		for _, place := range kv.GetValue() {
			if index := tile*wire.TileWidth + int64(place); index >= from {
				page.Indexes = append(page.Indexes, index)
			}
		}
	}
	return page, nil
}

// number reads an argument that counts something.
func number(arg []byte, most int64) (int64, error) {
	n, err := strconv.ParseInt(string(arg), 10, 64)
	if err != nil || n < 0 || n > most || strconv.FormatInt(n, 10) != string(arg) {
		return 0, faultf(wire.Invalid, "%.40q is not a number from 0 to %d", arg, most)
	}
	return n, nil
}
