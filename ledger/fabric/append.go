package fabric

import (
	"bytes"
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

// Records that wait while others are being endorsed share a transaction, so that
// many writers cost the network no more than a few. Endorsement is what takes
// work; then a transaction waits for its block, and the next may go.
const (
	mostEndorsed     = 2  // transactions that are being endorsed
	mostTransactions = 64 // on their way at the same time
	mostRecords      = 64 // in a transaction
	mostBytes        = 512 << 10
)

// pending is a record on its way.
type pending struct {
	record []byte
	id     digest
	done   chan struct{}
	err    error    // once done is closed
	txs    []string // those that would store it, if they are valid

	found bool // on the chain, once deliver is done
	index int64
	tx    string // that stored it
}

// Append implements ledger.Ledger.
func (l *Ledger) Append(ctx context.Context, record []byte) (ledger.Receipt, error) {
	if err := l.alive(ctx); err != nil {
		return ledger.Receipt{}, err
	}
	keys, err := ledger.Derive(l.keysOf, record)
	if err != nil {
		return ledger.Receipt{}, err
	}
	p := newPending(record, keys)
	select {
	case l.queue <- p:
	case <-ctx.Done():
		return ledger.Receipt{}, ctx.Err()
	case <-l.ctx.Done():
		return ledger.Receipt{}, ledger.ErrClosed
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		return ledger.Receipt{}, ctx.Err()
	}
	if p.err != nil {
		return ledger.Receipt{}, p.err
	}
	return l.receipt(p), nil
}

func newPending(record []byte, keys ledger.Keys) *pending {
	p := &pending{record: bytes.Clone(record), done: make(chan struct{})}
	hex.Decode(p.id[:], []byte(wire.IDOf(keys.ID)))
	return p
}

// receipt tells where a record is that was stored.
func (l *Ledger) receipt(p *pending) ledger.Receipt {
	return ledger.Receipt{Index: p.index, Size: l.chain.size(), Known: !slices.Contains(p.txs, p.tx)}
}

// dispatch makes transactions of what is queued: one of what has come whenever
// there is room for one more.
func (l *Ledger) dispatch() {
	room, endorsing := make(chan struct{}, mostTransactions), make(chan struct{}, mostEndorsed)
	for {
		var batch []*pending
		select {
		case p := <-l.queue:
			batch = append(batch, p)
		case <-l.ctx.Done():
			return
		}
		for _, free := range []chan struct{}{room, endorsing} {
			select {
			case free <- struct{}{}:
			case <-l.ctx.Done():
				finish(batch, ledger.ErrClosed)
				return
			}
		}
		for size, more := len(batch[0].record), true; more && size < mostBytes && len(batch) < mostRecords; {
			select {
			case p := <-l.queue:
				batch = append(batch, p)
				size += len(p.record)
			default:
				more = false
			}
		}
		if !l.start(func() {
			defer func() { <-room }()
			endorsed := sync.OnceFunc(func() { <-endorsing })
			defer endorsed()
			l.store(batch, endorsed)
		}) {
			finish(batch, ledger.ErrClosed)
		}
	}
}

func finish(batch []*pending, err error) {
	for _, p := range batch {
		p.err = err
		close(p.done)
	}
}

// store gets records onto the chain, and answers who waits for them. It calls
// endorsed once the transaction is endorsed, or could not be.
func (l *Ledger) store(batch []*pending, endorsed func()) {
	err := l.deliver(l.ctx, batch, endorsed)
	var r *refusal
	if !errors.As(err, &r) || len(batch) == 1 {
		finish(batch, err)
		return
	}
	// One of them is refused, and all would be: each for itself.
	for _, p := range batch {
		if !l.start(func() { l.store([]*pending{p}, endorsed) }) {
			finish([]*pending{p}, ledger.ErrClosed)
		}
	}
}

// deliver gets records onto the chain by one transaction, however often it
// takes. A transaction that was given up may yet be found valid: then it stored
// all of them, and what is sent again stores nothing.
func (l *Ledger) deliver(ctx context.Context, batch []*pending, endorsed func()) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l.profile.Timeouts.Append))
	defer cancel()
	began := time.Now()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := l.anyPeer(ctx, func(e *endpoint) error { return l.submit(ctx, e, batch, endorsed) })
		var r *refusal
		switch {
		case err == nil:
			l.seal()
			return nil
		case l.ctx.Err() != nil:
			return ledger.ErrClosed
		case errors.As(err, &r) || final(err):
			return err
		}
		if ctx.Err() == nil {
			l.tell(began, err)
		}
		if pause(ctx, wait) != nil {
			if l.ctx.Err() != nil {
				return ledger.ErrClosed
			}
			return fmt.Errorf("not stored within %v: %w", time.Duration(l.profile.Timeouts.Append), err)
		}
	}
}

