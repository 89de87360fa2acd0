package tlog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

func found(t *testing.T, l *Log, size int64, key ledger.Key) (indexes []int64) {
	t.Helper()
	for e, err := range l.Find(t.Context(), size, 0, key) {
		if err != nil {
			t.Fatal(err)
		}
		indexes = append(indexes, e.Index)
	}
	return indexes
}

// finds wants what the index says of every third record, and that known
// records are known wherever their keys lie.
func finds(t *testing.T, l *Log, size int) {
	t.Helper()
	for v := range 3 {
		var want []int64
		for i := v; i < size; i += 3 {
			want = append(want, int64(i))
		}
		if got := found(t, l, int64(size), ledger.Key{Name: "third", Value: fmt.Sprint(v)}); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("value %d: found %d of %d", v, len(got), len(want))
		}
	}
	for i := 0; i < size; i += 97 {
		if r, err := l.Append(t.Context(), testRecord(i)); err != nil || r.Index != int64(i) || !r.Known {
			t.Fatalf("record %d again: %+v, %v", i, r, err)
		}
	}
	if _, err := l.Append(t.Context(), ledgertest.Record("id-3", "changed")); !errors.Is(err, ledger.ErrConflict) {
		t.Fatal(err)
	}
}

// TestIndex deletes the index, damages it, gives it a new version, puts that of
// another log in its place: the answers stay, and the files come back.
func TestIndex(t *testing.T) {
	dir, other := tempDir(t)+"/log", tempDir(t)+"/other"
	o := options(t, "")
	const size = 1024 + 2*256 + 5 // a segment of level 1, two of level 0, a tail
	grow(t, dir, size, 1024, o)
	grow(t, other, 0, 1, o)
	appendMore(t, other, 7, 7+size, 1024, o)
	files, err := filepath.Glob(dir + "/index/*/*")
	if err != nil || len(files) != 3 {
		t.Fatalf("%v, %v", files, err)
	}
	l := reopen(t, dir, o)
	finds(t, l, size)
	wholesome(t, l)
	l.Close()

	remove := func(t *testing.T) { os.RemoveAll(dir + "/index") }
	for _, c := range []struct {
		name    string
		break_  func(*testing.T)
		version uint32
	}{
		{"deleted", remove, 0},
		{"of other keys", func(*testing.T) {}, 1},
		{"of another log", func(t *testing.T) {
			remove(t)
			if err := os.CopyFS(dir+"/index", os.DirFS(other+"/index")); err != nil {
				t.Fatal(err)
			}
		}, 1},
		{"flipped bits", func(t *testing.T) {
			for _, f := range files {
				data, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				for i := headerSize + 8; i < len(data); i += 40 {
					data[i] ^= 4
				}
				if err := os.WriteFile(f, data, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.break_(t)
			o := o
			o.KeysVersion = c.version
			l := reopen(t, dir, o)
			finds(t, l, size) // appends known records, which mends the index
			wholesome(t, l)
			l.Close()
			c.break_(t)
			l = reopen(t, dir, o)
			if err := l.Reindex(t.Context()); err != nil {
				t.Fatal(err)
			}
			wholesome(t, l)
			finds(t, l, size)
		})
	}
}

// TestIndexOfReader answers from the log where the index cannot be written.
func TestIndexOfReader(t *testing.T) {
	dir := tempDir(t) + "/log"
	o := options(t, "")
	grow(t, dir, 600, 300, o)
	if err := os.RemoveAll(dir + "/index"); err != nil {
		t.Fatal(err)
	}
	o.Signer = nil
	l := reopen(t, dir, o)
	if got := found(t, l, 600, ledger.Key{Name: "third", Value: "1"}); len(got) != 200 {
		t.Errorf("found %d", len(got))
	}
	if _, err := os.Stat(dir + "/index"); err == nil {
		t.Error("a reader wrote")
	}
}

// TestIndexLies puts a posting into the index that the log does not bear out,
// with right checksums, and takes one away.
func TestIndexLies(t *testing.T) {
	dir := tempDir(t) + "/log"
	o := options(t, "")
	grow(t, dir, 256, 256, o)
	l := reopen(t, dir, o)
	tr, err := l.load()
	if err != nil {
		t.Fatal(err)
	}
	x := openIndex(tr, nil)
	s := x.segments[0]
	honest, err := tr.derive(s.id, s.subtree)
	if err != nil {
		t.Fatal(err)
	}
	lying := &segment{count: honest.count}
	lie := keyHash(ledger.Key{Name: "third", Value: "0"})
	for _, p := range honest.postings {
		if p.hash == lie && p.index == 3 {
			p.index = 4
		}
		lying.postings = append(lying.postings, p)
	}
	if err := writeSegment(l.path(s.id.path()), s.id, s.subtree, 0, []*segment{lying}); err != nil {
		t.Fatal(err)
	}
	for _, i := range found(t, l, 256, ledger.Key{Name: "third", Value: "0"}) {
		if i == 4 {
			t.Error("a record was found under a key that it does not have")
		}
	}
	path := l.path(s.id.path())
	lies := func(want string) {
		t.Helper()
		r, err := l.Verify(t.Context(), VerifyOptions{})
		if err != nil || len(r.Faults) != 1 || !strings.HasPrefix(r.Faults[0].String(), path+": "+want) {
			t.Errorf("verify: %v, %v, want %q", err, r.Faults, want)
		}
	}
	lies("lacks a key of record 3")
	lying.postings = slices.Clone(honest.postings)
	lying.postings[7].index = 255
	write := func() {
		t.Helper()
		lying.count = int64(len(lying.postings))
		if err := writeSegment(path, s.id, s.subtree, 0, []*segment{lying}); err != nil {
			t.Fatal(err)
		}
	}
	write()
	lies("lacks a key of record ")
	lying.postings = append(slices.Clone(honest.postings), posting{^uint64(0), 9})
	write()
	lies("has a key of record 9 that the record does not have")
	lying.postings = slices.Clone(honest.postings)
	lying.postings[0], lying.postings[1] = lying.postings[1], lying.postings[0]
	write()
	lies("keys of record ")
}

// TestSegmentsOf wants every bundle in one segment, and few of them.
func TestSegmentsOf(t *testing.T) {
	for n := range int64(3000) {
		next := int64(0)
		ids := segmentsOf(n)
		for _, id := range ids {
			if id.from() != next {
				t.Fatalf("%d bundles: %v", n, ids)
			}
			next = id.to()
		}
		if next != n*tileWidth || len(ids) > 18 {
			t.Fatalf("%d bundles: %v", n, ids)
		}
	}
}
