package fabric

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// mostFound is how many tiles with a key are on a page of the index.
const mostFound = 128

// Find implements ledger.Ledger. In tiles, the chain itself looks: nothing in a
// record proves that an index lists it, so all peers that answer must list the
// same.
func (l *Ledger) Find(ctx context.Context, size, from int64, key ledger.Key) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		if err := l.reach(ctx, size, from); err != nil {
			yield(ledger.Entry{}, err)
			return
		}
		newest, base := l.chain.having(key, from, size)
		within, cancel := l.within(ctx)
		defer cancel()
		for next, end := from, min(base, size); next < end; {
			page, agreed, err := l.findPage(within, key, next, end)
			if err == nil && !l.find(ctx, page.Indexes, key, agreed, yield) {
				return
			}
			if err == nil {
				err = agreed() // that there are no more of them, or none at all
			}
			if err != nil {
				yield(ledger.Entry{}, l.because(ctx, err))
				return
			}
			if next = page.Next; next == 0 {
				break
			}
		}
		l.find(ctx, newest, key, func() error { return nil }, yield)
	}
}

// find yields the entries of these indexes that have a key, once it is agreed
// that they are the ones. It reports whether it got to their end. Short names of keys
// may meet, so the record decides; one that does not even have the short name
// was not to be listed.
func (l *Ledger) find(ctx context.Context, indexes []int64, key ledger.Key, agreed func() error, yield func(ledger.Entry, error) bool) bool {
	short := wire.KeyOf(key)
	for len(indexes) > 0 {
		some := indexes[:min(page, len(indexes))]
		indexes = indexes[len(some):]
		ok := l.yield(ctx, some, func(e ledger.Entry) (bool, error) {
			if err := agreed(); err != nil {
				return false, l.because(ctx, err)
			}
			keys, err := l.keysOf(e.Record)
			if err != nil {
				return false, fmt.Errorf("%w: record %d: %w", ledger.ErrCorrupt, e.Index, err)
			}
			if slices.Contains(keys.Index, key) {
				return true, nil
			}
			if !slices.ContainsFunc(keys.Index, func(k ledger.Key) bool { return wire.KeyOf(k) == short }) {
				return false, fmt.Errorf("%w: the index lists record %d, which does not have the key", ledger.ErrCorrupt, e.Index)
			}
			return false, nil
		}, yield)
		if !ok {
			return false
		}
	}
	return true
}

// findPage asks all peers for the same page of the index, of records in
// [from, end), which are in tiles. It returns the first one's, and what waits
// for the others and tells whether they agree. Ctx must last until then.
func (l *Ledger) findPage(ctx context.Context, key ledger.Key, from, end int64) (wire.Page, func() error, error) {
	type answer struct {
		peer *endpoint
		page wire.Page
		err  error
	}
	answers := make(chan answer, len(l.peers))
	left, patience := 0, less
	for _, e := range l.ordered() { // those that hang come last
		if e.absent.Load() && left > 0 {
			continue
		}
		if !l.start(func() {
			a := answer{peer: e}
			a.err = l.ask(ctx, e, &a.page, wire.Find, []byte(key.Name), []byte(key.Value), strconv.AppendInt(nil, from, 10), strconv.AppendInt(nil, l.found, 10))
			if a.err == nil {
				a.err = cut(&a.page, from, end)
			}
			if a.err != nil {
				a.err = fmt.Errorf("peer %s: %w", e.address, a.err)
			}
			answers <- a
		}) {
			return wire.Page{}, nil, ledger.ErrClosed
		}
		left++
		patience = max(patience, l.patience(e))
	}
	var errs []error
	for ; left > 0; left-- {
		first := <-answers
		if errors.Is(first.err, ledger.ErrCorrupt) {
			return wire.Page{}, nil, first.err
		}
		if first.err != nil {
			errs = append(errs, first.err)
			continue
		}
		return first.page, sync.OnceValue(func() error {
			for late := time.After(patience); left > 1; left-- {
				select {
				case a := <-answers:
					switch {
					case errors.Is(a.err, ledger.ErrCorrupt):
						return a.err
					case a.err == nil && (a.page.Next != first.page.Next || !slices.Equal(a.page.Indexes, first.page.Indexes)):
						return fmt.Errorf("%w: the indexes of peers %s and %s are not the same", ledger.ErrCorrupt, first.peer.address, a.peer.address)
					}
				case <-late:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			return nil
		}), nil
	}
	return wire.Page{}, nil, errors.Join(errs...)
}

// Listed holds what the log lists of a record against the record: nothing proves
// it, and Find goes by it. It reports whether this client has that list; of what
// is sealed, the index of the chain takes its place, which only Find asks.
// ErrCorrupt is a list that is not the record's.
func (l *Ledger) Listed(e ledger.Entry) (bool, error) {
	if e.Index < 0 || e.Index >= l.chain.size() {
		return false, fmt.Errorf("%w: record %d", ledger.ErrNotFound, e.Index)
	}
	listed, ok := l.chain.at(e.Index)
	if !ok {
		return false, nil
	}
	keys, err := l.keysOf(e.Record)
	if err != nil {
		return true, err
	}
	var short []string
	for _, k := range keys.Index {
		short = append(short, wire.KeyOf(k))
	}
	slices.Sort(short)
	same := wire.IDOf(keys.ID) == hex.EncodeToString(listed.id[:])
	same = same && slices.EqualFunc(slices.Compact(short), listed.keys, func(k string, in [8]byte) bool { return k == hex.EncodeToString(in[:]) })
	if !same {
		return true, fmt.Errorf("%w: the log lists record %d under other keys than it has", ledger.ErrCorrupt, e.Index)
	}
	return true, nil
}

var errBehind = errors.New("it has not as much sealed")

// cut holds a page to what it can be, and leaves of it what lies in [from, end).
func cut(p *wire.Page, from, end int64) error {
	if want := (end + wire.TileWidth - 1) / wire.TileWidth; p.Tiles < want {
		return fmt.Errorf("%w: %d tiles, not %d", errBehind, p.Tiles, want)
	}
	last := from - 1
	for _, index := range p.Indexes {
		if index <= last {
			return fmt.Errorf("%w: record %d is listed after record %d", ledger.ErrCorrupt, index, last)
		}
		last = index
	}
	if p.Next != 0 && (p.Next <= last || p.Next%wire.TileWidth != 0) {
		return fmt.Errorf("%w: a page up to record %d goes on from %d", ledger.ErrCorrupt, last, p.Next)
	}
	n, _ := slices.BinarySearch(p.Indexes, end)
	p.Indexes = p.Indexes[:n]
	if p.Next >= end {
		p.Next = 0
	}
	return nil
}
