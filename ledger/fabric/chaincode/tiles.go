package chaincode

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/hyperledger/fabric-chaincode-go/v2/shim"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/ledger/fabric/internal/tree"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// mostTiles is how many tiles are read at once: 2 MB, and base64.
const mostTiles = 256

func tileKey(level int, n int64) string { return fmt.Sprintf("tile:%d:%08x", level, n) }

func namesKey(n int64) string { return fmt.Sprintf("names:%08x", n) }

// hashes reads the tree of what is sealed from its tiles.
type hashes struct {
	stub shim.ChaincodeStubInterface
	read map[string][]byte // tiles, by their key
}

// ReadHashes implements tlog.HashReader.
func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	if h.read == nil {
		h.read = map[string][]byte{}
	}
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		tile := tlog.TileForIndex(wire.TileHeight, index)
		key := tileKey(tile.L, tile.N)
		data, ok := h.read[key]
		var err error
		if !ok {
			if data, err = h.stub.GetState(key); err != nil {
				return nil, err
			}
			h.read[key] = data
		}
		if out[i], err = tlog.HashFromTile(tile, data, index); err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
	}
	return out, nil
}

// putTiles writes the leaf hashes and names of the records of tile n, and adds
// its hash to the tiles above.
func putTiles(stub shim.ChaincodeStubInterface, n int64, records []wire.Record) error {
	t := tree.New(0, nil)
	var leaves, names []byte
	for _, r := range records {
		leaf, err := hex.DecodeString(r.Hash)
		if err != nil {
			return err
		}
		name, err := hex.DecodeString(r.ID)
		if err != nil {
			return err
		}
		leaves, names = append(leaves, leaf...), append(names, name...)
		if err := t.Add(tlog.Hash(leaf)); err != nil {
			return err
		}
	}
	if err := stub.PutState(namesKey(n), names); err != nil {
		return err
	}
	if err := stub.PutState(tileKey(0, n), leaves); err != nil {
		return err
	}
	for level := 1; ; level++ {
		root, err := t.Root(wire.TileWidth)
		if err != nil {
			return err
		}
		key := tileKey(level, n/wire.TileWidth)
		tile, err := stub.GetState(key)
		if err != nil {
			return err
		}
		if len(tile) != int(n%wire.TileWidth)*tlog.HashSize {
			return fmt.Errorf("%s has %d bytes before hash %d is added", key, len(tile), n)
		}
		tile = append(tile, root[:]...)
		if err := stub.PutState(key, tile); err != nil {
			return err
		}
		if len(tile) < wire.TileWidth*tlog.HashSize {
			return nil
		}
		n /= wire.TileWidth
		t = tree.New(0, nil)
		for at := 0; at < len(tile); at += tlog.HashSize {
			if err := t.Add(tlog.Hash(tile[at : at+tlog.HashSize])); err != nil {
				return err
			}
		}
	}
}

// tiles answers with tiles that are there, as wide as they are.
func tiles(stub shim.ChaincodeStubInterface, args [][]byte) ([][]byte, error) {
	if len(args) == 0 || len(args)%2 != 0 || len(args) > 2*mostTiles {
		return nil, faultf(wire.Invalid, "%d arguments, want level and number of 1 to %d tiles", len(args), mostTiles)
	}
	var out [][]byte
	for ; len(args) > 0; args = args[2:] {
		level, err := number(args[0], 63/wire.TileHeight)
		if err != nil {
			return nil, err
		}
		n, err := number(args[1], 1<<32-1)
		if err != nil {
			return nil, err
		}
		tile, err := stub.GetState(tileKey(int(level), n))
		if err != nil {
			return nil, err
		}
		if tile == nil {
			return nil, faultf(wire.NotFound, "tile %d of level %d is not sealed", n, level)
		}
		out = append(out, tile)
	}
	return out, nil
}

func places(stub shim.ChaincodeStubInterface, ids [][]byte) ([]wire.Place, error) {
	if len(ids) == 0 || len(ids) > MaxRecords {
		return nil, faultf(wire.Invalid, "%d names, want 1 to %d", len(ids), MaxRecords)
	}
	places := make([]wire.Place, len(ids))
	names := names{stub: stub}
	for i, id := range ids {
		var err error
		if places[i], err = placeOf(stub, &names, string(id)); err != nil {
			return nil, err
		}
	}
	return places, nil
}

// placeOf finds a record from the transaction that stored it: it is one of the
// records from the place of that on.
func placeOf(stub shim.ChaincodeStubInterface, names *names, id string) (wire.Place, error) {
	unsealed := wire.Place{Index: -1}
	moments, err := history(stub, [][]byte{[]byte(id)})
	if err != nil || len(moments) == 0 {
		return unsealed, err
	}
	unsealed.Transaction = moments[0].Transaction
	text, err := stub.GetState("place:" + unsealed.Transaction)
	if err != nil || text == nil {
		return unsealed, err
	}
	first, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return unsealed, err
	}
	s, err := sealed(stub)
	if err != nil {
		return unsealed, err
	}
	for index := first; index < min(first+MaxRecords, s.Tiles*wire.TileWidth); index++ {
		name, err := names.at(index)
		if err != nil {
			return unsealed, err
		}
		if name == id {
			return wire.Place{Index: index, Transaction: unsealed.Transaction}, nil
		}
	}
	return unsealed, nil
}

// names finds the names of sealed records.
type names struct {
	stub  shim.ChaincodeStubInterface
	tile  int64 // that was read last
	names []byte
}

func (n *names) at(index int64) (string, error) {
	if tile := index / wire.TileWidth; n.names == nil || n.tile != tile {
		names, err := n.stub.GetState(namesKey(tile))
		if err != nil {
			return "", err
		}
		n.tile, n.names = tile, names
	}
	at := int(index%wire.TileWidth) * sha256.Size
	if len(n.names) < at+sha256.Size {
		return "", faultf(wire.NotFound, "record %d is not sealed", index)
	}
	return hex.EncodeToString(n.names[at : at+sha256.Size]), nil
}
