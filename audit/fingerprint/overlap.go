package fingerprint

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/mmaudit/mmaudit/internal/merkle"
)

// A Source is a data set that was fingerprinted: its listing, and the head of
// its content tree to hold the listing against.
type Source struct {
	Listing io.Reader
	Content Head
}

// A Shared is a content that two data sets have in common.
type Shared struct {
	Digest           Digest
	Size             uint64
	CopiesA, CopiesB uint64
	PathA, PathB     string // the first path on either side
}

// An Overlapping tells what two data sets have in common.
type Overlapping struct {
	Contents       uint64 `json:"contents,string"` // different contents
	FilesA, FilesB uint64 // files that have them, on either side
	Bytes          uint64 `json:"bytes,string"` // sizes of the contents, each once
}

// Overlap finds the contents that two data sets share, such as frames of the
// test split that are in training. Empty files count: they are equal too. each,
// if not nil, is called for every one in the order of digests. Of o, TempDir
// and Memory count.
func Overlap(ctx context.Context, a, b Source, o Options, each func(Shared) error) (*Overlapping, error) {
	o.defaults()
	sa, ha, err := contentsOf(ctx, a.Listing, &o)
	if err != nil {
		return nil, err
	}
	defer sa.close()
	sb, hb, err := contentsOf(ctx, b.Listing, &o)
	if err != nil {
		return nil, err
	}
	defer sb.close()
	next, stop := iter.Pull2(contentSeq(sb))
	defer stop()
	var res Overlapping
	var ta, tb merkle.Tree[Digest]
	var have content
	more := true
	advance := func() (err error) {
		if have, err, more = next(); more && err == nil {
			tb.Push(contentLeaf(&have.leaf))
		}
		return err
	}
	if err := advance(); err != nil {
		return nil, err
	}
	for c, err := range contentSeq(sa) {
		if err != nil {
			return nil, err
		}
		ta.Push(contentLeaf(&c.leaf))
		for more && contentTree.compare(&have.leaf, string(c.leaf.Digest[:])) < 0 {
			if err := advance(); err != nil {
				return nil, err
			}
		}
		if !more || have.leaf.Digest != c.leaf.Digest {
			continue
		}
		res.Contents++
		res.FilesA += c.leaf.Copies
		res.FilesB += have.leaf.Copies
		res.Bytes += c.leaf.Size
		if each != nil {
			if err := each(Shared{c.leaf.Digest, c.leaf.Size, c.leaf.Copies, have.leaf.Copies, c.path, have.path}); err != nil {
				return nil, err
			}
		}
	}
	for more {
		if err := advance(); err != nil {
			return nil, err
		}
	}
	ha.Leaves, ha.Root = ta.Len(), ta.Root()
	hb.Leaves, hb.Root = tb.Len(), tb.Root()
	if err := sameHead(ha, a.Content); err != nil {
		return nil, err
	}
	return &res, sameHead(hb, b.Content)
}

type content struct {
	leaf Leaf
	path string
}

// contentSeq is eachContent as a sequence, which an error ends.
func contentSeq(s *sorter) iter.Seq2[content, error] {
	return func(yield func(content, error) bool) {
		err := eachContent(s, func(l *Leaf, path string) error {
			if !yield(content{*l, path}, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(content{}, err)
		}
	}
}
