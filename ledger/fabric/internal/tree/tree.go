// Package tree keeps the hashes of the newest records of a log (RFC 6962,
// section 2.1), while those of its beginning are elsewhere. Hashes are numbered
// as golang.org/x/mod/sumdb/tlog does it.
package tree

import (
	"fmt"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// A Tree has all hashes that the records from base on brought. It is not safe
// for concurrent use.
type Tree struct {
	base   int64
	below  tlog.HashReader // of the tree of the size base
	size   int64
	hashes []tlog.Hash // from the number StoredHashCount(base) on
}

// New begins with the tree of a size, whose hashes below reads. Of these, Add
// and the root of any size from base on need those of Edge only.
func New(base int64, below tlog.HashReader) *Tree {
	return &Tree{base: base, below: below, size: base}
}

// Base returns the size with which the tree began.
func (t *Tree) Base() int64 { return t.base }

// Size returns the number of records.
func (t *Tree) Size() int64 { return t.size }

// Add adds a record by its leaf hash.
func (t *Tree) Add(leaf tlog.Hash) error {
	hashes, err := tlog.StoredHashesForRecordHash(t.size, leaf, t)
	if err != nil {
		return err
	}
	t.hashes = append(t.hashes, hashes...)
	t.size++
	return nil
}

// Forget begins with a larger tree, of a size up to Size: of the records before
// that, only the edge is left.
func (t *Tree) Forget(base int64) error {
	edge, err := EdgeOf(base, t)
	if err != nil {
		return err
	}
	below, err := edge.Reader(base)
	if err != nil {
		return err
	}
	t.hashes = slices.Clone(t.hashes[tlog.StoredHashCount(base)-tlog.StoredHashCount(t.base):])
	t.base, t.below = base, below
	return nil
}

// ReadHashes implements tlog.HashReader.
func (t *Tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	first := tlog.StoredHashCount(t.base)
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		switch at := index - first; {
		case at >= int64(len(t.hashes)):
			return nil, fmt.Errorf("hash %d is not in the tree of size %d", index, t.size)
		case at >= 0:
			out[i] = t.hashes[at]
		default:
			below, err := t.below.ReadHashes(indexes[i : i+1])
			if err != nil {
				return nil, err
			}
			out[i] = below[0]
		}
	}
	return out, nil
}

// Root returns the hash of the first records, so many. Size is at most Size.
func (t *Tree) Root(size int64) (tlog.Hash, error) { return tlog.TreeHash(size, t) }

// An Edge is the hashes of the largest full subtrees that the tree of a size
// is made of, from the left: all that it takes to go on with the tree.
type Edge []tlog.Hash

// EdgeOf reads the edge of the tree of a size.
func EdgeOf(size int64, r tlog.HashReader) (Edge, error) {
	if size == 0 {
		return Edge{}, nil
	}
	return r.ReadHashes(edge(size))
}

// Reader gives the hashes of the edge of the tree of a size, and no others.
func (e Edge) Reader(size int64) (tlog.HashReader, error) {
	indexes := edge(size)
	if len(indexes) != len(e) {
		return nil, fmt.Errorf("an edge of %d hashes, want %d for size %d", len(e), len(indexes), size)
	}
	known := map[int64]tlog.Hash{}
	for i, index := range indexes {
		known[index] = e[i]
	}
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			h, ok := known[index]
			if !ok {
				return nil, fmt.Errorf("hash %d is not on the edge of the tree of size %d", index, size)
			}
			out[i] = h
		}
		return out, nil
	}), nil
}

// edge numbers the hashes of the edge of the tree of a size.
func edge(size int64) (indexes []int64) {
	for at := int64(0); at < size; {
		level := bits.Len64(uint64(size-at)) - 1
		indexes = append(indexes, tlog.StoredHashIndex(level, at>>level))
		at += 1 << level
	}
	return indexes
}
