package fingerprint

import (
	"bufio"
	"context"
	"crypto/sha3"
	"errors"
	"io"

	"github.com/mmaudit/mmaudit/internal/keccak"
)

// A builder makes documents and trees of the rows of a run.
type builder struct {
	o                 *Options
	manifest, listing *bufio.Writer
	digest            *sha3.SHA3 // of the manifest
	line              []byte
	paths, byContent  *tree
	contents          *sorter
	alike             *alike
	res               Result
}

func newBuilder(ctx context.Context, o *Options) (*builder, error) {
	engine, err := keccak.Best()
	if err != nil {
		return nil, err
	}
	b := &builder{
		o: o, digest: sha3.New512(), paths: newTree(engine), byContent: newTree(engine),
		contents: newSorter(ctx, o), alike: newAlike(), res: Result{Status: Complete},
	}
	b.manifest, b.listing = bufferTo(o.Manifest), bufferTo(o.Listing)
	b.line = append(b.line, listingHeader+"\n"...)
	b.listing.Write(b.line) // the writer keeps the first error, for finish
	return b, nil
}

func bufferTo(w io.Writer) *bufio.Writer {
	if w == nil {
		w = io.Discard
	}
	return bufio.NewWriterSize(w, 64<<10)
}

func (b *builder) add(r *row) error {
	e := r.entry()
	if b.o.Listing != nil {
		b.line = append(e.append(b.line[:0]), '\n')
		if _, err := b.listing.Write(b.line); err != nil {
			return err
		}
	}
	b.paths.push(&e.Leaf, appendPathLeaf)
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
	b.res.Tree.Root, b.res.Tree.Leaves = b.paths.root()
	b.res.Tree.Bytes = b.res.Bytes
	if err := eachContent(b.contents, func(l *Leaf, _ string) error {
		b.byContent.push(l, appendContentLeaf)
		return nil
	}); err != nil {
		return nil, err
	}
	b.res.Content = b.res.Tree
	b.res.Content.Root, b.res.Content.Leaves = b.byContent.root()
	b.res.Alike = b.alike.found
	return &b.res, nil
}

func (b *builder) close() { b.contents.close() }
