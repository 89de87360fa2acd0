package fingerprint

import (
	"bufio"
	"context"
	"crypto/sha3"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/mmaudit/mmaudit/internal/merkle"
)

// A Change says how an entry differs from what was expected.
type Change string

// The ways to differ.
const (
	Changed Change = "changed" // another content, type or target
	Missing Change = "missing" // expected, but not there
	Extra   Change = "extra"   // there, but not expected
)

// A Difference is an entry that is not what was expected.
type Difference struct {
	Path      string
	Change    Change
	Want, Got Digest // zero where there is none

	// Of a file that was compared by its chunks: the bytes From to To of the
	// first chunk that differs, To not included, and how many do. Got is zero.
	From, To, Chunks uint64
}

// maxDifferences is the number of differences that are listed. All are counted.
const maxDifferences = 1000

// A Comparison holds a root against a document.
type Comparison struct {
	Same, Changed, Missing, Extra uint64
	First                         []Difference // in the order of paths
	Cached                        uint64       // files that were not read in this run, or not whole
	ByChunks                      uint64       // files compared by Options.Known, not by their whole digests

	// What the document says, for whoever trusts a fingerprint and not the
	// document: equal to Result.Manifest and Result.Tree, or it is of other data.
	Manifest Digest // of the files that it lists
	Tree     Head   // of a listing; zero for a manifest, which has no sizes
}

// OK reports whether nothing differs.
func (c *Comparison) OK() bool { return c.Changed+c.Missing+c.Extra == 0 }

// Check reads root again and holds it against a document: a manifest,
// also one that openssl dgst -r wrote, in any order; or a listing. A manifest
// says nothing of symbolic links; they are compared with a listing only. What
// cannot be read, or changes meanwhile, is an error, AllowUnreadable or not.
func Check(ctx context.Context, root string, document io.Reader, o Options) (*Comparison, error) {
	o.AllowUnreadable = false
	r, err := newRun(ctx, root, &o)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if o.Known != nil {
		if err := r.openKnown(ctx); err != nil {
			return nil, err
		}
	}
	in := bufio.NewReader(document)
	first, err := in.Peek(1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	c := &comparer{links: string(first) == "{", manifest: sha3.New512()}
	wanted := Entries(in)
	if !c.links {
		s := newSorter(ctx, &o)
		defer s.close()
		if err := readManifest(in, s); err != nil {
			return nil, err
		}
		wanted = manifestEntries(s)
	}
	var stop func()
	c.next, stop = iter.Pull2(wanted)
	defer stop()
	if err := c.advance(); err != nil {
		return nil, err
	}
	if err := r.rows(ctx, c.add); err != nil {
		return nil, err
	}
	for c.more {
		if err := c.miss(); err != nil {
			return nil, err
		}
	}
	return c.finish(), nil
}

// manifestEntries yields the files of a manifest in order.
func manifestEntries(s *sorter) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		prev := ""
		for p, err := range s.seq() {
			var e Entry
			if err == nil {
				e.Path, e.Type, e.Digest = string(p.key), TypeFile, Digest(p.val)
				if e.Path == prev {
					err = fmt.Errorf("manifest: %q stands in it twice", prev)
				}
			}
			if !yield(e, err) || err != nil {
				return
			}
			prev = e.Path
		}
	}
}

// A comparer merges what is expected with what is there.
type comparer struct {
	links bool // symbolic links count
	next  func() (Entry, error, bool)
	want  Entry
	more  bool
	res   Comparison

	manifest *sha3.SHA3 // of what was expected so far
	line     []byte
	tree     merkle.Tree[Digest] // likewise, in a listing
}

func (c *comparer) advance() (err error) {
	if c.want, err, c.more = c.next(); err != nil || !c.more {
		return err
	}
	switch c.want.Type {
	case TypeFile:
		c.line = appendManifestLine(c.line[:0], c.want.Digest, c.want.Path)
		c.manifest.Write(c.line)
		c.res.Tree.Bytes += c.want.Size
	case TypeUnreadable:
		c.res.Tree.Unreadable++
	}
	if c.links {
		c.tree.Push(pathLeaf(&c.want.Leaf))
	}
	return nil
}

func (c *comparer) finish() *Comparison {
	c.res.Manifest = Digest(c.manifest.Sum(nil))
	if c.links {
		c.res.Tree.Leaves, c.res.Tree.Root = c.tree.Len(), c.tree.Root()
	}
	return &c.res
}

func (c *comparer) differ(d Difference, count *uint64) {
	*count++
	if len(c.res.First) < maxDifferences {
		c.res.First = append(c.res.First, d)
	}
}

// miss notes that what is expected next is not there.
func (c *comparer) miss() error {
	c.differ(Difference{Path: c.want.Path, Change: Missing, Want: c.want.Digest}, &c.res.Missing)
	return c.advance()
}

func (c *comparer) add(r *row) error {
	l := r.leaf()
	if r.cached {
		c.res.Cached++
	}
	for c.more && c.want.Path < l.Path {
		if err := c.miss(); err != nil {
			return err
		}
	}
	if r.byChunks {
		return c.addChunked(r)
	}
	switch {
	case c.more && c.want.Path == l.Path:
		// A manifest has no sizes; an equal digest leaves no room for another.
		if c.want.Type == l.Type && c.want.Digest == l.Digest {
			c.res.Same++
		} else {
			c.differ(Difference{Path: l.Path, Change: Changed, Want: c.want.Digest, Got: l.Digest}, &c.res.Changed)
		}
		return c.advance()
	case l.Type == TypeFile || c.links:
		c.differ(Difference{Path: l.Path, Change: Extra, Got: l.Digest}, &c.res.Extra)
	}
	return nil
}

// addChunked is add for a file whose chunks were held against a list, in which
// stands the digest of the file that the list was made of.
func (c *comparer) addChunked(r *row) error {
	if !c.more || c.want.Path != r.path || c.want.Digest != r.digest {
		return fmt.Errorf("%w: %q", ErrOtherChunks, r.path)
	}
	c.res.ByChunks++
	if r.note == "" {
		c.res.Same++
		return c.advance()
	}
	s, err := parseSpan(r.note)
	if err != nil {
		return err
	}
	c.differ(Difference{Path: r.path, Change: Changed, Want: r.digest, From: s.from, To: s.to, Chunks: s.count}, &c.res.Changed)
	return c.advance()
}
