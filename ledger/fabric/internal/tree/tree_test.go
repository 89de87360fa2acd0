package tree

import (
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

// TestTree goes on from the edge of each tree up to a size: every root, and every
// hash that the later records brought, is that of the whole tree. So it is when
// more is forgotten.
func TestTree(t *testing.T) {
	const n = 70
	var all []tlog.Hash
	whole := tlog.HashReaderFunc(func(indexes []int64) (out []tlog.Hash, err error) {
		for _, i := range indexes {
			out = append(out, all[i])
		}
		return out, nil
	})
	leaf := func(i int64) tlog.Hash { return tlog.RecordHash([]byte{byte(i)}) }
	for i := range int64(n) {
		hashes, err := tlog.StoredHashesForRecordHash(i, leaf(i), whole)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, hashes...)
	}
	for base := range int64(n) {
		edge, err := EdgeOf(base, whole)
		if err != nil {
			t.Fatal(err)
		}
		below, err := edge.Reader(base)
		if err != nil {
			t.Fatal(err)
		}
		grown := New(base, below)
		for size := base; ; size++ {
			got, err := grown.Root(size)
			want, _ := tlog.TreeHash(size, whole)
			if err != nil || got != want || grown.Size() != size || grown.Base() != base {
				t.Fatalf("from %d to %d: %v, %v, want %v", base, size, got, err, want)
			}
			if size == n {
				break
			}
			if err := grown.Add(leaf(size)); err != nil {
				t.Fatal(err)
			}
		}
		for i := tlog.StoredHashCount(base); i < int64(len(all)); i++ {
			if got, err := grown.ReadHashes([]int64{i}); err != nil || got[0] != all[i] {
				t.Fatalf("hash %d from %d: %v, %v", i, base, got, err)
			}
		}
		if _, err := grown.ReadHashes([]int64{int64(len(all))}); err == nil {
			t.Error("a hash that is not there")
		}
		if at := tlog.StoredHashCount(base) - 1; at >= 0 && !slices.Contains(edge, all[at]) {
			if _, err := grown.ReadHashes([]int64{at}); err == nil {
				t.Errorf("hash %d from %d, which is not on the edge", at, base)
			}
		}
		for size := base; size <= n; size += 1 + base {
			if err := grown.Forget(size); err != nil {
				t.Fatal(err)
			}
			for i := tlog.StoredHashCount(size); i < int64(len(all)); i++ {
				if got, err := grown.ReadHashes([]int64{i}); err != nil || got[0] != all[i] {
					t.Fatalf("hash %d, %d forgotten: %v, %v", i, size, got, err)
				}
			}
			want, _ := tlog.TreeHash(n, whole)
			if got, err := grown.Root(n); err != nil || got != want {
				t.Errorf("root, %d forgotten: %v, %v", size, got, err)
			}
		}
		if _, err := append(edge, tlog.Hash{}).Reader(base); err == nil {
			t.Error("an edge too long")
		}
	}
}
