package tlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/ledger"
)

// view calls f with the newest tree. A partial tile is deleted once a wider one
// has replaced it, so f is called again, with the head of then, if a file was
// gone and the head has moved. If it has not, the file is missing.
func (l *Log) view(ctx context.Context, f func(tree) error) error {
	var last []byte
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if l.isClosed() {
			return ledger.ErrClosed
		}
		t, err := l.load()
		if err == nil {
			err = f(t)
		}
		if !errors.Is(err, fs.ErrNotExist) || errors.Is(err, ledger.ErrNoLedger) {
			return err
		}
		if last != nil && bytes.Equal(last, t.head.Note) {
			return missing(err)
		}
		last = append([]byte{}, t.head.Note...)
	}
}

// Head implements ledger.Ledger.
func (l *Log) Head(ctx context.Context) (h ledger.Head, err error) {
	err = l.view(ctx, func(t tree) error {
		h = t.head
		h.Note = bytes.Clone(h.Note)
		return nil
	})
	return h, err
}

// Get implements ledger.Ledger.
func (l *Log) Get(ctx context.Context, index int64) (e ledger.Entry, err error) {
	err = l.view(ctx, func(t tree) error {
		if err := within(t, index+1, index); err != nil {
			return err
		}
		e, err = t.entry(index)
		return err
	})
	return e, err
}

// within checks the arguments of a read: a size that the tree has reached, and
// an index in it.
func within(t tree, size, index int64) error {
	if index < 0 || size < 0 {
		return fmt.Errorf("%w: index %d, size %d", ledger.ErrInvalid, index, size)
	}
	if size > t.head.Size || index >= size {
		return fmt.Errorf("%w: record %d of the tree of size %d; the ledger has %d", ledger.ErrNotFound, index, size, t.head.Size)
	}
	return nil
}

// entry reads one record and checks it.
func (t tree) entry(index int64) (ledger.Entry, error) {
	b := bundleOf(index/tileWidth, t.head.Size)
	records, err := t.l.bundle(b)
	if err != nil {
		return ledger.Entry{}, err
	}
	leaf, err := t.leaves(index, index+1)
	if err != nil {
		return ledger.Entry{}, err
	}
	record := records[index%tileWidth]
	if err := t.isLeaf(record, leaf[0], index); err != nil {
		return ledger.Entry{}, err
	}
	return ledger.Entry{Index: index, Record: bytes.Clone(record)}, nil
}

// finder reads entries one by one, in order. The second of a bundle has all of
// that bundle checked at once, and the others are at hand.
type finder struct {
	t       tree
	bundle  int64
	reads   int      // in it
	records [][]byte // of it, checked
}

func (f *finder) entry(index int64) (ledger.Entry, error) {
	if n := index / tileWidth; n != f.bundle {
		f.bundle, f.reads, f.records = n, 0, nil
	}
	if f.reads++; f.reads == 1 {
		return f.t.entry(index)
	}
	if f.records == nil {
		var err error
		if f.records, err = f.t.checked(f.bundle); err != nil {
			return ledger.Entry{}, err
		}
	}
	return ledger.Entry{Index: index, Record: bytes.Clone(f.records[index%tileWidth])}, nil
}

// Scan implements ledger.Ledger.
func (l *Log) Scan(ctx context.Context, size, from int64) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		l.scan(ctx, size, from, yield)
	}
}

// scan yields entries [from, size) a bundle at a time, and reports whether it
// got to their end.
func (l *Log) scan(ctx context.Context, size, from int64, yield func(ledger.Entry, error) bool) bool {
	for first := true; first || from < size; first = false {
		var records [][]byte
		err := l.view(ctx, func(t tree) error {
			if from < 0 || size < 0 {
				return fmt.Errorf("%w: index %d, size %d", ledger.ErrInvalid, from, size)
			}
			if size > t.head.Size || from > size {
				return fmt.Errorf("%w: from %d in the tree of size %d; the ledger has %d", ledger.ErrNotFound, from, size, t.head.Size)
			}
			if from == size {
				return nil
			}
			var err error
			records, err = t.checked(from / tileWidth)
			return err
		})
		if err != nil {
			yield(ledger.Entry{}, err)
			return false
		}
		if records == nil {
			return true
		}
		for _, r := range records[from%tileWidth : min(int64(len(records)), size-from/tileWidth*tileWidth)] {
			if err := ctx.Err(); err != nil {
				yield(ledger.Entry{}, err)
				return false
			}
			if !yield(ledger.Entry{Index: from, Record: bytes.Clone(r)}, nil) {
				return false
			}
			from++
		}
	}
	return true
}

// Feed implements ledger.Ledger.
func (l *Log) Feed(ctx context.Context, from int64) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		if from < 0 {
			yield(ledger.Entry{}, fmt.Errorf("%w: index %d", ledger.ErrInvalid, from))
			return
		}
		next := from
		for {
			// Taken before the head is read, so that no change falls between.
			changed, err := l.watch.changed(l)
			var head ledger.Head
			if err == nil {
				head, err = l.Head(ctx)
			}
			if err != nil {
				yield(ledger.Entry{}, err)
				return
			}
			if head.Size > next {
				if !l.scan(ctx, head.Size, next, yield) {
					return
				}
				next = head.Size
				continue
			}
			select {
			case <-changed:
			case <-ctx.Done():
			case <-l.closing:
			}
		}
	}
}

// ProveInclusion implements ledger.Ledger.
func (l *Log) ProveInclusion(ctx context.Context, size, index int64) (p ledger.Proof, err error) {
	err = l.view(ctx, func(t tree) error {
		if err := within(t, size, index); err != nil {
			return err
		}
		proof, err := sumdb.ProveRecord(size, index, t)
		p = ledger.Proof(proof)
		return err
	})
	return p, err
}

// ProveConsistency implements ledger.Ledger.
func (l *Log) ProveConsistency(ctx context.Context, size, old int64) (p ledger.Proof, err error) {
	err = l.view(ctx, func(t tree) error {
		if old < 0 || size < old {
			return fmt.Errorf("%w: from size %d to size %d", ledger.ErrInvalid, old, size)
		}
		if size > t.head.Size {
			return fmt.Errorf("%w: tree of size %d; the ledger has %d", ledger.ErrNotFound, size, t.head.Size)
		}
		p, err = t.consistency(size, old)
		return err
	})
	return p, err
}

// consistency proves within a tree that it reached size by way of old.
func (t tree) consistency(size, old int64) (ledger.Proof, error) {
	if old == 0 {
		return nil, nil
	}
	proof, err := sumdb.ProveTree(size, old, t)
	return ledger.Proof(proof), err
}
