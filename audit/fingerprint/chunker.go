//go:build unix

package fingerprint

import (
	"crypto/sha3"

	"github.com/mmaudit/mmaudit/internal/keccak"
)

// A chunker hashes the chunks of a lane's file as it is read. It does so in a
// lane that has nothing else to do. Its zero value does nothing.
type chunker struct {
	path string
	size uint64 // of the file; 0: there is none
	lent *lane
	hash *sha3.SHA3 // in place of lent

	offset, left uint64 // of the chunk; of that, to come
	rest         []byte // in the lane's buffer, to be taken
	block        [keccak.Rate]byte
	kept         int // of block: the beginning of one that is not whole
	todo         []byte
	last         bool // todo is the end of the chunk
}

// chunked tells the files whose chunks are listed. Of files with several names,
// which are read once, they are not.
func (r *run) chunked(s stat) bool { return s.size > r.o.sizes.chunk && s.links == 1 }

// begin begins with a file. Files that have chunks are the largest, which are
// read first: half of the lanes are free for them. Only where there is one lane,
// or a file has grown since, two digests are computed one after the other.
func (c *chunker) begin(w *worker, l *lane) {
	*c = chunker{path: l.row.path, size: l.before.size, left: min(l.before.size, w.o.sizes.chunk)}
	for i := len(w.lanes) - 1; i >= 0 && c.lent == nil; i-- {
		if other := &w.lanes[i]; !other.taken && !other.lent {
			c.lent, other.lent = other, true
			w.states.Reset(i)
		}
	}
	if c.lent == nil {
		c.hash = sha3.New512()
	}
}

// end gives back what begin took.
func (c *chunker) end() {
	if c.lent != nil {
		c.lent.lent = false
	}
	*c = chunker{}
}

// show puts what is to be absorbed to its lane.
func (c *chunker) show(in [][]byte) {
	if c.lent != nil {
		in[c.lent.number] = c.todo
	}
}

// feed takes what was read of the file. The bytes must stay until todo is empty.
func (c *chunker) feed(w *worker, b []byte) error {
	if c.size == 0 {
		return nil
	}
	c.rest = b
	if c.hash == nil {
		return c.next(w)
	}
	for len(c.rest) > 0 && c.left > 0 {
		n := min(uint64(len(c.rest)), c.left)
		c.hash.Write(c.rest[:n])
		c.rest, c.left = c.rest[n:], c.left-n
		if c.left > 0 {
			break
		}
		if err := c.done(w, Digest(c.hash.Sum(nil))); err != nil {
			return err
		}
		c.hash.Reset()
	}
	return nil
}

// absorbed takes n bytes off todo, if there are any.
func (c *chunker) absorbed(w *worker, n int) error {
	if len(c.todo) == 0 {
		return nil
	}
	if c.todo = c.todo[n:]; len(c.todo) > 0 {
		return nil
	}
	return c.next(w)
}

// next finds what is to be absorbed next: whole blocks of the lane's buffer, or
// one that lies across two of its fillings, or the end of a chunk. Chunks are no
// whole number of blocks, so that their blocks are not those of the file.
func (c *chunker) next(w *worker) error {
	if c.last {
		lane := c.lent.number
		if err := c.done(w, Digest(w.states.Digest(lane))); err != nil {
			return err
		}
		w.states.Reset(lane)
		c.last = false
	}
	if c.left == 0 && c.offset >= c.size {
		return nil // what else there is, the file has grown by
	}
	part := c.rest[:min(uint64(len(c.rest)), c.left)]
	n := len(part) / keccak.Rate * keccak.Rate
	if c.kept > 0 || n == 0 {
		n = copy(c.block[c.kept:], part)
		c.kept += n
	} else {
		c.todo = part[:n]
	}
	c.rest, c.left = c.rest[n:], c.left-uint64(n)
	switch {
	case len(c.todo) > 0:
	case c.kept == keccak.Rate:
		c.todo, c.kept = c.block[:], 0
	case c.left == 0:
		keccak.Pad(&c.block, c.kept)
		c.todo, c.kept, c.last = c.block[:], 0, true
	}
	return nil
}

// done ends a chunk. Another attempt to read the file overrules it.
func (c *chunker) done(w *worker, d Digest) error {
	err := w.chunkSums.add(chunkKey(c.path, c.offset), d[:])
	c.offset += w.o.sizes.chunk
	if c.offset < c.size {
		c.left = min(c.size-c.offset, w.o.sizes.chunk)
	}
	return err
}
