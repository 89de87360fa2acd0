package chaincode

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// mostTiles is how many tiles are read at once: about 4 MB.
const mostTiles = 32

// mostFound is how many postings, one for a tile, are on a page.
const mostFound = 1000

func tileKey(n int64) string { return fmt.Sprintf("tile:%08x", n) }

// rest reads the log from its end back to what is sealed. Peers give a history
// from its end. Its beginning never changes, so endorsers that have enough of it
// find the same next tile, however far each of them is.
func rest(stub shim.ChaincodeStubInterface) (s wire.Sealed, log []wire.Transaction, err error) {
	text, err := stub.GetState("sealed")
	if err != nil {
		return s, nil, err
	}
	if text != nil {
		if err := json.Unmarshal(text, &s); err != nil {
			return s, nil, err
		}
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

// seal writes the next tile and its part of the index. Only sealing reads what it
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
	for _, t := range log {
		n := min(len(t.Records), wire.TileWidth-len(tile))
		tile = append(tile, t.Records[:n]...)
		if t.ID == s.ID {
			s.Within += n
		} else {
			s.ID, s.Within = t.ID, n
		}
		if len(tile) == wire.TileWidth {
			break
		}
	}
	if len(tile) < wire.TileWidth {
		return s, faultf(wire.NotFound, "%d records are not sealed, want %d", len(tile), wire.TileWidth)
	}
	put := func(key string, value any) error {
		text, err := json.Marshal(value)
		if err != nil {
			return err
		}
		return stub.PutState(key, text)
	}
	if err := put(tileKey(s.Tiles), tile); err != nil {
		return s, err
	}
	postings := map[string][]byte{}
	for i, r := range tile {
		for _, k := range r.Keys {
			postings[k] = append(postings[k], byte(i))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(postings)) {
		key, err := stub.CreateCompositeKey(wire.IndexType, []string{k, fmt.Sprintf("%08x", s.Tiles)})
		if err != nil {
			return s, err
		}
		if err := stub.PutState(key, postings[k]); err != nil {
			return s, err
		}
	}
	s.Tiles++
	return s, put("sealed", s)
}

func tail(stub shim.ChaincodeStubInterface, args [][]byte) (wire.Rest, error) {
	if len(args) > 0 {
		return wire.Rest{}, faultf(wire.Invalid, "%d arguments, want none", len(args))
	}
	s, log, err := rest(stub)
	return wire.Rest{Tiles: s.Tiles, Log: log}, err
}

func tiles(stub shim.ChaincodeStubInterface, args [][]byte) ([]json.RawMessage, error) {
	if len(args) != 1 {
		return nil, faultf(wire.Invalid, "%d arguments, want the number of a tile", len(args))
	}
	from, err := strconv.ParseInt(string(args[0]), 10, 32)
	if err != nil || from < 0 {
		return nil, faultf(wire.Invalid, "%.40q is not the number of a tile", args[0])
	}
	out := []json.RawMessage{}
	for n := from; n < from+mostTiles; n++ {
		tile, err := stub.GetState(tileKey(n))
		if err != nil {
			return nil, err
		}
		if tile == nil {
			break
		}
		out = append(out, tile)
	}
	return out, nil
}

func find(stub shim.ChaincodeStubInterface, args [][]byte) (page wire.Page, err error) {
	if len(args) < 2 || len(args) > 4 {
		return page, faultf(wire.Invalid, "%d arguments, want name and value of a key, perhaps a size of page and a bookmark", len(args))
	}
	size, bookmark := int64(mostFound), ""
	if len(args) > 2 {
		if size, err = strconv.ParseInt(string(args[2]), 10, 32); err != nil || size < 1 || size > mostFound {
			return page, faultf(wire.Invalid, "size of page %.40q, want 1 to %d tiles", args[2], mostFound)
		}
	}
	if len(args) > 3 {
		bookmark = string(args[3])
	}
	short := wire.KeyOf(ledger.Key{Name: string(args[0]), Value: string(args[1])})
	found, meta, err := stub.GetStateByPartialCompositeKeyWithPagination(wire.IndexType, []string{short}, int32(size), bookmark)
	if err != nil {
		return page, err
	}
	defer found.Close()
	page.Indexes = []int64{}
	for found.HasNext() {
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
		for _, place := range kv.GetValue() {
			page.Indexes = append(page.Indexes, tile*wire.TileWidth+int64(place))
		}
	}
	page.Bookmark = meta.GetBookmark()
	return page, nil
}
