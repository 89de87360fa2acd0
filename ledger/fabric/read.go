package fabric

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// page is the most records that are asked for at once: 4 MiB and base64.
const page = 64

// reach makes sure that the chain has been read up to a size, if there is that
// much of it, and that an index lies in [0, size].
func (l *Ledger) reach(ctx context.Context, size, index int64) error {
	if err := l.alive(ctx); err != nil {
		return err
	}
	if index < 0 || size < 0 {
		return fmt.Errorf("%w: index %d, size %d", ledger.ErrInvalid, index, size)
	}
	if l.chain.size() < size {
		within, cancel := l.within(ctx)
		defer cancel()
		if err := l.refresh(within); err != nil {
			return l.because(ctx, err)
		}
	}
	if n := l.chain.size(); size > n || index > size {
		return fmt.Errorf("%w: record %d of the tree of size %d; the ledger has %d", ledger.ErrNotFound, index, size, n)
	}
	return nil
}

// Get implements ledger.Ledger.
func (l *Ledger) Get(ctx context.Context, index int64) (ledger.Entry, error) {
	if err := l.reach(ctx, index+1, index); err != nil {
		return ledger.Entry{}, err
	}
	entries, err := l.fetch(ctx, []int64{index})
	if err != nil {
		return ledger.Entry{}, err
	}
	return entries[0], nil
}

// fetch reads records that the chain has and checks them against their leaves.
func (l *Ledger) fetch(ctx context.Context, indexes []int64) ([]ledger.Entry, error) {
	ctx, cancel := l.within(ctx)
	names := make([][]byte, len(indexes))
	leaves := make([]tlog.Hash, len(indexes))
	var sealed []int // of those that are not kept
	var places []int64
	for i, index := range indexes {
		e, ok := l.chain.at(index)
		if ok {
			names[i], leaves[i] = []byte(hex.EncodeToString(e.id[:])), e.leaf
			continue
		}
		names[i] = strconv.AppendInt(nil, index, 10)
		sealed, places = append(sealed, i), append(places, tlog.StoredHashIndex(0, index))
	}
	var g errgroup.Group // reads leaves, beside the records
	defer func() { cancel(); _ = g.Wait() }()
	if len(sealed) > 0 {
		g.Go(func() error {
			read, err := l.hashes(ctx).ReadHashes(places)
			if err == nil {
				for i, at := range sealed {
					leaves[at] = read[i]
				}
			}
			return err
		})
	}
	var errs []error
	for _, e := range l.ordered() {
		records, err := l.records(ctx, e, names)
		if stop := g.Wait(); stop != nil {
			return nil, l.because(ctx, stop)
		}
		for i := 0; err == nil && i < len(records); i++ {
			if ledger.RecordHash(records[i]) != leaves[i] {
				err = fmt.Errorf("%w: record %s is not the one of the log", ledger.ErrCorrupt, names[i])
			}
		}
		if err != nil {
			// Another peer may be up, further, or honest.
			errs = append(errs, fmt.Errorf("peer %s: %w", e.address, err))
			continue
		}
		entries := make([]ledger.Entry, len(records))
		for i, r := range records {
			entries[i] = ledger.Entry{Index: indexes[i], Record: r}
		}
		return entries, nil
	}
	return nil, l.because(ctx, errors.Join(errs...))
}

func (l *Ledger) records(ctx context.Context, e *endpoint, names [][]byte) ([][]byte, error) {
	var records [][]byte
	if err := l.ask(ctx, e, &records, wire.Get, names...); err != nil {
		return nil, err
	}
	if len(records) != len(names) {
		return nil, fmt.Errorf("%w: the chaincode answered with %d records for %d names", ledger.ErrCorrupt, len(records), len(names))
	}
	return records, nil
}

// Scan implements ledger.Ledger.
func (l *Ledger) Scan(ctx context.Context, size, from int64) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		if err := l.reach(ctx, size, from); err != nil {
			yield(ledger.Entry{}, err)
			return
		}
		l.scan(ctx, size, from, yield)
	}
}

// scan yields entries [from, size), and reports whether it got to their end.
func (l *Ledger) scan(ctx context.Context, size, from int64, yield func(ledger.Entry, error) bool) bool {
	indexes := make([]int64, 0, page)
	for ; from < size; from += int64(len(indexes)) {
		indexes = indexes[:0]
		for i := from; i < min(from+page, size); i++ {
			indexes = append(indexes, i)
		}
		if !l.yield(ctx, indexes, nil, yield) {
			return false
		}
	}
	return true
}

// yield yields entries that pass keep.
func (l *Ledger) yield(ctx context.Context, indexes []int64, keep func(ledger.Entry) (bool, error), yield func(ledger.Entry, error) bool) bool {
	entries, err := l.fetch(ctx, indexes)
	if err != nil {
		yield(ledger.Entry{}, err)
		return false
	}
	for _, e := range entries {
		err, kept := l.alive(ctx), true
		if err == nil && keep != nil {
			kept, err = keep(e)
		}
		if err != nil {
			yield(ledger.Entry{}, err)
			return false
		}
		if kept && !yield(e, nil) {
			return false
		}
	}
	return true
}

// ProveInclusion implements ledger.Ledger.
func (l *Ledger) ProveInclusion(ctx context.Context, size, index int64) (ledger.Proof, error) {
	if err := l.reach(ctx, size, index); err != nil {
		return nil, err
	}
	if index == size {
		return nil, fmt.Errorf("%w: record %d of the tree of size %d", ledger.ErrNotFound, index, size)
	}
	within, cancel := l.within(ctx)
	defer cancel()
	p, err := tlog.ProveRecord(size, index, l.hashes(within))
	return ledger.Proof(p), l.because(ctx, err)
}

// ProveConsistency implements ledger.Ledger.
func (l *Ledger) ProveConsistency(ctx context.Context, size, old int64) (ledger.Proof, error) {
	if old < 0 || size < old {
		return nil, fmt.Errorf("%w: from size %d to size %d", ledger.ErrInvalid, old, size)
	}
	if err := l.reach(ctx, size, old); err != nil {
		return nil, err
	}
	if old == 0 {
		return nil, nil
	}
	within, cancel := l.within(ctx)
	defer cancel()
	p, err := tlog.ProveTree(size, old, l.hashes(within))
	return ledger.Proof(p), l.because(ctx, err)
}
