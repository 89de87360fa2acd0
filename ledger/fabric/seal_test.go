package fabric

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// TestSeal appends more than two tiles through two organisations, both of which
// seal. Who begins afterwards has the same ledger, and the chain itself finds
// what is sealed.
func TestSeal(t *testing.T) {
	n, _ := network(t, fabricnet.Options{}, "sealed")
	a := open(t, profileOf(t, n, "sealed", issue(t, n, 0, "a", chaincode.Writer)))
	b := open(t, profileOf(t, n, "sealed", issue(t, n, 1, "b", chaincode.Writer)))
	odd := ledger.Key{Name: "parity", Value: "odd"}
	const total, writers = 600, 60
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := w; i < total; i += writers {
				var keys []ledger.Key
				if i%2 == 1 {
					keys = append(keys, odd)
				}
				if _, err := []*Ledger{a, b}[w%2].Append(t.Context(), ledgertest.Record(fmt.Sprint("id-", i), "", keys...)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	tail := func(l *Ledger) (r wire.Rest) {
		t.Helper()
		if err := l.ask(t.Context(), l.peers[0], &r, wire.Tail); err != nil {
			t.Fatal(err)
		}
		return r
	}
	for a.sealing.Load() || b.sealing.Load() {
		time.Sleep(time.Millisecond)
	}
	for tail(a).Tiles < 2 { // both may have stood in each other's way
		a.sealed.Store(tail(a).Tiles)
		a.seal()
		time.Sleep(10 * time.Millisecond)
	}
	rest := 0
	for _, tx := range tail(a).Log {
		rest += len(tx.Records)
	}
	if rest != total-2*wire.TileWidth {
		t.Errorf("%d records are not sealed", rest)
	}

	before, err := a.Head(t.Context())
	if err != nil || before.Size != total {
		t.Fatal(before, err)
	}
	c := open(t, profileOf(t, n, "sealed", issue(t, n, 1, "c", "reader")))
	if after, err := c.Head(t.Context()); err != nil || after.Size != before.Size || after.Root != before.Root {
		t.Fatalf("%+v, %v, want %+v", after, err, before)
	}
	want, err := indexes(t, a, total, odd)
	if err != nil || len(want) != total/2 {
		t.Fatal(len(want), err)
	}
	if got, err := indexes(t, c, total, odd); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v", got, err)
	}

	// Page by page, of one tile each, from a place on.
	var found []int64
	for next, pages := int64(5), 0; ; pages++ {
		var page wire.Page
		err := c.ask(t.Context(), c.peers[0], &page, wire.Find, []byte(odd.Name), []byte(odd.Value), fmt.Append(nil, next), []byte("1"))
		if err != nil || pages > 1 || page.Tiles != 2 {
			t.Fatal(err, pages, page)
		}
		found = append(found, page.Indexes...)
		if next = page.Next; next == 0 {
			break
		}
	}
	from, _ := slices.BinarySearch(want, 5)
	last, _ := slices.BinarySearch(want, 2*wire.TileWidth)
	if !slices.Equal(found, want[from:last]) {
		t.Errorf("%v, want %v", found, want[from:last])
	}

	// A record goes on being found once, and nothing is left to seal.
	if r, err := c.Append(t.Context(), ledgertest.Record("id-600", "")); err == nil {
		t.Errorf("a reader appended: %+v", r)
	}
	if r, err := b.Append(t.Context(), ledgertest.Record("id-7", "", odd)); err != nil || !r.Known {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := a.sealNext(t.Context(), a.peers[0]); err == nil || !isStatus(err, wire.NotFound) {
		t.Errorf("a part of a tile was sealed: %v", err)
	}
	if _, err := c.sealNext(t.Context(), c.peers[0]); err == nil || !isStatus(err, wire.Forbidden) {
		t.Errorf("a reader sealed: %v", err)
	}
}

func isStatus(err error, status int) bool {
	r, ok := err.(*refusal)
	return ok && r.status == status
}

func indexes(t *testing.T, l *Ledger, size int64, k ledger.Key) (all []int64, err error) {
	for e, err := range l.Find(t.Context(), size, 0, k) {
		if err != nil {
			return nil, err
		}
		all = append(all, e.Index)
	}
	return all, nil
}
