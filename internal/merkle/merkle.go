// Package merkle has the Merkle trees of RFC 6962, section 2.1, with SHA3-512:
//
//	node        = SHA3-512(0x01 || left || right)
//	root of one = its leaf
//	root of n   = node(root of the first k, root of the rest), k the largest power of two below n
//	root of no leaves = SHA3-512 of nothing
//
// Callers hash their leaves themselves, as SHA3-512(0x00 || ...), so that no
// leaf passes for a node. A root alone does not bind the number of leaves:
// whoever publishes a root publishes the number with it.
package merkle

import (
	"crypto/sha3"
	"errors"
	"math/bits"
	"slices"

	"github.com/mmaudit/mmaudit/internal/keccak"
)

// A Tree computes the root as leaves stream by. It holds one node for each bit
// of their number. The zero value has no leaves.
type Tree[H ~[64]byte] struct {
	n     uint64
	stack []node[H] // perfect subtrees, each lower than the one before
}

// A node is the top of a perfect subtree.
type node[H ~[64]byte] struct {
	hash    H
	level   int        // the subtree has 1<<level leaves
	watched []*Path[H] // of leaves below it
}

// A Path leads from a leaf to the root.
type Path[H ~[64]byte] struct {
	Index  uint64 // of the leaf
	Hashes []H    // siblings, from the leaf upwards
}

// Len is the number of leaves.
func (t *Tree[H]) Len() uint64 { return t.n }

// Push appends a leaf.
func (t *Tree[H]) Push(leaf H) { t.push(node[H]{hash: leaf}) }

// Watch appends a leaf and returns its path, which is complete once Root has
// returned.
func (t *Tree[H]) Watch(leaf H) *Path[H] {
	p := &Path[H]{Index: t.n}
	t.push(node[H]{hash: leaf, watched: []*Path[H]{p}})
	return p
}

// PushAll appends leaves, as Push does. Nodes of one level are hashed side by
// side.
func (t *Tree[H]) PushAll(leaves []H, lanes *keccak.Lanes) {
	for len(leaves) > 0 {
		// The largest perfect subtree that can stand here.
		level := bits.Len(uint(len(leaves))) - 1
		if t.n > 0 {
			level = min(level, bits.TrailingZeros64(t.n))
		}
		size := 1 << level
		t.n += uint64(size) - 1 // push counts one
		t.push(node[H]{hash: perfect(leaves[:size], lanes), level: level})
		leaves = leaves[size:]
	}
}

// perfect is the root of a number of leaves that is a power of two.
func perfect[H ~[64]byte](leaves []H, lanes *keccak.Lanes) H {
	level := slices.Clone(leaves)
	text := make([]byte, len(leaves)/2*nodeSize)
	var messages [][]byte
	for len(level) > 1 {
		messages = messages[:0]
		for i := range len(level) / 2 {
			m := text[i*nodeSize:][:nodeSize]
			appendNode(m[:0], level[2*i], level[2*i+1])
			messages = append(messages, m)
		}
		level = level[:len(level)/2]
		lanes.Sums(messages, func(i int, d [keccak.Size]byte) { level[i] = d })
	}
	return level[0]
}

func (t *Tree[H]) push(n node[H]) {
	t.n++
	for k := len(t.stack); k > 0 && t.stack[k-1].level == n.level; k = len(t.stack) {
		n = join(t.stack[k-1], n)
		t.stack = t.stack[:k-1]
	}
	t.stack = append(t.stack, n)
}

// Root returns the root. The tree takes no more leaves after that.
func (t *Tree[H]) Root() H {
	if t.n == 0 {
		return sha3.Sum512(nil)
	}
	for k := len(t.stack); k > 1; k = len(t.stack) {
		t.stack = append(t.stack[:k-2], join(t.stack[k-2], t.stack[k-1]))
	}
	return t.stack[0].hash
}

// join makes the parent of two nodes and extends the paths that run through them.
func join[H ~[64]byte](l, r node[H]) node[H] {
	for _, p := range l.watched {
		p.Hashes = append(p.Hashes, r.hash)
	}
	for _, p := range r.watched {
		p.Hashes = append(p.Hashes, l.hash)
	}
	return node[H]{parent(l.hash, r.hash), l.level + 1, append(l.watched, r.watched...)}
}

const nodeSize = 1 + 2*keccak.Size

func appendNode[H ~[64]byte](b []byte, l, r H) []byte {
	b = append(b, 1)
	b = append(b, l[:]...)
	return append(b, r[:]...)
}

func parent[H ~[64]byte](l, r H) H {
	return sha3.Sum512(appendNode(make([]byte, 0, nodeSize), l, r))
}

// ErrPath says that a path does not lead from its leaf to the root.
var ErrPath = errors.New("the hashes do not lead from the leaf to the root")

// Check verifies that leaf is number p.Index of the n leaves below root
// (RFC 9162, section 2.1.3.2). A path of any other length than the one that it
// must have fails.
func Check[H ~[64]byte](leaf H, p Path[H], n uint64, root H) error {
	if p.Index >= n {
		return ErrPath
	}
	h, index, last := leaf, p.Index, n-1
	for _, s := range p.Hashes {
		if last == 0 {
			return ErrPath
		}
		if index&1 == 1 || index == last {
			h = parent(s, h)
			// A last node without a sibling moves up until it is a right child.
			if index&1 == 0 {
				k := bits.TrailingZeros64(index)
				index, last = index>>k, last>>k
			}
		} else {
			h = parent(h, s)
		}
		index, last = index>>1, last>>1
	}
	if last != 0 || h != root {
		return ErrPath
	}
	return nil
}
