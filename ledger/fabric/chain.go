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
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// A chain is what was read of the log. It only grows. The zero value is empty.
type chain struct {
	mu      sync.RWMutex      // guards all
	next    uint64            // number of the block that was not yet read; 0 before any was
	blocks  map[uint64][]byte // hashes of the last blocks that were
	overlap uint64            // first block of which nothing can be in the log with which the chain began
	fatal   error             // why no more is read
	changed chan struct{}     // closed at the next change

	entries []entry
	hashes  []tlog.Hash // of the tree, in the order of tlog.StoredHashIndex
	ids     map[digest]int64
	keys    map[[8]byte][]int64 // indexes by wire.KeyOf
}

type digest [32]byte

type entry struct {
	id   digest // wire.IDOf
	leaf tlog.Hash
	tx   string // the transaction that stored it, if that was seen
}

// recent is how many blocks' hashes are kept, to hold peers against each other.
const recent = 1000

// ReadHashes implements tlog.HashReader. mu must be held.
func (c *chain) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, 0, len(indexes))
	for _, i := range indexes {
		if i >= int64(len(c.hashes)) {
			return nil, fmt.Errorf("%w: hash %d", ledger.ErrNotFound, i)
		}
		out = append(out, c.hashes[i])
	}
	return out, nil
}

func (c *chain) size() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return int64(len(c.entries))
}

// height is the number of blocks that were read, or nothing.
func (c *chain) height() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.next
}

// find gives the index of a record and the transaction that stored it.
func (c *chain) find(id digest) (index int64, tx string, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	index, ok = c.ids[id]
	if ok {
		tx = c.entries[index].tx
	}
	return index, tx, ok
}

// span gives a copy of entries [from, to).
func (c *chain) span(from, to int64) []entry {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Clone(c.entries[from:to])
}

// having gives the indexes in [from, size) of records that may have a key.
func (c *chain) having(k ledger.Key, from, size int64) []int64 {
	var short [8]byte
	hex.Decode(short[:], []byte(wire.KeyOf(k)))
	c.mu.RLock()
	defer c.mu.RUnlock()
	all := c.keys[short]
	first, _ := slices.BinarySearch(all, from)
	last, _ := slices.BinarySearch(all, size)
	return slices.Clone(all[first:max(first, last)])
}

// begin takes in the log: sealed tiles and what comes after them. It was read
// when the newest block of the peer had this hash and the number below height,
// or later, but before overlap.
func (c *chain) begin(height, overlap uint64, hash []byte, tiles [][]wire.Record, log []wire.Transaction) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for n, tile := range tiles {
		if len(tile) != wire.TileWidth {
			return fmt.Errorf("%w: tile %d has %d records", ledger.ErrCorrupt, n, len(tile))
		}
		if err := c.extend("sealed", tile); err != nil {
			return err
		}
	}
	for _, t := range log {
		if err := c.extend(t.ID, t.Records); err != nil {
			return err
		}
	}
	c.blocks = map[uint64][]byte{height - 1: hash}
	c.next, c.overlap = height, overlap
	c.tell()
	return nil
}

// take takes in the next block.
func (c *chain) take(text []byte, chaincode string) error {
	b, err := parseBlock(text)
	if err != nil {
		return err
	}
	txs, err := b.writes(chaincode)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if b.number != c.next || !bytes.Equal(b.previous, c.blocks[c.next-1]) {
		return fmt.Errorf("%w: block %d does not follow the block %d that was seen", ledger.ErrRollback, b.number, c.next-1)
	}
	for _, t := range txs {
		if c.next < c.overlap && c.holds(t) {
			continue
		}
		if err := c.extend(t.ID, t.Records); err != nil {
			return err
		}
	}
	c.blocks[c.next] = b.hash
	delete(c.blocks, c.next-recent)
	c.next++
	c.tell()
	return nil
}

// holds reports whether the records of a transaction are there. mu must be held.
func (c *chain) holds(t wire.Transaction) bool {
	if len(t.Records) == 0 {
		return false
	}
	e, _, err := parse(t.Records[0])
	_, ok := c.ids[e.id]
	return ok && err == nil
}

// extend adds records that one transaction stored. mu must be held.
func (c *chain) extend(tx string, records []wire.Record) error {
	if len(records) == 0 || tx == "" {
		return fmt.Errorf("%w: transaction %q stored nothing", ledger.ErrCorrupt, tx)
	}
	for _, r := range records {
		e, keys, err := parse(r)
		if err != nil {
			return fmt.Errorf("%w: transaction %s: %w", ledger.ErrCorrupt, tx, err)
		}
		e.tx = tx
		if err := c.add(e, keys); err != nil {
			return err
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
	if hash, ok := c.blocks[t.height-1]; ok && !bytes.Equal(hash, t.hash) {
		return fmt.Errorf("%w: it has another block %d", ledger.ErrRollback, t.height-1)
	}
	return nil
}

func (c *chain) add(e entry, keys [][8]byte) error {
	if c.ids == nil {
		c.ids, c.keys = map[digest]int64{}, map[[8]byte][]int64{}
	}
	index := int64(len(c.entries))
	if at, ok := c.ids[e.id]; ok {
		return fmt.Errorf("%w: records %d and %d have one name", ledger.ErrCorrupt, at, index)
	}
	hashes, err := tlog.StoredHashesForRecordHash(index, e.leaf, c)
	if err != nil {
		return err
	}
	c.ids[e.id] = index
	c.hashes = append(c.hashes, hashes...)
	c.entries = append(c.entries, e)
	for _, k := range keys {
		c.keys[k] = append(c.keys[k], index)
	}
	return nil
}

func parse(r wire.Record) (e entry, keys [][8]byte, err error) {
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
		keys = append(keys, short)
	}
	return e, keys, err
}
