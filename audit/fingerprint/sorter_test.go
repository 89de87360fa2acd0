//go:build unix

package fingerprint

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

// TestSorter sorts records with many equal keys in memory of all sizes, down
// to one record, and wants equal keys in the order in which they came.
func TestSorter(t *testing.T) {
	dir := t.TempDir()
	for _, limit := range []int{1, 500, 5000, 1 << 20} {
		rng := rand.New(rand.NewPCG(3, 4))
		s := &sorter{ctx: t.Context(), dir: dir, limit: limit}
		type rec struct{ key, val string }
		var want []rec
		for i := range 1000 {
			r := rec{fmt.Sprint(rng.IntN(300)), fmt.Sprint(i)}
			if i%100 == 0 {
				r.key = string(make([]byte, i)) // also nothing, also longer than the limit
			}
			want = append(want, r)
			must(t, s.add([]byte(r.key), []byte(r.val)))
			if len(s.runs) > maxRuns || cap(s.arena) > 2*limit+4096 {
				t.Fatalf("%d runs, %d bytes held of %d", len(s.runs), cap(s.arena), limit)
			}
		}
		slices.SortStableFunc(want, func(a, b rec) int { return cmp.Compare(a.key, b.key) })
		for range 2 {
			i := 0
			must(t, s.each(func(key, val []byte) error {
				if r := want[i]; r.key != string(key) || r.val != string(val) {
					t.Fatalf("limit %d, record %d: %q %q, want %q", limit, i, key, val, r)
				}
				i++
				return nil
			}))
			if i != len(want) {
				t.Fatalf("limit %d: %d of %d records", limit, i, len(want))
			}
		}
		if (len(s.runs) > 0) != (limit < 1<<20) {
			t.Errorf("limit %d: %d runs", limit, len(s.runs))
		}
		stop := errors.New("enough")
		if err := s.each(func([]byte, []byte) error { return stop }); !errors.Is(err, stop) {
			t.Error(err)
		}
		if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
			t.Errorf("left behind: %v, %v", list, err)
		}
		s.close()
	}
	s := &sorter{ctx: t.Context(), dir: dir + "/missing", limit: 1}
	must(t, s.add([]byte("a"), nil))
	if err := s.add([]byte("b"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder to spill to: %v", err)
	}
}

// TestCompact wants records that were merged left alone while others are small.
func TestCompact(t *testing.T) {
	s := &sorter{ctx: t.Context(), dir: t.TempDir(), limit: 1}
	defer s.close()
	for i := range 2000 {
		must(t, s.add([]byte{byte(i >> 8), byte(i)}, nil))
	}
	const record = 4
	total := int64(0)
	for _, run := range s.runs {
		total += run.size
		if info, err := run.Stat(); err != nil || info.Size() != run.size || run.size > maxRuns/2*record {
			t.Errorf("a run of %d bytes, %v", run.size, err)
		}
	}
	if total != 1999*record { // the last is in memory
		t.Errorf("%d bytes in %d runs", total, len(s.runs))
	}
}

// TestTornRun cuts a run short: nothing may be missing silently.
func TestTornRun(t *testing.T) {
	for n := range int64(8) {
		s := &sorter{ctx: t.Context(), dir: t.TempDir(), limit: 1}
		for i := range 3 {
			must(t, s.add([]byte{byte(i)}, []byte("value")))
		}
		must(t, s.spill())
		must(t, s.runs[2].Truncate(n))
		if err := s.each(func([]byte, []byte) error { return nil }); err == nil {
			t.Errorf("a run of %d bytes was read to the end", n)
		}
		s.close()
	}
}

func TestRow(t *testing.T) {
	r := row{
		path: "p", kind: 'f', trouble: unstable, cached: true, hasSHA256: true, empty: true, seen: -5,
		stat: stat{1, 1 << 63, 3, 4, 5, -6, 7}, digest: sum([]byte("d")), sha256: [32]byte{9}, note: "n\xff",
	}
	b := r.append(nil)
	got, err := parseRow([]byte("p"), b)
	if err != nil || got != r || !bytes.Equal(got.append(nil), b) {
		t.Errorf("%+v, %v", got, err)
	}
	for n := range len(b) - len(r.note) {
		if _, err := parseRow(nil, b[:n]); err == nil {
			t.Errorf("%d of %d bytes were taken", n, len(b))
		}
	}
}

// TestSorterCancelled ends sorts in memory, merges, and merges while adding.
func TestSorterCancelled(t *testing.T) {
	for _, limit := range []int{1, 1 << 20} {
		ctx, cancel := context.WithCancel(t.Context())
		s := &sorter{ctx: ctx, dir: t.TempDir(), limit: limit}
		for i := range 10 {
			must(t, s.add([]byte{byte(i)}, nil))
		}
		n := 0
		err := s.each(func([]byte, []byte) error {
			if n++; n == 3 {
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) || n != 3 {
			t.Errorf("limit %d: %v after %d records", limit, err, n)
		}
		s.close()
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := &sorter{ctx: ctx, dir: t.TempDir(), limit: 1}
	defer s.close()
	cancel()
	var err error
	n := 0
	for ; err == nil && n <= 2*maxRuns; n++ {
		err = s.add([]byte("key"), nil)
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v after %d records", err, n)
	}
}

func FuzzRow(f *testing.F) {
	r := row{path: "p", kind: 'f', hasSHA256: true, note: "note"}
	f.Add([]byte("p"), r.append(nil))
	f.Add([]byte(""), []byte("d"))
	f.Fuzz(func(t *testing.T, path, b []byte) {
		r, err := parseRow(path, b)
		if err == nil && (r.path != string(path) || !bytes.Equal(r.append(nil), b)) {
			t.Errorf("%x became %x", b, r.append(nil))
		}
	})
}
