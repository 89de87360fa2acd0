package fabric

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// A chain is what was read of the log. It only grows. The zero value is empty.
type chain struct {
	mu      sync.RWMutex // guards all
	txs     []string     // transactions that stored records, in order
	entries []entry
	hashes  []tlog.Hash // of the tree, in the order of tlog.StoredHashIndex
	ids     map[digest]int64
	keys    map[[8]byte][]int64 // indexes by wire.KeyOf
}

type digest [32]byte

type entry struct {
	id   digest // wire.IDOf
	leaf tlog.Hash
	tx   int // in txs
}

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

// end tells how many transactions there are, and the last one.
func (c *chain) end() (n int, last string) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if n = len(c.txs); n > 0 {
		last = c.txs[n-1]
	}
	return n, last
}

// find gives the index of a record and the transaction that stored it.
func (c *chain) find(id digest) (index int64, tx string, ok bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	index, ok = c.ids[id]
	if ok {
		tx = c.txs[c.entries[index].tx]
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

// continues takes in what a peer said comes after the first n transactions. What
// is there already must be the same.
func (c *chain) continues(n int, answer []wire.Transaction) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := 0 // the entry that follows transaction n-1
	if n > 0 {
		at, _ = slices.BinarySearchFunc(c.entries, n, func(e entry, n int) int { return e.tx - n })
	}
	for i, t := range answer {
		if len(t.Records) == 0 || t.ID == "" {
			return fmt.Errorf("%w: transaction %q stored nothing", ledger.ErrCorrupt, t.ID)
		}
		known := n+i < len(c.txs)
		if known && c.txs[n+i] != t.ID {
			return fmt.Errorf("%w: transaction %d is %s, and was %s", ledger.ErrRollback, n+i, t.ID, c.txs[n+i])
		}
		for _, r := range t.Records {
			e, keys, err := parse(r)
			if err != nil {
				return fmt.Errorf("%w: transaction %s: %w", ledger.ErrCorrupt, t.ID, err)
			}
			e.tx = n + i
			if known {
				if at >= len(c.entries) || c.entries[at] != e {
					return fmt.Errorf("%w: record %d is another one", ledger.ErrRollback, at)
				}
			} else if err := c.add(e, keys); err != nil {
				return err
			}
			at++
		}
		if !known {
			c.txs = append(c.txs, t.ID)
		}
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

// errBehind is a peer that does not have what another one had.
var errBehind = errors.New("peer does not have the newest transaction that was seen")

// read reads what one peer has beyond the chain. Of callers at the same time,
// one asks for all who came before it did.
func (l *Ledger) read(ctx context.Context, e *endpoint) error {
	return e.flight.do(ctx, l, func() error {
		n, last := l.chain.end()
		text, err := l.evaluate(l.ctx, e, wire.Log, []byte(last))
		var r *refusal
		if errors.As(err, &r) && r.status == wire.NotFound {
			return fmt.Errorf("peer %s: %w: %s", e.address, errBehind, last)
		}
		if err != nil {
			return fmt.Errorf("peer %s: %w", e.address, err)
		}
		var answer []wire.Transaction
		if err := json.Unmarshal(text, &answer); err != nil {
			return fmt.Errorf("peer %s: %w: its log: %w", e.address, ledger.ErrCorrupt, err)
		}
		if err := l.chain.continues(n, answer); err != nil {
			return fmt.Errorf("peer %s: %w", e.address, err)
		}
		return nil
	})
}

// grace is how long a peer is waited for once another one has answered.
const grace = time.Second

// refresh reads what all peers that can be reached have. One is enough, but
// none may contradict another.
func (l *Ledger) refresh(ctx context.Context) error {
	ctx, cancel := l.within(ctx)
	defer cancel()
	results := make(chan error, len(l.peers))
	for _, e := range l.peers {
		if !l.start(func() { results <- l.read(ctx, e) }) {
			return ledger.ErrClosed
		}
	}
	var late <-chan time.Time
	var errs []error
	answered, behind := false, 0
	for range l.peers {
		select {
		case err := <-results:
			switch {
			case err == nil:
				answered = true
				if late == nil {
					late = time.After(grace)
				}
			case errors.Is(err, ledger.ErrRollback) || errors.Is(err, ledger.ErrCorrupt):
				return err
			case errors.Is(err, errBehind):
				behind++
				errs = append(errs, err)
			default:
				errs = append(errs, err)
			}
		case <-late:
			return nil
		}
	}
	if answered {
		return nil
	}
	return l.because(ctx, errors.Join(errs...))
}

// A flight lets callers share a question. Each is answered by one that was
// asked after it came.
type flight struct {
	running sync.Mutex
	mu      sync.Mutex // guards next
	next    *question  // not yet asked
}

type question struct {
	done chan struct{}
	err  error // once done is closed
}

func (f *flight) do(ctx context.Context, l *Ledger, ask func() error) error {
	f.mu.Lock()
	q := f.next
	if q == nil {
		q = &question{done: make(chan struct{})}
		f.next = q
		if !l.start(func() {
			f.running.Lock()
			defer f.running.Unlock()
			f.mu.Lock()
			f.next = nil
			f.mu.Unlock()
			q.err = ask()
			close(q.done)
		}) {
			f.next = nil
			f.mu.Unlock()
			return ledger.ErrClosed
		}
	}
	f.mu.Unlock()
	select {
	case <-q.done:
		return q.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