// submit has one transaction endorsed, ordered and found valid, and waits until
// the chain was read up to it.
func (l *Ledger) submit(ctx context.Context, e *endpoint, batch []*pending, endorsed func()) error {
	args := make([][]byte, len(batch))
	for i, p := range batch {
		args[i] = p.record
	}
	tx, err := l.endorse(ctx, e, wire.Append, args...)
	endorsed()
	if err != nil {
		return err
	}
	var results []string
	if err := json.Unmarshal(tx.result, &results); err != nil || len(results) != len(batch) {
		return fmt.Errorf("%w: the chaincode answered %.80q", ledger.ErrCorrupt, tx.result)
	}
	if slices.Contains(results, wire.Stored) {
		for i, p := range batch {
			if results[i] == wire.Stored {
				p.txs = append(p.txs, tx.id)
			}
		}
		if err := tx.commit(ctx); err != nil {
			return err
		}
	}
	if slices.Contains(results, wire.Known) {
		if err := l.locate(ctx, e, batch); err != nil {
			return err
		}
	}
	if err := l.upTo(ctx, e, func() bool { return l.chain.has(batch) }); err != nil {
		return err
	}
	for _, p := range batch {
		if e, ok := l.chain.at(p.index); ok && e.leaf != ledger.RecordHash(p.record) {
			return fmt.Errorf("%w: record %d is another one than was endorsed", ledger.ErrCorrupt, p.index)
		}
	}
	if err := l.settle(ctx, l.chain.height()); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

// has reports whether the chain has all of the records, and notes where. mu must
// be held.
func (c *chain) has(batch []*pending) bool {
	all := true
	for _, p := range batch {
		if index, ok := c.ids[p.id]; ok && !p.found {
			p.found, p.index, p.tx = true, index, c.entries[index-c.base()].tx
		}
		all = all && p.found
	}
	return all
}

// locate asks where records are that are known and that only tiles have. It must
// be true: the tree has their leaf there. What is not sealed yet is in the log.
func (l *Ledger) locate(ctx context.Context, e *endpoint, batch []*pending) error {
	var left []*pending
	l.chain.mu.RLock()
	if !l.chain.has(batch) {
		for _, p := range batch {
			if !p.found {
				left = append(left, p)
			}
		}
	}
	base := l.chain.base()
	l.chain.mu.RUnlock()
	if len(left) == 0 || base == 0 {
		return nil
	}
	ids := make([][]byte, len(left))
	for i, p := range left {
		ids[i] = []byte(hex.EncodeToString(p.id[:]))
	}
	var places []wire.Place
	if err := l.ask(ctx, e, &places, wire.Places, ids...); err != nil {
		return err
	}
	if len(places) != len(ids) {
		return fmt.Errorf("%w: %d places, asked for %d", ledger.ErrCorrupt, len(places), len(ids))
	}
	for i, p := range left {
		index := places[i].Index
		if index < 0 || index >= base {
			continue
		}
		leaf, err := l.hashes(ctx).ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
		if err != nil {
			return err
		}
		if leaf[0] != ledger.RecordHash(p.record) {
			return fmt.Errorf("%w: record %d is not the one with the name %s", ledger.ErrCorrupt, index, ids[i])
		}
		p.found, p.index, p.tx = true, index, places[i].Transaction
	}
	return nil
}
