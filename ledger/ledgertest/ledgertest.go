// Package ledgertest holds any engine to the contract of ledger.Ledger.
package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/mmaudit/mmaudit/ledger"
)

// Open returns a ledger that is empty, derives keys with KeysOf of this package,
// and is closed at the end of the test.
type Open func(t *testing.T) ledger.Ledger

// Ledgers is how many ledgers Run opens.
const Ledgers = 13

// Run runs the whole suite.
func Run(t *testing.T, open Open) {
	tests := []struct {
		name string
		test func(*testing.T, ledger.Ledger)
	}{
		{"Empty", empty},
		{"Append", appends},
		{"Idempotency", idempotency},
		{"Refusals", refusals},
		{"Limits", limits},
		{"Scan", scan},
		{"Find", find},
		{"Feed", feed},
		{"Proofs", proofs},
		{"ConcurrentWriters", writers},
		{"Batches", batches},
		{"Cancelled", cancelled},
		{"Closed", closed},
	}
	if len(tests) != Ledgers {
		t.Fatalf("%d tests, want %d", len(tests), Ledgers)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.test(t, open(t)) })
	}
}

func record(i int) []byte {
	return Record(fmt.Sprint("id-", i), fmt.Sprint("content ", i),
		ledger.Key{Name: "model", Value: fmt.Sprint("m", i%3)}, ledger.Key{Name: "event", Value: "train.started"})
}

// fill appends records [from, to) and checks their receipts.
func fill(t *testing.T, l ledger.Ledger, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		r, err := l.Append(t.Context(), record(i))
		if err != nil {
			t.Fatal(err)
		}
		if r.Index != int64(i) || r.Size <= r.Index || r.Known {
			t.Fatalf("receipt %+v of record %d", r, i)
		}
	}
}

