//go:build unix

package fingerprint

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"iter"
)

// listChunks has emit write the list of chunks too. finish must be called when
// there are no more rows.
func (r *run) listChunks(emit func(*row) error) (both func(*row) error, finish func() error) {
	w := bufio.NewWriterSize(r.o.Chunks, 64<<10)
	w.WriteString(ChunkFormat + "\n") // the writer keeps the first error
	var sums *finding
	var line []byte
	both = func(f *row) error {
		if err := emit(f); err != nil || f.kind != 'f' || f.trouble != none || !r.chunked(f.stat) {
			return err
		}
		if sums == nil { // all files are read
			sums = newFinding(newest(r.chunkSums.seq()))
		}
		for offset := uint64(0); offset < f.stat.size; offset += r.o.sizes.chunk {
			d, err := sums.find(chunkKey(f.path, offset))
			if err != nil {
				return err
			}
			c := Chunk{Digest(d), offset, min(f.stat.size-offset, r.o.sizes.chunk), f.digest, f.path}
			line = c.append(line[:0])
			w.Write(line)
		}
		return nil
	}
	return both, func() error {
		sums.stop()
		return w.Flush()
	}
}

// newest yields the last of the pairs of each key.
func newest(all iter.Seq2[pair, error]) iter.Seq2[pair, error] {
	return func(yield func(pair, error) bool) {
		var last pair
		for p, err := range all {
			if err != nil {
				yield(pair{}, err)
				return
			}
			if last.key != nil && !bytes.Equal(last.key, p.key) && !yield(last, nil) {
				return
			}
			last = pair{append(last.key[:0], p.key...), append(last.val[:0], p.val...)}
		}
		if last.key != nil {
			yield(last, nil)
		}
	}
}

// A finding looks for keys in what is sorted by them, each further on.
type finding struct {
	next func() (pair, error, bool)
	end  func()
	at   pair
	err  error
	more bool
}

func newFinding(all iter.Seq2[pair, error]) *finding {
	c := new(finding)
	c.next, c.end = iter.Pull2(all)
	c.at, c.err, c.more = c.next()
	return c
}

var errNoKey = errors.New("not found where it must be")

// find returns the value of a key, valid until the next call; errNoKey if there
// is none.
func (c *finding) find(key []byte) ([]byte, error) {
	for c.err == nil && c.more && bytes.Compare(c.at.key, key) < 0 {
		c.at, c.err, c.more = c.next()
	}
	switch {
	case c.err != nil:
		return nil, c.err
	case c.more && bytes.Equal(c.at.key, key):
		return c.at.val, nil
	}
	return nil, errNoKey
}

func (c *finding) stop() {
	if c != nil {
		c.end()
	}
}

// known are the chunks that files are compared by.
type known struct {
	files  *sorter // by path: size and digest
	chunks *sorter // by chunkKey: digest
}

func (k *known) close() {
	k.files.close()
	k.chunks.close()
}

// openKnown reads the list of chunks.
func (r *run) openKnown(ctx context.Context) error {
	r.known = &known{newSorter(ctx, r.o), newSorter(ctx, r.o)}
	var last Chunk
	flush := func() error {
		if last.Path == "" {
			return nil
		}
		return r.known.files.add([]byte(last.Path), fileOf(last.Offset+last.Length, last.File))
	}
	for c, err := range chunks(r.o.Known, r.o.sizes.chunk) {
		if err == nil && c.Path != last.Path {
			err = flush()
		}
		if err == nil {
			err = r.known.chunks.add(chunkKey(c.Path, c.Offset), c.Digest[:])
		}
		if err != nil {
			return err
		}
		last = c
	}
	return flush()
}

// finder tells which rows are compared by chunks; they come in order. A nil
// known has none.
func (r *run) finder() *finder {
	if r.known == nil || r.o.SHA256 {
		return &finder{}
	}
	return &finder{r, newFinding(r.known.files.seq())}
}

type finder struct {
	*run
	files *finding
}

// has reports whether f is compared by chunks, and then gives it the digest that
// the whole file had.
func (k *finder) has(f *row) (bool, error) {
	if k.files == nil || !k.chunked(f.stat) {
		return false, nil
	}
	val, err := k.files.find([]byte(f.path))
	if errors.Is(err, errNoKey) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	size, digest, err := parseFile(val)
	if err != nil || size != f.stat.size {
		return false, err
	}
	f.digest = digest
	return true, nil
}

func (k *finder) stop() { k.files.stop() }

// readChunks reads the files that are compared by their chunks. Each chunk is a
// piece of work by itself: those of one file are hashed side by side, and by all
// processors. What it puts into out says where a file differs.
func (r *run) readChunks(ctx context.Context, found, out *sorter) error {
	read := newSorter(ctx, r.o)
	defer read.close()
	files := r.unread(found, nil, func(f *row) (bool, error) { return f.byChunks, nil })
	if err := r.read(ctx, int64(r.known.chunks.total), func(yield func(row, error) bool) {
		for f, err := range files {
			if err != nil {
				yield(row{}, err)
				return
			}
			for offset := uint64(0); offset < f.stat.size; offset += r.o.sizes.chunk {
				f.piece = &piece{offset, min(f.stat.size-offset, r.o.sizes.chunk)}
				if !yield(f, nil) {
					return
				}
			}
		}
	}, func(_ stat, f *row) error {
		return read.add(chunkKey(f.path, f.piece.offset), f.append(nil))
	}); err != nil {
		return err
	}
	got, want := newFinding(read.seq()), newFinding(r.known.chunks.seq())
	defer got.stop()
	defer want.stop()
	for f, err := range files {
		if err == nil {
			err = r.compareChunks(&f, got, want)
		}
		if err == nil {
			r.done.files.Add(1)
			err = out.addRow(&f)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// compareChunks makes of the pieces that were read of f what becomes of it.
func (r *run) compareChunks(f *row, got, want *finding) error {
	var differs span
	for offset := uint64(0); offset < f.stat.size; offset += r.o.sizes.chunk {
		key := chunkKey(f.path, offset)
		val, err := got.find(key)
		if err != nil {
			return err
		}
		p, err := parseRow(nil, val)
		if err != nil {
			return err
		}
		if p.trouble != none {
			f.trouble, f.note, f.byChunks = p.trouble, p.note, false
			return nil
		}
		d, err := want.find(key)
		if err != nil {
			return err
		}
		if Digest(d) == p.digest {
			continue
		}
		if differs.count++; differs.count == 1 {
			differs.from, differs.to = offset, min(f.stat.size, offset+r.o.sizes.chunk)
		}
	}
	if differs.count > 0 {
		f.note = differs.note()
	}
	return nil
}
