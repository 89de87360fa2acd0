package verify

import (
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/ledger"
)

// TestEdge compares the root of every tree up to a size with that of another
// implementation, and of trees with one leaf changed with that of none.
func TestEdge(t *testing.T) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var out []tlog.Hash
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	var e edge
	for n := range int64(70) {
		want, err := tlog.TreeHash(n, reader)
		if err != nil {
			t.Fatal(err)
		}
		if e.size() != n || e.root() != want {
			t.Errorf("%d leaves: size %d, root %s, want %s", n, e.size(), e.root(), want)
		}
		for changed := range n {
			var other edge
			for i := range n {
				leaf := fmt.Sprint(i)
				if i == changed {
					leaf = "x"
				}
				other.add(ledger.RecordHash([]byte(leaf)))
			}
			if other.root() == want {
				t.Errorf("%d leaves: leaf %d is not under the root", n, changed)
			}
		}
		record := []byte(fmt.Sprint(n))
		hashes, err := tlog.StoredHashes(n, record, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
		e.add(ledger.RecordHash(record))
	}
}
