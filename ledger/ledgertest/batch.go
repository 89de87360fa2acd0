package ledgertest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/mmaudit/mmaudit/ledger"
)

// batches appends many records at a time, if the engine is a ledger.Batcher.
func batches(t *testing.T, l ledger.Ledger) {
	b, ok := l.(ledger.Batcher)
	if !ok {
		t.Skip("this engine has no AppendAll")
	}
	all := func(records ...[]byte) ([]ledger.Receipt, error) { return b.AppendAll(t.Context(), records) }
	if rs, err := all(); len(rs) != 0 || err != nil {
		t.Errorf("nothing: %v, %v", rs, err)
	}

	// More than fit into any commit, in order, with known ones among them.
	const many = 1200
	fill(t, l, 0, 2)
	var records [][]byte
	for i := range many {
		records = append(records, record(i))
	}
	records = append(records, record(many-1))
	rs, err := all(records...)
	if err != nil || len(rs) != len(records) {
		t.Fatalf("%d receipts, %v", len(rs), err)
	}
	for i, r := range rs {
		if want := (ledger.Receipt{Index: int64(min(i, many-1)), Size: r.Size, Known: i < 2 || i == many}); r != want || r.Size <= r.Index {
			t.Fatalf("receipt %+v of record %d, want %+v", r, i, want)
		}
	}
	es, err := collect(l.Scan(t.Context(), many, 0))
	if err != nil {
		t.Fatal(err)
	}
	wants(t, es, upTo(0, many)...)

	// Large ones: no more than fits into one message of the network.
	large := strings.Repeat("x", 60_000)
	records = nil
	for i := range 40 {
		records = append(records, Record(fmt.Sprint("large-", i), large))
	}
	if rs, err = all(records...); err != nil || len(rs) != len(records) || rs[39].Index != many+39 {
		t.Fatalf("%d receipts, %v", len(rs), err)
	}

	// What is refused ends it: those before it are stored, and none after it.
	size := head(t, l).Size
	conflict := Record("id-1", "other content")
	for i, c := range []struct {
		bad  []byte
		want error
	}{{conflict, ledger.ErrConflict}, {[]byte("no keys"), ledger.ErrInvalid}, {Record("large", strings.Repeat("x", ledger.MaxRecord)), ledger.ErrTooLarge}} {
		id := func(n int) []byte { return Record(fmt.Sprintf("refused-%d-%d", i, n), "") }
		rs, err := all(id(0), record(0), id(1), c.bad, id(2), c.bad, id(3))
		is(t, err, c.want)
		if len(rs) != 3 || rs[0].Index != size || !rs[1].Known || rs[1].Index != 0 || rs[2].Index != size+1 {
			t.Errorf("%v: receipts %+v, size was %d", c.want, rs, size)
		}
		if rs, err := all(c.bad, id(4)); len(rs) != 0 {
			t.Errorf("%v: receipts %+v after %v", c.want, rs, err)
		}
		if size += 2; head(t, l).Size != size {
			t.Fatalf("%v: size %d, want %d", c.want, head(t, l).Size, size)
		}
	}
	// Two that contradict each other.
	rs, err = all(Record("twice", "a"), Record("twice", "b"), Record("never", ""))
	is(t, err, ledger.ErrConflict)
	if len(rs) != 1 || rs[0].Index != size {
		t.Errorf("receipts %+v", rs)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	rs, err = b.AppendAll(ctx, [][]byte{Record("cancelled", "")})
	is(t, err, context.Canceled)
	if size++; len(rs) != 0 || head(t, l).Size != size {
		t.Errorf("receipts %+v, size %d", rs, head(t, l).Size)
	}

	// Side by side: each in its own order.
	const writers, each = 4, 20
	var wg sync.WaitGroup
	places := make([][]ledger.Receipt, writers)
	for w := range writers {
		wg.Go(func() {
			var records [][]byte
			for i := range each {
				records = append(records, Record(fmt.Sprintf("side-%d-%d", w, i), ""))
			}
			var err error
			if places[w], err = b.AppendAll(t.Context(), records); err != nil || len(places[w]) != each {
				t.Errorf("%d receipts, %v", len(places[w]), err)
			}
		})
	}
	wg.Wait()
	for w, rs := range places {
		for i, r := range rs {
			if i > 0 && r.Index <= rs[i-1].Index {
				t.Errorf("writer %d: record %d at %d, after one at %d", w, i, r.Index, rs[i-1].Index)
			}
		}
	}
	if h := head(t, l); h.Size != size+writers*each {
		t.Errorf("size %d, want %d", h.Size, size+writers*each)
	}
}
