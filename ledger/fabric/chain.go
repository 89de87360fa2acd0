package fabric

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/tree"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// A chain is what was read of the log. It only grows. Of what is sealed it keeps
// the right edge of the tree, and the newest tiles that it saw being sealed. The
// zero value is empty.
type chain struct {
	mu      sync.RWMutex      // guards all
	next    uint64            // number of the block that was not yet read; 0 before any was
	blocks  map[uint64][]byte // hashes of the last blocks that were
	fatal   error             // why no more is read
	changed chan struct{}     // closed at the next change

	kept    int64               // of the sealed tiles, so many stay in entries; it never changes
	sealed  int64               // tiles that are
	tree    *tree.Tree          // nil before the beginning
	entries []entry             // from tree.Base on
	ids     map[digest]int64    // indexes of entries
	keys    map[[8]byte][]int64 // indexes of entries by wire.KeyOf
}

type digest [32]byte

type entry struct {
	id   digest // wire.IDOf
	leaf tlog.Hash
	keys [][8]byte
	tx   string // the transaction that stored it
}

const (
	// recent is how many blocks' hashes are kept, to hold peers against each other.
	recent = 1000
	// kept is how many sealed tiles are, for those who read what is new: 3 MB.
	kept = 16
)

// length is the number of records. mu must be held.
func (c *chain) length() int64 { return c.base() + int64(len(c.entries)) }

// base is the number of records that are in tiles and not in entries, a multiple
// of wire.TileWidth. mu must be held.
func (c *chain) base() int64 {
	if c.tree == nil {
		return 0
	}
	return c.tree.Base()
}

func (c *chain) size() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.length()
}

// height is the number of blocks that were read, or nothing.
func (c *chain) height() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.next
}

// head gives size and root of the tree, and the number of blocks.
func (c *chain) head() (size int64, root ledger.Hash, height uint64, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.tree == nil {
		return 0, ledger.EmptyRoot(), c.next, nil
	}
	size = c.length()
	root, err = c.tree.Root(size)
	return size, root, c.next, err
}

// at gives the entry of an index, if it is kept.
func (c *chain) at(index int64) (e entry, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if i := index - c.base(); i >= 0 {
		return c.entries[i], true
	}
	return e, false
}

// having gives the indexes in [from, size) of entries that may have a key, and
// that of the first entry: what comes before it is in tiles.
func (c *chain) having(k ledger.Key, from, size int64) (indexes []int64, base int64) {
	var short [8]byte
	hex.Decode(short[:], []byte(wire.KeyOf(k)))
	c.mu.RLock()
	defer c.mu.RUnlock()
	all := c.keys[short]
	first, _ := slices.BinarySearch(all, from)
	last, _ := slices.BinarySearch(all, size)
	return slices.Clone(all[first:max(first, last)]), c.base()
}

// hashes gives hashes of the tree, of those that are not kept the places in
// indexes, and the tree of tiles that has them.
func (c *chain) hashes(indexes []int64) (out []tlog.Hash, missing []int, below tlog.Tree, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.tree == nil {
		return nil, nil, below, fmt.Errorf("%w: hash of an empty tree", ledger.ErrNotFound)
	}
	below.N = c.base()
	out = make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		h, err := c.tree.ReadHashes([]int64{index})
		switch {
		case err == nil:
			out[i] = h[0]
		case index < tlog.StoredHashCount(below.N):
			missing = append(missing, i)
		default:
			return nil, nil, below, err
		}
	}
	below.Hash, err = c.tree.Root(below.N)
	return out, missing, below, err
}

// begin begins with the log as one peer has it: rest was read after before, and
// blocks are those that the peer had afterwards, from before on. Another peer had
// the blocks of lowest, and skipped are those from there to before.
func (c *chain) begin(lowest tip, skipped []*block, before tip, rest wire.Rest, blocks []*block, chaincode string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	sealed, err := sealedTree(rest)
	if err != nil {
		return err
	}
	c.tree, c.sealed = sealed, rest.Tiles
	c.entries, c.ids, c.keys = nil, map[digest]int64{}, map[[8]byte][]int64{}
	c.blocks = map[uint64][]byte{lowest.height - 1: lowest.hash}
	for i, b := range skipped {
		if err := c.link(b, lowest.height+uint64(i)); err != nil {
			return err
		}
	}
	if err := c.same(before); err != nil {
		return err
	}
	last := rest.ID // the transaction up to which the log was there
	for _, t := range rest.Log {
		if err := c.extend(t); err != nil {
			return err
		}
		last = t.ID
	}
	var since []change
	next := before.height
	for _, b := range blocks {
		if err := c.link(b, next); err != nil {
			return err
		}
		changes, err := b.writes(chaincode)
		if err != nil {
			return err
		}
		since = append(since, changes...)
		next++
	}
	known := slices.IndexFunc(since, func(ch change) bool { return ch.ID == last && ch.sealed == nil })
	if err := c.apply(since[known+1:]); err != nil {
		return err
	}
	c.next = next
	c.tell()
	return nil
}

