package tlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"strings"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
)

// Shapes of C2SP tlog-tiles.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// tilePath names a tile, or with L = -1 a bundle, by the scheme of C2SP: that of
// sumdb without the height, and with "entries" for "data".
func tilePath(t sumdb.Tile) string {
	p := strings.TrimPrefix(t.Path(), "tile/8/")
	if rest, ok := strings.CutPrefix(p, "data/"); ok {
		p = "entries/" + rest
	}
	return "tile/" + p
}

// tileOf is the n-th tile of a level in the tree of a size, as wide as it is there.
func tileOf(level int, n, size int64) sumdb.Tile {
	if level > 0 {
		size >>= tileHeight * level
	}
	return sumdb.Tile{H: tileHeight, L: level, N: n, W: int(min(tileWidth, size-n*tileWidth))}
}

// bundleOf is the n-th bundle of entries in the tree of a size.
func bundleOf(n, size int64) sumdb.Tile { return tileOf(-1, n, size) }

// tileReader reads hash tiles for sumdb, which checks them.
type tileReader struct{ l *Log }

func (r tileReader) Height() int                      { return tileHeight }
func (r tileReader) SaveTiles([]sumdb.Tile, [][]byte) {}
func (r tileReader) ReadTiles(tiles []sumdb.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, t := range tiles {
		b, err := durable.ReadFile(r.l.path(tilePath(t)))
		if err != nil {
			return nil, err
		}
		if len(b) != t.W*sumdb.HashSize {
			return nil, corrupt(r.l.path(tilePath(t)), "has %d bytes, want %d", len(b), t.W*sumdb.HashSize)
		}
		data[i] = b
	}
	return data, nil
}

// tree reads hashes of the tree of a head, each checked against its root.
type tree struct {
	l    *Log
	head ledger.Head
}

func (t tree) ReadHashes(indexes []int64) ([]ledger.Hash, error) {
	if t.head.Size == 0 { // sumdb would panic
		if len(indexes) > 0 {
			return nil, ledger.ErrNotFound
		}
		return nil, nil
	}
	hs, err := sumdb.TileHashReader(sumdb.Tree{N: t.head.Size, Hash: t.head.Root}, tileReader{t.l}).ReadHashes(indexes)
	if file := (*fs.PathError)(nil); err != nil && !errors.As(err, &file) && !errors.Is(err, ledger.ErrCorrupt) {
		err = corrupt(t.l.path("tile"), "tiles do not hash to the root that was signed for %d records", t.head.Size)
	}
	return hs, err
}

// leaves returns the leaf hashes of entries [from, to).
func (t tree) leaves(from, to int64) ([]ledger.Hash, error) {
	indexes := make([]int64, 0, to-from)
	for i := from; i < to; i++ {
		indexes = append(indexes, sumdb.StoredHashIndex(0, i))
	}
	return t.ReadHashes(indexes)
}

// frontier lists the storage indexes of the hashes from which the tree of a
// size goes on: its complete subtrees, and what the partial tiles of its right
// edge hold.
func frontier(size int64) []int64 {
	var indexes []int64
	for lo := int64(0); lo < size; {
		k := bits.Len64(uint64(size-lo)) - 1
		indexes = append(indexes, sumdb.StoredHashIndex(k, lo>>k))
		lo += 1 << k
	}
	for level := 0; size>>(tileHeight*level) > 0; level++ {
		n := size >> (tileHeight * level)
		for i := n &^ (tileWidth - 1); i < n; i++ {
			indexes = append(indexes, sumdb.StoredHashIndex(tileHeight*level, i))
		}
	}
	return indexes
}

// overlay is the frontier of a tree with the hashes of new records on top.
type overlay map[int64]ledger.Hash

// grow loads the frontier, which checks every tile that an append continues.
func (t tree) grow() (overlay, error) {
	indexes := frontier(t.head.Size)
	hs, err := t.ReadHashes(indexes)
	if err != nil {
		return nil, err
	}
	o := overlay{}
	for i, x := range indexes {
		o[x] = hs[i]
	}
	return o, nil
}

func (o overlay) ReadHashes(indexes []int64) ([]ledger.Hash, error) {
	hs := make([]ledger.Hash, len(indexes))
	for i, x := range indexes {
		h, ok := o[x]
		if !ok {
			return nil, fmt.Errorf("hash %d is not at the frontier", x)
		}
		hs[i] = h
	}
	return hs, nil
}

// add appends a record to the tree as its n-th.
func (o overlay) add(n int64, record []byte) error {
	hs, err := sumdb.StoredHashes(n, record, o)
	if err != nil {
		return err
	}
	for i, h := range hs {
		o[sumdb.StoredHashIndex(0, n)+int64(i)] = h
	}
	return nil
}

// appendEntry adds a record to a bundle.
func appendEntry(bundle, record []byte) []byte {
	return append(binary.BigEndian.AppendUint16(bundle, uint16(len(record))), record...)
}

// splitBundle adds the n records of a bundle, as parts of it, to an empty slice.
func splitBundle(records [][]byte, bundle []byte, n int) ([][]byte, error) {
	for i := range n {
		if len(bundle) < 2 {
			return nil, fmt.Errorf("is torn: ends in the length of record %d of %d", i+1, n)
		}
		size := int(binary.BigEndian.Uint16(bundle))
		if len(bundle)-2 < size {
			return nil, fmt.Errorf("is torn: ends in record %d of %d", i+1, n)
		}
		records, bundle = append(records, bundle[2:2+size:2+size]), bundle[2+size:]
	}
	if len(bundle) > 0 {
		return nil, fmt.Errorf("has %d bytes after record %d, its last", len(bundle), n)
	}
	return records, nil
}

// bundle reads the records of a bundle, unchecked.
func (l *Log) bundle(t sumdb.Tile) ([][]byte, error) {
	name := l.path(tilePath(t))
	data, err := durable.ReadFile(name)
	if err != nil {
		return nil, err
	}
	records, err := splitBundle(make([][]byte, 0, t.W), data, t.W)
	if err != nil {
		return nil, corrupt(name, "%v", err)
	}
	return records, nil
}

// checked reads a bundle of the tree and holds its records against their leaf hashes.
func (t tree) checked(n int64) ([][]byte, error) {
	b := bundleOf(n, t.head.Size)
	records, err := t.l.bundle(b)
	if err != nil {
		return nil, err
	}
	leaves, err := t.leaves(n*tileWidth, n*tileWidth+int64(b.W))
	if err != nil {
		return nil, err
	}
	for i, r := range records {
		if err := t.isLeaf(r, leaves[i], n*tileWidth+int64(i)); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// last is checked for the partial bundle at the end, by hashes at hand.
func (t tree) last(o overlay) ([][]byte, error) {
	n := t.head.Size / tileWidth
	records, err := t.l.bundle(bundleOf(n, t.head.Size))
	for i := 0; err == nil && i < len(records); i++ {
		index := n*tileWidth + int64(i)
		err = t.isLeaf(records[i], o[sumdb.StoredHashIndex(0, index)], index)
	}
	return records, err
}

func (t tree) isLeaf(record []byte, leaf ledger.Hash, index int64) error {
	if ledger.RecordHash(record) != leaf {
		return &damage{ledger.ErrCorrupt, t.l.path(tilePath(bundleOf(index/tileWidth, t.head.Size))), index, fmt.Sprintf("record %d is not the one that was signed", index)}
	}
	return nil
}
