package fingerprint

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// A Type says what a leaf of the path tree stands for.
type Type string

// The types of leaves.
const (
	File       Type = "file"       // a regular file
	Symlink    Type = "symlink"    // a symbolic link; size and digest are those of its target's text
	Unreadable Type = "unreadable" // a file or folder that could not be read; digest and size are zero
)

// code is the byte that stands for a type in leaves and rows.
func (t Type) code() byte {
	switch t {
	case File:
		return 'f'
	case Symlink:
		return 'l'
	case Unreadable:
		return 'u'
	}
	return 0
}

// The domains of the two kinds of leaves.
const (
	pathDomain    = "auditlog/file/v1"
	contentDomain = "auditlog/content/v1"
)

// pathLeaf is the hash of a leaf of the path tree:
//
//	SHA3-512(0x00 || "auditlog/file/v1" || type || uvarint(len path) || path || u64be size || digest)
func pathLeaf(l *Leaf) Digest {
	b := make([]byte, 0, 192+len(l.Path))
	b = append(b, 0)
	b = append(b, pathDomain...)
	b = append(b, l.Type.code())
	b = binary.AppendUvarint(b, uint64(len(l.Path)))
	b = append(b, l.Path...)
	b = binary.BigEndian.AppendUint64(b, l.Size)
	return sum(append(b, l.Digest[:]...))
}

// contentLeaf is the hash of a leaf of the content tree:
//
//	SHA3-512(0x00 || "auditlog/content/v1" || digest || u64be size || u64be copies)
func contentLeaf(l *Leaf) Digest {
	b := make([]byte, 0, 128)
	b = append(b, 0)
	b = append(b, contentDomain...)
	b = append(b, l.Digest[:]...)
	b = binary.BigEndian.AppendUint64(b, l.Size)
	return sum(binary.BigEndian.AppendUint64(b, l.Copies))
}

// nodeHash is SHA3-512(0x01 || left || right), RFC 6962 section 2.1.
func nodeHash(l, r Digest) Digest {
	var b [1 + 2*len(l)]byte
	b[0] = 1
	copy(b[1:], l[:])
	copy(b[1+len(l):], r[:])
	return sum(b[:])
}

// A tree computes the root of a Merkle tree as its leaves stream by. It holds
// one node for each bit of their number.
type tree struct {
	n     uint64
	stack []node // perfect subtrees, each lower than the one before
}

type node struct {
	hash    Digest
	level   int        // the subtree has 1<<level leaves
	watched []*Witness // leaves below it whose paths are wanted
}

// push appends a leaf. If w is not nil, its index is set now, and its hashes
// are complete once root has returned.
func (t *tree) push(h Digest, w *Witness) {
	n := node{hash: h}
	if w != nil {
		w.Index = t.n
		n.watched = []*Witness{w}
	}
	t.n++
	for k := len(t.stack); k > 0 && t.stack[k-1].level == n.level; k = len(t.stack) {
		n = join(t.stack[k-1], n)
		t.stack = t.stack[:k-1]
	}
	t.stack = append(t.stack, n)
}

// root returns the root of the leaves pushed, after which the tree must not be
// used again. The root of no leaves is SHA3-512 of nothing.
func (t *tree) root() Digest {
	if t.n == 0 {
		return sum(nil)
	}
	top := t.stack[len(t.stack)-1]
	for i := len(t.stack) - 2; i >= 0; i-- {
		top = join(t.stack[i], top)
	}
	return top.hash
}

// join makes the parent of two nodes and extends the paths that run through them.
func join(l, r node) node {
	for _, w := range l.watched {
		w.Hashes = append(w.Hashes, r.hash)
	}
	for _, w := range r.watched {
		w.Hashes = append(w.Hashes, l.hash)
	}
	watched := l.watched
	if len(r.watched) > 0 {
		watched = append(watched, r.watched...)
	}
	return node{nodeHash(l.hash, r.hash), l.level + 1, watched}
}

var errPath = errors.New("the hashes do not lead from the leaf to the root")

// checkPath verifies that leaf is number index of the n leaves below root
// (RFC 9162 section 2.1.3.2).
func checkPath(leaf Digest, index, n uint64, hashes []Digest, root Digest) error {
	if index >= n {
		return errPath
	}
	h, last := leaf, n-1
	for _, p := range hashes {
		if last == 0 {
			return errPath
		}
		if index&1 == 1 || index == last {
			h = nodeHash(p, h)
			// A last node without a sibling moves up until it is a right child.
			if index&1 == 0 {
				k := bits.TrailingZeros64(index)
				index, last = index>>k, last>>k
			}
		} else {
			h = nodeHash(h, p)
		}
		index, last = index>>1, last>>1
	}
	if last != 0 || h != root {
		return errPath
	}
	return nil
}
