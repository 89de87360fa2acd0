package fingerprint

import (
	"context"
	"io"

	"github.com/mmaudit/mmaudit/internal/merkle"
)

// A prover watches the leaves of a tree stream by and keeps what proves that
// one with a given key is among them, or is not.
type prover struct {
	kind   treeKind
	key    string
	tree   merkle.Tree[Digest]
	held   *Leaf // the last leaf, not yet in the tree: it may turn out a neighbour
	proof  *Proof
	paths  map[*Witness]*merkle.Path[Digest]
	passed bool // a leaf at or behind the key was seen
}

func newProver(kind treeKind, key string) *prover {
	return &prover{kind: kind, key: key, proof: &Proof{kind: kind}, paths: map[*Witness]*merkle.Path[Digest]{}}
}

func (p *prover) add(l Leaf) {
	var before, after *Witness
	if !p.passed {
		switch c := p.kind.compare(&l, p.key); {
		case c == 0:
			p.passed = true
			after = &Witness{Leaf: l}
			p.proof.Found = after
		case c > 0:
			p.passed = true
			if p.held != nil {
				before = &Witness{Leaf: *p.held}
			}
			after = &Witness{Leaf: l}
			p.proof.Before, p.proof.After = before, after
		}
	}
	p.flush(before)
	if after != nil {
		p.push(&l, after)
		return
	}
	p.held = &l
}

// push puts a leaf into the tree; w, if not nil, will have its path.
func (p *prover) push(l *Leaf, w *Witness) {
	if h := p.kind.leafHash(l); w == nil {
		p.tree.Push(h)
	} else {
		p.paths[w] = p.tree.Watch(h)
	}
}

// flush pushes the leaf that is held.
func (p *prover) flush(w *Witness) {
	if p.held != nil {
		p.push(p.held, w)
		p.held = nil
	}
}

// finish completes the proof and the head that it belongs to.
func (p *prover) finish(head Head) (*Proof, Head) {
	if !p.passed && p.held != nil {
		p.proof.Before = &Witness{Leaf: *p.held}
		p.flush(p.proof.Before)
	}
	p.flush(nil)
	head.Leaves, head.Root = p.tree.Len(), p.tree.Root()
	for w, path := range p.paths {
		w.Index, w.Hashes = path.Index, path.Hashes
	}
	return p.proof, head
}

// Prove reads the listing once and proves whether path is a leaf of the tree
// that head names. It fails with ErrListing if the listing is of another tree,
// and with ErrPartial if path is absent and some entries could not be read.
func Prove(ctx context.Context, listing io.Reader, head Head, path string) (*Proof, error) {
	p := newProver(pathTree, path)
	var got Head
	for e, err := range Entries(listing) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		switch e.Type {
		case TypeUnreadable:
			got.Unreadable++
		case TypeFile:
			got.Bytes += e.Size
		}
		p.add(e.Leaf)
	}
	proof, got := p.finish(got)
	if err := sameHead(got, head); err != nil {
		return nil, err
	}
	return proof, proof.VerifyPath(head, path)
}

// ProveContent does for the content tree and a digest what Prove does for the
// path tree and a path. It sorts the listing anew: of o, TempDir and Memory count.
func ProveContent(ctx context.Context, listing io.Reader, head Head, d Digest, o Options) (*Proof, error) {
	o.defaults()
	s, got, err := contentsOf(ctx, listing, &o)
	if err != nil {
		return nil, err
	}
	defer s.close()
	p := newProver(contentTree, string(d[:]))
	if err := eachContent(s, func(l *Leaf, _ string) error {
		p.add(*l)
		return nil
	}); err != nil {
		return nil, err
	}
	proof, got := p.finish(got)
	if err := sameHead(got, head); err != nil {
		return nil, err
	}
	return proof, proof.VerifyContent(head, d)
}
