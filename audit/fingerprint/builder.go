package fingerprint

import (
	"bufio"
	"context"
	"crypto/sha3"
	"errors"
	"io"

	"github.com/mmaudit/mmaudit/internal/merkle"
)

// A builder makes documents and trees of the rows of a run.
type builder struct {
	o                 *Options
	manifest, listing *bufio.Writer
	digest            *sha3.SHA3 // of the manifest
	line              []byte
	paths             merkle.Tree[Digest]
	contents          *sorter
	alike             *alike
	res               Result
}

func newBuilder(ctx context.Context, o *Options) *builder {
	b := &builder{o: o, digest: sha3.New512(), contents: newSorter(ctx, o), alike: newAlike(), res: Result{Status: Complete}}
	b.manifest, b.listing = bufferTo(o.Manifest), bufferTo(o.Listing)
	b.line = append(b.line, listingHeader+"\n"...)
	b.listing.Write(b.line) // the writer keeps the first error, for finish
	return b
}

func bufferTo(w io.Writer) *bufio.Writer {
	if w == nil {
		w = io.Discard
	}
	return bufio.NewWriterSize(w, 64<<10)
}

func (b *builder) add(r *row) error {
	e := r.entry()
	b.line = append(e.append(b.line[:0]), '\n')
	if _, err := b.listing.Write(b.line); err != nil {
		return err
	}
	b.paths.Push(pathLeaf(&e.Leaf))
	b.alike.add(e.Path)
	switch e.Type {
	case TypeSymlink:
		b.res.Symlinks++
	case TypeUnreadable:
		b.res.Tree.Unreadable++
	case TypeFile:
		b.res.Files++
		b.res.Bytes += e.Size
		if r.stat.links > 1 {
			b.res.HardLinks++
		}
		if r.cached {
			b.res.Cached++
		}
		b.line = appendManifestLine(b.line[:0], e.Digest, e.Path)
		b.digest.Write(b.line)
		if _, err := b.manifest.Write(b.line); err != nil {
			return err
		}
		return addContent(b.contents, &e.Leaf)
	}
	return nil
}

func (b *builder) finish() (*Result, error) {
	if err := errors.Join(b.manifest.Flush(), b.listing.Flush()); err != nil {
		return nil, err
	}
	b.res.Manifest = Digest(b.digest.Sum(nil))
	b.res.Tree.Leaves = b.paths.Len()
	b.res.Tree.Bytes = b.res.Bytes
	b.res.Tree.Root = b.paths.Root()
	var contents merkle.Tree[Digest]
	if err := eachContent(b.contents, func(l *Leaf, _ string) error {
		contents.Push(contentLeaf(l))
		return nil
	}); err != nil {
		return nil, err
	}
	b.res.Content = b.res.Tree
	b.res.Content.Leaves, b.res.Content.Root = contents.Len(), contents.Root()
	b.res.Alike = b.alike.found
	return &b.res, nil
}

func (b *builder) close() { b.contents.close() }
