package fabric

import (
	"bytes"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// A shadow is a ledger as it must be: records, and their tree by another library.
type shadow struct {
	records [][]byte
	stored  []tlog.Hash
}

func (s *shadow) ReadHashes(indexes []int64) (out []tlog.Hash, err error) {
	for _, i := range indexes {
		out = append(out, s.stored[i])
	}
	return out, nil
}

func (s *shadow) size() int64 { return int64(len(s.records)) }

func (s *shadow) root(t testing.TB, size int64) ledger.Hash {
	t.Helper()
	h, err := tlog.TreeHash(size, s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// next makes so many more records. Each has a key of its own, one that all have,
// and one that every third has.
func (s *shadow) next(t testing.TB, n int) (records [][]byte) {
	t.Helper()
	for range n {
		i := s.size()
		keys := []ledger.Key{all, {Name: "serial", Value: fmt.Sprint(i)}}
		if i%3 == 0 {
			keys = append(keys, third)
		}
		record := ledgertest.Record(fmt.Sprint("id-", i), "", keys...)
		more, err := tlog.StoredHashes(i, record, s)
		if err != nil {
			t.Fatal(err)
		}
		s.records, s.stored = append(s.records, record), append(s.stored, more...)
		records = append(records, record)
	}
	return records
}

var all, third = ledger.Key{Name: "all"}, ledger.Key{Name: "serial", Value: "third"}

// borders are indexes in [0, size] at the ends of tiles, and beside them.
func borders(size int64) (at []int64) {
	for tile := int64(0); tile <= size+1; tile += wire.TileWidth {
		for i := tile - 1; i <= tile+1; i++ {
			if i >= 0 && i <= size {
				at = append(at, i)
			}
		}
	}
	return slices.Compact(append(at, size))
}

// check compares all that a client says with what it must say.
func (s *shadow) check(t *testing.T, name string, l *Ledger) {
	t.Helper()
	n := s.size()
	h, err := l.Head(t.Context())
	if err != nil || h.Size != n || h.Root != s.root(t, n) {
		t.Fatalf("%s: head %+v, %v, want %d records", name, h, err, n)
	}
	inclusion := func(size, i int64) {
		t.Helper()
		got, err := l.ProveInclusion(t.Context(), size, i)
		want, _ := tlog.ProveRecord(size, i, s)
		if err != nil || !slices.Equal(got, ledger.Proof(want)) {
			t.Fatalf("%s: proof of record %d in %d: %v, %v, want %v", name, i, size, got, err, want)
		}
	}
	consistency := func(size, old int64) {
		t.Helper()
		got, err := l.ProveConsistency(t.Context(), size, old)
		if old == 0 && err == nil && len(got) == 0 {
			return
		}
		want, _ := tlog.ProveTree(size, old, s)
		if err != nil || !slices.Equal(got, ledger.Proof(want)) {
			t.Fatalf("%s: proof from %d to %d: %v, %v, want %v", name, old, size, got, err, want)
		}
	}
	for i := range n {
		inclusion(n, i)
		consistency(n, i)
	}
	for _, size := range borders(n) {
		for _, at := range borders(size) {
			consistency(size, at)
			if at < size {
				inclusion(size, at)
			}
		}
		for _, from := range borders(size) {
			if from > 0 && size < n {
				break
			}
			for _, key := range []ledger.Key{all, third, {Name: "serial", Value: fmt.Sprint(from)}, {Name: "nobody"}} {
				s.find(t, name, l, size, from, key)
			}
		}
	}
	for _, i := range borders(n - 1) {
		if e, err := l.Get(t.Context(), i); err != nil || !bytes.Equal(e.Record, s.records[i]) {
			t.Fatalf("%s: record %d is %q, %v", name, i, e.Record, err)
		}
	}
	i := int64(0)
	for e, err := range l.Scan(t.Context(), n, 0) {
		if err != nil || e.Index != i || !bytes.Equal(e.Record, s.records[i]) {
			t.Fatalf("%s: scan of record %d: %d, %q, %v", name, i, e.Index, e.Record, err)
		}
		i++
	}
	if i != n {
		t.Fatalf("%s: a scan of %d records", name, i)
	}
}

func (s *shadow) find(t *testing.T, name string, l *Ledger, size, from int64, key ledger.Key) {
	t.Helper()
	var want []int64
	for i := from; i < size; i++ {
		if key == all || key == third && i%3 == 0 || key.Value == fmt.Sprint(i) {
			want = append(want, i)
		}
	}
	var got []int64
	for e, err := range l.Find(t.Context(), size, from, key) {
		if err != nil || !bytes.Equal(e.Record, s.records[e.Index]) {
			t.Fatalf("%s: find %v from %d in %d: %d, %q, %v", name, key, from, size, e.Index, e.Record, err)
		}
		got = append(got, e.Index)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s: find %v from %d in %d: %v, want %v", name, key, from, size, got, want)
	}
}

// forgetful opens a client that leaves all that is sealed to the chain, and gets a
// tile on each page of the index, on peers as they are after change.
func forgetful(t *testing.T, p *Profile, change func([]*endpoint)) *Ledger {
	t.Helper()
	who, err := p.identity()
	if err != nil {
		t.Fatal(err)
	}
	peers, err := dialGateways(p, who)
	if err != nil {
		t.Fatal(err)
	}
	change(peers)
	l := newLedger(p, ledgertest.KeysOf, peers, 0)
	l.found = 1
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// TestBorders holds every proof and every find at the borders of tiles to what a
// tree of the records says, before and after each tile is sealed: for clients
// that were there, and for one that begins.
func TestBorders(t *testing.T) {
	n, _ := network(t, fabricnet.Options{BatchTimeout: 10 * time.Millisecond}, "borders")
	writer := open(t, profileOf(t, n, "borders", issue(t, n, 0, "writer", chaincode.Writer)))
	writer.sealed.Store(1 << 40) // the test seals
	reader := profileOf(t, n, "borders", issue(t, n, 1, "reader", ""))
	short := forgetful(t, reader, func([]*endpoint) {})
	var s shadow
	check := func(what string) {
		t.Helper()
		what = fmt.Sprintf("%d records, %s", s.size(), what)
		s.check(t, what+", the writer", writer)
		s.check(t, what+", who forgets", short)
		s.check(t, what+", who begins", open(t, reader))
	}
	for _, size := range []int64{255, 256, 257, 511, 512, 513} {
		if _, err := writer.AppendAll(t.Context(), s.next(t, int(size-s.size()))); err != nil {
			t.Fatal(err)
		}
		check("before sealing")
		if size == 512 {
			continue // this one is sealed when there is more
		}
		_, err := writer.sealNext(t.Context(), writer.peers[0])
		if size < 256 || size == 257 || size == 511 {
			if !isStatus(err, wire.NotFound) {
				t.Errorf("a part of a tile was sealed: %v", err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		check("after sealing")
	}
	if got := short.chain.base(); got != 512 {
		t.Errorf("%d records are forgotten", got)
	}

	// What is sealed is known, to who never had it too, and so is what one
	// transaction stored at the end of a tile and in the next one.
	for range 4 {
		if _, err := writer.AppendAll(t.Context(), s.next(t, 150)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if _, err := writer.sealNext(t.Context(), writer.peers[0]); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []*Ledger{writer, open(t, profileOf(t, n, "borders", issue(t, n, 1, "other", chaincode.Writer)))} {
		for _, i := range borders(s.size() - 1) {
			if r, err := l.Append(t.Context(), s.records[i]); err != nil || !r.Known || r.Index != i || r.Size != s.size() {
				t.Errorf("record %d again: %+v, %v", i, r, err)
			}
		}
		other := ledgertest.Record("id-3", "other bytes")
		if _, err := l.Append(t.Context(), other); !isStatus(err, wire.Conflict) {
			t.Errorf("other bytes: %v", err)
		}
	}
	if _, err := short.sealNext(t.Context(), short.peers[0]); !isStatus(err, wire.Forbidden) {
		t.Errorf("a reader sealed: %v", err)
	}
}

func isStatus(err error, status int) bool {
	r, ok := err.(*refusal)
	return ok && r.status == status
}

// TestSeal appends more than two tiles through two organisations, both of which
// seal. Who begins afterwards has the same ledger, and finds the same in it.
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
	sealed := func() int64 {
		t.Helper()
		var r wire.Rest
		if err := a.ask(t.Context(), a.peers[0], &r, wire.Tail); err != nil {
			t.Fatal(err)
		}
		return r.Tiles
	}
	for a.sealing.Load() || b.sealing.Load() {
		time.Sleep(time.Millisecond)
	}
	for sealed() < 2 { // both may have stood in each other's way
		a.sealed.Store(sealed())
		a.seal()
		time.Sleep(10 * time.Millisecond)
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