func head(t *testing.T, l ledger.Ledger) ledger.Head {
	t.Helper()
	h, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

// collect reads a sequence to its end.
func collect(seq func(func(ledger.Entry, error) bool)) (es []ledger.Entry, err error) {
	for e, err := range seq {
		if err != nil {
			return es, err
		}
		es = append(es, e)
	}
	return es, nil
}

// wants checks that entries are the records of these indexes.
func wants(t *testing.T, es []ledger.Entry, indexes ...int) {
	t.Helper()
	if len(es) != len(indexes) {
		t.Fatalf("%d entries, want %v", len(es), indexes)
	}
	for i, e := range es {
		if e.Index != int64(indexes[i]) || !bytes.Equal(e.Record, record(indexes[i])) {
			t.Fatalf("entry %d is %d, %q; want %d", i, e.Index, e.Record, indexes[i])
		}
	}
}

func upTo(from, to int) (indexes []int) {
	for i := from; i < to; i++ {
		indexes = append(indexes, i)
	}
	return indexes
}

func empty(t *testing.T, l ledger.Ledger) {
	h := head(t, l)
	if h.Size != 0 || h.Root != ledger.EmptyRoot() || h.Origin == "" || len(h.Note) == 0 {
		t.Errorf("head %+v", h)
	}
	_, err := l.Get(t.Context(), 0)
	is(t, err, ledger.ErrNotFound)
	es, err := collect(l.Scan(t.Context(), 0, 0))
	if len(es) != 0 || err != nil {
		t.Errorf("scan: %v, %v", es, err)
	}
	es, err = collect(l.Find(t.Context(), 0, 0, ledger.Key{Name: "model", Value: "m0"}))
	if len(es) != 0 || err != nil {
		t.Errorf("find: %v, %v", es, err)
	}
	if p, err := l.ProveConsistency(t.Context(), 0, 0); err != nil || ledger.CheckConsistency(p, 0, h.Root, 0, h.Root) != nil {
		t.Errorf("consistency: %v, %v", p, err)
	}
}

func appends(t *testing.T, l ledger.Ledger) {
	for i := range 5 {
		fill(t, l, i, i+1)
		if h := head(t, l); h.Size != int64(i+1) {
			t.Fatalf("size %d after %d appends", h.Size, i+1)
		}
		e, err := l.Get(t.Context(), int64(i))
		if err != nil {
			t.Fatal(err)
		}
		wants(t, []ledger.Entry{e}, i)
		clear(e.Record) // it is ours
	}
	e, err := l.Get(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	wants(t, []ledger.Entry{e}, 2)

	mine := record(5)
	if _, err := l.Append(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	clear(mine) // it is ours again
	if e, err = l.Get(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	wants(t, []ledger.Entry{e}, 5)
}

func idempotency(t *testing.T, l ledger.Ledger) {
	fill(t, l, 0, 3)
	before := head(t, l)
	r, err := l.Append(t.Context(), record(1))
	if err != nil || r.Index != 1 || !r.Known || r.Size < 2 {
		t.Errorf("again: %+v, %v", r, err)
	}
	_, err = l.Append(t.Context(), Record("id-1", "other content"))
	is(t, err, ledger.ErrConflict)
	if h := head(t, l); h.Size != before.Size || h.Root != before.Root {
		t.Errorf("head moved from %d to %d", before.Size, h.Size)
	}
	fill(t, l, 3, 4)

	// All at once: one is stored, and every caller is told where.
	var wg sync.WaitGroup
	receipts := make([]ledger.Receipt, 20)
	for i := range receipts {
		wg.Go(func() {
			var err error
			if receipts[i], err = l.Append(t.Context(), record(4)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	fresh := 0
	for _, r := range receipts {
		if r.Index != 4 {
			t.Errorf("receipt %+v", r)
		}
		if !r.Known {
			fresh++
		}
	}
	if h := head(t, l); h.Size != 5 || fresh != 1 {
		t.Errorf("size %d; new to %d callers", h.Size, fresh)
	}
}

func refusals(t *testing.T, l ledger.Ledger) {
	fill(t, l, 0, 3)
	ctx := t.Context()
	_, err := l.Append(ctx, nil)
	is(t, err, ledger.ErrInvalid)
	_, err = l.Append(ctx, []byte("no keys"))
	is(t, err, ledger.ErrInvalid)
	_, err = l.Append(ctx, Record("", "no id"))
	is(t, err, ledger.ErrInvalid)
	_, err = l.Append(ctx, Record(strings.Repeat("i", ledger.MaxKey+1), ""))
	is(t, err, ledger.ErrInvalid)
	_, err = l.Append(ctx, Record("name", "", ledger.Key{Name: "", Value: "v"}))
	is(t, err, ledger.ErrInvalid)
	_, err = l.Append(ctx, Record("large", strings.Repeat("x", ledger.MaxRecord)))
	is(t, err, ledger.ErrTooLarge)

	_, err = l.Get(ctx, -1)
	is(t, err, ledger.ErrInvalid)
	_, err = l.Get(ctx, 3)
	is(t, err, ledger.ErrNotFound)
	for _, c := range []struct {
		size, from int64
		want       error
	}{{4, 0, ledger.ErrNotFound}, {3, 4, ledger.ErrNotFound}, {-1, 0, ledger.ErrInvalid}, {3, -1, ledger.ErrInvalid}} {
		_, err := collect(l.Scan(ctx, c.size, c.from))
		is(t, err, c.want)
		_, err = collect(l.Find(ctx, c.size, c.from, ledger.Key{Name: "model", Value: "m0"}))
		is(t, err, c.want)
		_, err = l.ProveInclusion(ctx, c.size, max(c.from, -1))
		is(t, err, c.want)
	}
	_, err = l.ProveInclusion(ctx, 3, 3)
	is(t, err, ledger.ErrNotFound)
	_, err = l.ProveConsistency(ctx, 4, 1)
	is(t, err, ledger.ErrNotFound)
	_, err = l.ProveConsistency(ctx, 1, 2)
	is(t, err, ledger.ErrInvalid)
	_, err = l.ProveConsistency(ctx, 1, -1)
	is(t, err, ledger.ErrInvalid)
	for _, err := range l.Feed(ctx, -1) {
		is(t, err, ledger.ErrInvalid)
	}
	if h := head(t, l); h.Size != 3 {
		t.Errorf("size %d", h.Size)
	}
}

// limits stores the smallest and the largest record, and bytes of every value.
func limits(t *testing.T, l ledger.Ledger) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	small, odd := Record("i", ""), Record("every", string(every))
	large := Record("large", "")
	large = append(large, make([]byte, ledger.MaxRecord-len(large))...)
	for i, r := range [][]byte{small, large, odd} {
		if _, err := l.Append(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		e, err := l.Get(t.Context(), int64(i))
		if err != nil || !bytes.Equal(e.Record, r) {
			t.Errorf("record %d of %d bytes came back with %d, %v", i, len(r), len(e.Record), err)
		}
	}
}

// scan reads in pages while the ledger grows: a size is a snapshot.
func scan(t *testing.T, l ledger.Ledger) {
	fill(t, l, 0, 10)
	size := head(t, l).Size
	var all []ledger.Entry
	for next := int64(0); next < size; {
		page := 0
		for e, err := range l.Scan(t.Context(), size, next) {
			if err != nil {
				t.Fatal(err)
			}
			all, next = append(all, e), e.Index+1
			if page++; page == 3 {
				break
			}
		}
		fill(t, l, int(head(t, l).Size), int(head(t, l).Size)+1)
	}
	wants(t, all, upTo(0, 10)...)
	seq := l.Scan(t.Context(), 7, 4)
	for range 2 { // may be read twice
		es, err := collect(seq)
		if err != nil {
			t.Fatal(err)
		}
		wants(t, es, 4, 5, 6)
	}
	if es, err := collect(l.Scan(t.Context(), 7, 7)); len(es) != 0 || err != nil {
		t.Errorf("%v, %v at the end", es, err)
	}
}

func find(t *testing.T, l ledger.Ledger) {
	fill(t, l, 0, 10)
	for _, c := range []struct {
		size, from int64
		key        ledger.Key
		want       []int
	}{
		{10, 0, ledger.Key{Name: "model", Value: "m1"}, []int{1, 4, 7}},
		{10, 2, ledger.Key{Name: "model", Value: "m1"}, []int{4, 7}},
		{7, 0, ledger.Key{Name: "model", Value: "m1"}, []int{1, 4}},
		{10, 0, ledger.Key{Name: "event", Value: "train.started"}, upTo(0, 10)},
		{10, 0, ledger.Key{Name: "model", Value: "m"}, nil},
		{10, 0, ledger.Key{Name: "mode", Value: "lm1"}, nil},
		{10, 0, ledger.Key{Name: "", Value: "id-1"}, nil}, // an idempotency key is no index key
	} {
		es, err := collect(l.Find(t.Context(), c.size, c.from, c.key))
		if err != nil {
			t.Fatal(err)
		}
		wants(t, es, c.want...)
	}
	for e, err := range l.Find(t.Context(), 10, 0, ledger.Key{Name: "model", Value: "m2"}) {
		if err != nil {
			t.Fatal(err)
		}
		wants(t, []ledger.Entry{e}, 2)
		break
	}
	// The keys of a record added later are found at once.
	fill(t, l, 10, 11)
	es, err := collect(l.Find(t.Context(), 11, 8, ledger.Key{Name: "model", Value: "m1"}))
	if err != nil {
		t.Fatal(err)
	}
	wants(t, es, 10)
}

// feed follows the ledger, goes away, and comes back.
func feed(t *testing.T, l ledger.Ledger) {
	fill(t, l, 0, 4)
	const total = 20
	var wg sync.WaitGroup
	write := func(from, to int) {
		for i := from; i < to; i++ {
			if _, err := l.Append(t.Context(), record(i)); err != nil {
				t.Error(err)
			}
		}
	}
	wg.Go(func() { write(4, total) })
	var all []ledger.Entry
	for next := int64(0); next < total; {
		page := 0
		for e, err := range l.Feed(t.Context(), next) {
			if err != nil {
				t.Fatal(err)
			}
			all, next = append(all, e), e.Index+1
			if page++; page == 7 || next == total {
				break
			}
		}
	}
	wg.Wait()
	wants(t, all, upTo(0, total)...)

	// It waits at the end, also beyond it, until there is more or ctx ends.
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() { write(total, total+2) })
	for e, err := range l.Feed(ctx, total+1) {
		if err != nil {
			is(t, err, context.Canceled)
			break
		}
		wants(t, []ledger.Entry{e}, total+1)
		cancel()
	}
	if ctx.Err() == nil {
		t.Error("feed ended without an error")
	}
	cancel()
	wg.Wait()
}

// proofs checks every proof of every tree up to a size, and that no proof
// serves another record, root or size.
func proofs(t *testing.T, l ledger.Ledger) {
	const n = 9
	heads := []ledger.Head{head(t, l)}
	for i := range n {
		fill(t, l, i, i+1)
		heads = append(heads, head(t, l))
	}
	for size := int64(1); size <= n; size++ {
		for i := range size {
			p, err := l.ProveInclusion(t.Context(), size, i)
			if err != nil {
				t.Fatal(err)
			}
			if err := ledger.CheckInclusion(p, size, heads[size].Root, i, record(int(i))); err != nil {
				t.Error(err)
			}
			if ledger.CheckInclusion(p, size, heads[size].Root, i, record(int(i)+1)) == nil ||
				ledger.CheckInclusion(p, size, heads[size-1].Root, i, record(int(i))) == nil {
				t.Errorf("the proof of record %d in size %d proves too much", i, size)
			}
		}
		for old := range size + 1 {
			p, err := l.ProveConsistency(t.Context(), size, old)
			if err != nil {
				t.Fatal(err)
			}
			if err := ledger.CheckConsistency(p, size, heads[size].Root, old, heads[old].Root); err != nil {
				t.Error(err)
			}
			if old > 0 && ledger.CheckConsistency(p, size, heads[size].Root, old, heads[old-1].Root) == nil {
				t.Errorf("the proof from %d to %d proves too much", old, size)
			}
		}
	}
}

// writers append side by side: every record once, each where its receipt says.
func writers(t *testing.T, l ledger.Ledger) {
	const n, each = 8, 10
	at := make([]int64, n*each)
	var wg sync.WaitGroup
	for w := range n {
		wg.Go(func() {
			for i := w * each; i < (w+1)*each; i++ {
				r, err := l.Append(t.Context(), record(i))
				if err != nil {
					t.Error(err)
					return
				}
				at[i] = r.Index
				// An acknowledged append is seen by what begins after it.
				if h, err := l.Head(t.Context()); err != nil || h.Size <= r.Index {
					t.Errorf("head %d, %v after record %d", h.Size, err, r.Index)
				}
			}
		})
	}
	wg.Wait()
	es, err := collect(l.Scan(t.Context(), n*each, 0))
	if err != nil || len(es) != n*each || head(t, l).Size != n*each {
		t.Fatalf("%d entries, %v", len(es), err)
	}
	for i, index := range at {
		if !bytes.Equal(es[index].Record, record(i)) {
			t.Errorf("record %d is not at %d", i, index)
		}
	}
}

func cancelled(t *testing.T, l ledger.Ledger) {
	fill(t, l, 0, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Append(ctx, record(3))
	is(t, err, context.Canceled)
	_, err = l.Head(ctx)
	is(t, err, context.Canceled)
	_, err = l.Get(ctx, 0)
	is(t, err, context.Canceled)
	_, err = collect(l.Scan(ctx, 3, 0))
	is(t, err, context.Canceled)
	_, err = collect(l.Find(ctx, 3, 0, ledger.Key{Name: "model", Value: "m0"}))
	is(t, err, context.Canceled)
	_, err = collect(l.Feed(ctx, 0))
	is(t, err, context.Canceled)
	_, err = l.ProveInclusion(ctx, 3, 0)
	is(t, err, context.Canceled)
	_, err = l.ProveConsistency(ctx, 3, 1)
	is(t, err, context.Canceled)
	if h := head(t, l); h.Size != 3 {
		t.Errorf("size %d", h.Size)
	}
	fill(t, l, 3, 4)
}

func closed(t *testing.T, l ledger.Ledger) {
	fill(t, l, 0, 1)
	waiting := make(chan error, 1)
	go func() {
		_, err := collect(l.Feed(t.Context(), 1))
		waiting <- err
	}()
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	is(t, <-waiting, ledger.ErrClosed)
	_, err := l.Append(t.Context(), record(1))
	is(t, err, ledger.ErrClosed)
	_, err = l.Get(t.Context(), 0)
	is(t, err, ledger.ErrClosed)
}
