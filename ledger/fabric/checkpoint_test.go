package fabric

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// TestCheckpoint has the chain say the head of every size, while tiles are sealed.
// Each must be that of the tree of the records, and stay so.
func TestCheckpoint(t *testing.T) {
	n, _ := network(t, fabricnet.Options{BatchTimeout: 10 * time.Millisecond}, "heads")
	writer := open(t, profileOf(t, n, "heads", issue(t, n, 0, "writer", chaincode.Writer)))
	reader := open(t, profileOf(t, n, "heads", issue(t, n, 1, "reader", "")))
	const origin, total = "some.example/ledger", 2*wire.TileWidth + 3
	say := func(size any) (string, error) {
		text, err := reader.evaluate(t.Context(), reader.peers[0], wire.Checkpoint, []byte(origin), fmt.Append(nil, size))
		return string(text), err
	}

	var hashes []tlog.Hash
	roots := []tlog.Hash{ledger.EmptyRoot()}
	stored := tlog.HashReaderFunc(func(indexes []int64) (out []tlog.Hash, err error) {
		for _, i := range indexes {
			out = append(out, hashes[i])
		}
		return out, nil
	})
	check := func() {
		t.Helper()
		for size, root := range roots {
			want := fmt.Sprintf("%s\n%d\n%s\n", origin, size, root)
			if got, err := say(size); err != nil || got != want {
				t.Fatalf("%q, %v, want %q", got, err, want)
			}
		}
		_, err := say(len(roots))
		if !isStatus(err, wire.NotFound) {
			t.Errorf("a size that is not there yet: %v", err)
		}
	}
	check()
	seal := func(want bool) {
		t.Helper()
		if _, err := writer.sealNext(t.Context(), writer.peers[0]); (err == nil) != want {
			t.Fatal(err)
		}
	}
	writer.sealed.Store(1 << 40) // the test seals
	for at := 0; at < total; {
		records := [][]byte{}
		for len(records) < 100 && at < total {
			record := ledgertest.Record(fmt.Sprint("id-", at), "")
			more, err := tlog.StoredHashes(int64(at), record, stored)
			if err != nil {
				t.Fatal(err)
			}
			hashes = append(hashes, more...)
			at++
			root, err := tlog.TreeHash(int64(at), stored)
			if err != nil {
				t.Fatal(err)
			}
			roots, records = append(roots, root), append(records, record)
		}
		if _, err := writer.AppendAll(t.Context(), records); err != nil {
			t.Fatal(err)
		}
	}
	check()
	for range 2 {
		seal(true)
		check()
	}
	seal(false)
	if h, err := reader.Head(t.Context()); err != nil || h.Size != total || h.Root != roots[total] {
		t.Errorf("%+v, %v", h, err)
	}

	for _, size := range []string{"", "-1", "+1", "01", "1.0", "9223372036854775808"} {
		if _, err := say(size); !errors.Is(err, ledger.ErrInvalid) {
			t.Errorf("size %q: %v", size, err)
		}
	}
	for _, origin := range []string{"", "a b", "a\n1", "a+b", "\xff"} {
		_, err := reader.evaluate(t.Context(), reader.peers[0], wire.Checkpoint, []byte(origin), []byte("1"))
		if !errors.Is(err, ledger.ErrInvalid) {
			t.Errorf("origin %q: %v", origin, err)
		}
	}
}
