package fingerprint

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mmaudit/mmaudit/internal/merkle"
)

// A Head names one tree. It is what a record signs, and what a proof is
// checked against: the number of leaves is as much part of it as the root.
type Head struct {
	Root       Digest `json:"root"`
	Leaves     uint64 `json:"leaves,string"`
	Bytes      uint64 `json:"bytes,string"`      // sizes of all files, copies included
	Unreadable uint64 `json:"unreadable,string"` // entries that could not be read
}

// A treeKind tells the two trees of a fingerprint apart.
type treeKind string

const (
	pathTree    treeKind = "path"
	contentTree treeKind = "content"
)

func (k treeKind) leafHash(l *Leaf) Digest {
	if k == contentTree {
		return contentLeaf(l)
	}
	return pathLeaf(l)
}

// compare orders a leaf and a key as the leaves of the tree are ordered.
func (k treeKind) compare(l *Leaf, key string) int {
	if k == contentTree {
		return bytes.Compare(l.Digest[:], []byte(key))
	}
	return strings.Compare(l.Path, key)
}

// A Witness is a leaf with the hashes that lead from it to the root.
type Witness struct {
	Leaf   Leaf
	Index  uint64   // number of the leaf in its tree
	Hashes []Digest // siblings from the leaf up
}

// A Proof shows that a tree has a leaf, or that it has none with some key: then
// it holds the two leaves between which the key would lie, one of them nil at
// either end of the tree, both in a tree without leaves.
type Proof struct {
	kind          treeKind
	Found         *Witness
	Before, After *Witness
}

const proofFormat = "auditlog/proof/v1"

// Errors of verification.
var (
	ErrProof   = errors.New("proof does not hold")
	ErrPartial = errors.New("absence cannot be proved: some entries could not be read")
)

// VerifyPath verifies what the proof says of path below head: nil means that
// the file is there, as p.Found.Leaf describes it, or that it is not, if
// p.Found is nil. A path that is absent as a leaf may still be a folder.
func (p *Proof) VerifyPath(head Head, path string) error {
	return p.verify(pathTree, head, path)
}

// VerifyContent verifies what the proof says of a file with this digest.
func (p *Proof) VerifyContent(head Head, d Digest) error {
	return p.verify(contentTree, head, string(d[:]))
}

func (p *Proof) verify(kind treeKind, head Head, key string) error {
	if p.kind != kind {
		return fmt.Errorf("%w: it is about the %s tree", ErrProof, p.kind)
	}
	check := func(w *Witness) error {
		if err := merkle.Check(kind.leafHash(&w.Leaf), merkle.Path[Digest]{Index: w.Index, Hashes: w.Hashes}, head.Leaves, head.Root); err != nil {
			return fmt.Errorf("%w: leaf %d: %w", ErrProof, w.Index, err)
		}
		return nil
	}
	if p.Found != nil {
		if p.Before != nil || p.After != nil {
			return fmt.Errorf("%w: it says both present and absent", ErrProof)
		}
		if kind.compare(&p.Found.Leaf, key) != 0 {
			return fmt.Errorf("%w: it is about another leaf", ErrProof)
		}
		return check(p.Found)
	}
	if head.Unreadable > 0 {
		return ErrPartial
	}
	if p.Before == nil && p.After == nil {
		if head.Leaves != 0 || head.Root != sum(nil) {
			return fmt.Errorf("%w: the tree is not empty", ErrProof)
		}
		return nil
	}
	next := uint64(0) // index of the leaf behind the gap
	if b := p.Before; b != nil {
		if kind.compare(&b.Leaf, key) >= 0 {
			return fmt.Errorf("%w: the leaf before does not come before", ErrProof)
		}
		if err := check(b); err != nil {
			return err
		}
		next = b.Index + 1
	}
	if a := p.After; a != nil {
		if kind.compare(&a.Leaf, key) <= 0 {
			return fmt.Errorf("%w: the leaf after does not come after", ErrProof)
		}
		if a.Index != next {
			return fmt.Errorf("%w: the leaves are not neighbours", ErrProof)
		}
		return check(a)
	}
	if next != head.Leaves {
		return fmt.Errorf("%w: the leaf before is not the last", ErrProof)
	}
	return nil
}

// Marshal writes the proof in its only form, one line of JSON without line feed.
func (p *Proof) Marshal() []byte {
	b := fmt.Appendf(nil, `{"format":"%s","tree":"%s"`, proofFormat, p.kind)
	for _, m := range [...]struct {
		name string
		w    *Witness
	}{{"found", p.Found}, {"before", p.Before}, {"after", p.After}} {
		if m.w == nil {
			continue
		}
		b = append(b, `,"`+m.name+`":{"leaf":`...)
		b = m.w.Leaf.append(b, p.kind)
		b = appendUint(b, "index", m.w.Index)
		b = append(b, `,"hashes":[`...)
		for i, h := range m.w.Hashes {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), h.String()...), '"')
		}
		b = append(b, "]}"...)
	}
	return append(b, '}')
}

type wireWitness struct {
	Leaf   wireLeaf `json:"leaf"`
	Index  string   `json:"index"`
	Hashes []Digest `json:"hashes"`
}

type wireProof struct {
	Format string       `json:"format"`
	Tree   treeKind     `json:"tree"`
	Found  *wireWitness `json:"found"`
	Before *wireWitness `json:"before"`
	After  *wireWitness `json:"after"`
}

// maxProof bounds a proof that is read: two leaves with the longest paths and
// 64 hashes each, three times over.
const maxProof = 1 << 20

// ParseProof reads what Marshal wrote, and nothing else.
func ParseProof(data []byte) (*Proof, error) {
	p := new(Proof)
	if len(data) > maxProof {
		return nil, fmt.Errorf("proof: %d bytes are too many", len(data))
	}
	err := decodeCanonical(data, new(wireProof), func(b []byte, w *wireProof) (_ []byte, err error) {
		if w.Format != proofFormat || w.Tree != pathTree && w.Tree != contentTree {
			return nil, fmt.Errorf("unknown format %q of tree %q", w.Format, w.Tree)
		}
		p.kind = w.Tree
		for _, m := range [...]struct {
			from *wireWitness
			to   **Witness
		}{{w.Found, &p.Found}, {w.Before, &p.Before}, {w.After, &p.After}} {
			if m.from == nil {
				continue
			}
			leaf, err := m.from.Leaf.leaf(w.Tree)
			if err != nil {
				return nil, err
			}
			index, err := strconv.ParseUint(m.from.Index, 10, 64)
			if err != nil {
				return nil, err
			}
			*m.to = &Witness{leaf, index, m.from.Hashes}
		}
		return append(b, p.Marshal()...), nil
	})
	if err != nil {
		return nil, fmt.Errorf("proof: %w", err)
	}
	return p, nil
}