// take takes in the next block.
func (c *chain) take(text []byte, chaincode string) error {
	b, err := parseBlock(text)
	if err != nil {
		return err
	}
	changes, err := b.writes(chaincode)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.link(&b, c.next); err != nil {
		return err
	}
	if err := c.apply(changes); err != nil {
		return err
	}
	delete(c.blocks, c.next-recent)
	c.next++
	c.tell()
	return nil
}

// link makes sure that a block is the one of a number, after those that were
// seen. mu must be held.
func (c *chain) link(b *block, number uint64) error {
	if b.number != number || !bytes.Equal(b.previous, c.blocks[number-1]) {
		return fmt.Errorf("%w: block %d does not follow the block %d that was seen", ledger.ErrRollback, b.number, number-1)
	}
	c.blocks[number] = b.hash
	return nil
}

// apply does what transactions did. mu must be held.
func (c *chain) apply(changes []change) error {
	for _, ch := range changes {
		if ch.sealed == nil {
			if err := c.extend(ch.Transaction); err != nil {
				return err
			}
			continue
		}
		if ch.sealed.Tiles > c.length()/wire.TileWidth {
			return fmt.Errorf("%w: %d tiles are sealed of %d records", ledger.ErrCorrupt, ch.sealed.Tiles, c.length())
		}
		c.sealed = max(c.sealed, ch.sealed.Tiles)
	}
	return c.forget()
}

// forget leaves to the tiles what has been in them for a while. mu must be held.
func (c *chain) forget() error {
	base := (c.sealed - c.kept) * wire.TileWidth
	if base <= c.base() {
		return nil
	}
	gone := c.entries[:base-c.base()]
	for _, e := range gone {
		delete(c.ids, e.id)
		for _, k := range e.keys {
			if left, _ := slices.BinarySearch(c.keys[k], base); left == len(c.keys[k]) {
				delete(c.keys, k)
			} else {
				c.keys[k] = c.keys[k][left:]
			}
		}
	}
	c.entries = slices.Clone(c.entries[len(gone):])
	return c.tree.Forget(base)
}

// extend adds records that one transaction stored. mu must be held.
func (c *chain) extend(t wire.Transaction) error {
	if len(t.Records) == 0 || t.ID == "" {
		return fmt.Errorf("%w: transaction %q stored nothing", ledger.ErrCorrupt, t.ID)
	}
	for _, r := range t.Records {
		e, err := parse(r)
		if err != nil {
			return fmt.Errorf("%w: transaction %s: %w", ledger.ErrCorrupt, t.ID, err)
		}
		index := c.length()
		if at, ok := c.ids[e.id]; ok {
			return fmt.Errorf("%w: records %d and %d have one name", ledger.ErrCorrupt, at, index)
		}
		if err := c.tree.Add(e.leaf); err != nil {
			return err
		}
		e.tx = t.ID
		c.ids[e.id] = index
		c.entries = append(c.entries, e)
		for _, k := range e.keys {
			c.keys[k] = append(c.keys[k], index)
		}
	}
	return nil
}

// fail ends the reading of the chain.
func (c *chain) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fatal = err
	c.tell()
}

// tell wakes who waits. mu must be held.
func (c *chain) tell() {
	if c.changed != nil {
		close(c.changed)
		c.changed = nil
	}
}

// until waits until ready says so; it is called with mu held. It ends with ctx,
// or when no more is read.
func (c *chain) until(ctx context.Context, ready func() bool) error {
	for {
		c.mu.Lock()
		if ready() {
			c.mu.Unlock()
			return nil
		}
		if err := c.fatal; err != nil {
			c.mu.Unlock()
			return err
		}
		if c.changed == nil {
			c.changed = make(chan struct{})
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// agrees holds what a peer says of its newest block against what was read.
func (c *chain) agrees(t tip) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.same(t)
}

// same is agrees; mu must be held.
func (c *chain) same(t tip) error {
	if hash, ok := c.blocks[t.height-1]; ok && !bytes.Equal(hash, t.hash) {
		return fmt.Errorf("%w: it has another block %d", ledger.ErrRollback, t.height-1)
	}
	return nil
}

func parse(r wire.Record) (e entry, err error) {
	exact := func(to []byte, from string) {
		if n, decodeErr := hex.DecodeString(from); decodeErr != nil || len(n) != len(to) {
			err = fmt.Errorf("%.80q is not %d bytes in hexadecimal", from, len(to))
		} else {
			copy(to, n)
		}
	}
	exact(e.id[:], r.ID)
	exact(e.leaf[:], r.Hash)
	for _, k := range r.Keys {
		var short [8]byte
		exact(short[:], k)
		e.keys = append(e.keys, short)
	}
	return e, err
}
