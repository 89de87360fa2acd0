package tlog

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

const origin = "example.com/log"

// testKey is the same in every process of a test.
func testKey() ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("a key for tests"))
	return ed25519.NewKeyFromSeed(seed[:])
}

func options(t testing.TB, pins string) Options {
	s, v, err := NewKey(origin, testKey())
	if err != nil {
		t.Fatal(err)
	}
	return Options{Verifiers: []note.Verifier{v}, Signer: s, KeysOf: ledgertest.KeysOf, Pins: pins}
}

// unsynced does all but wait for the disk, for tests that need many commits.
var unsynced = disk{
	Create: func(name string, data []byte) error { return os.WriteFile(name, data, 0o644) },
	Stage: func(name string, data []byte) (string, error) {
		temporary := temporaryName(name)
		return temporary, os.WriteFile(temporary, data, 0o644)
	},
	Replace: os.Rename,
	Mkdir:   durably.Mkdir,
	SyncDir: func(string) error { return nil },
	Remove:  os.Remove,
}

// newTestLog returns an empty log in a new folder, without waits for the disk.
func newTestLog(t testing.TB, dir string, o Options) *Log {
	t.Helper()
	l, err := initialise(t.Context(), dir, o, unsynced)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func reopen(t testing.TB, dir string, o Options) *Log {
	t.Helper()
	l, err := open(t.Context(), dir, o, unsynced)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestContract(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledger.Ledger {
		dir := t.TempDir()
		return newTestLog(t, dir+"/log", options(t, dir+"/pins"))
	})
}

// TestDurably appends with the disk as it is.
func TestDurably(t *testing.T) {
	dir := t.TempDir()
	l, err := Init(t.Context(), dir+"/log", options(t, dir+"/pins"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for i := range 3 {
		if _, err := l.Append(t.Context(), ledgertest.Record(fmt.Sprint(i), "x")); err != nil {
			t.Fatal(err)
		}
	}
	wholesome(t, l)
}

// wholesome wants no fault and no note.
func wholesome(t testing.TB, l *Log) Report {
	t.Helper()
	unlock, err := l.lock(nil) // once a writer has tidied up after its last answer
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	r, err := l.Verify(t.Context(), VerifyOptions{})
	if err != nil || len(r.Faults) > 0 || len(r.Notes) > 0 {
		t.Fatalf("verify: %v, faults %v, notes %v", err, r.Faults, r.Notes)
	}
	return r
}

// tempDir is t.TempDir in memory, where the system has such a place: tests that
// write thousands of files should not wait for what else the disk does.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "tlog-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func testRecord(i int) []byte {
	return ledgertest.Record(fmt.Sprint("id-", i), fmt.Sprint("content ", i), ledger.Key{Name: "third", Value: fmt.Sprint(i % 3)})
}

// appendAll appends test records [from, to) in one commit after another of at
// most batch each. The log must not have been used to append before or after.
func appendAll(t testing.TB, l *Log, from, to, batch int) {
	t.Helper()
	for from < to {
		n := min(batch, to-from)
		var requests []*request
		done := make(chan outcome, n)
		for i := from; i < from+n; i++ {
			k, err := ledgertest.KeysOf(testRecord(i))
			if err != nil {
				t.Fatal(err)
			}
			requests = append(requests, &request{ctx: t.Context(), record: testRecord(i), keys: k, done: done})
		}
		l.commit(requests)
		for range n {
			if o := <-done; o.err != nil {
				t.Fatal(o.err)
			}
		}
		from += n
	}
}

// grow makes a log with test records [0, size), closed.
func grow(t testing.TB, dir string, size, batch int, o Options) {
	t.Helper()
	l := newTestLog(t, dir, o)
	l.Close()
	appendMore(t, dir, 0, size, batch, o)
}

// appendMore adds test records to a log in a folder.
func appendMore(t testing.TB, dir string, from, to, batch int, o Options) {
	t.Helper()
	l, err := newLog(dir, o, unsynced)
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, from, to, batch)
	l.committer.index.close()
}

// oracle is the tree hash of RFC 6962, section 2.1, word for word.
func oracle(records [][]byte) ledger.Hash {
	switch n := len(records); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, records[0]...))
	default:
		k := 1
		for 2*k < n {
			k *= 2
		}
		l, r := oracle(records[:k]), oracle(records[k:])
		return sha256.Sum256(slices.Concat([]byte{1}, l[:], r[:]))
	}
}

// TestEverySize grows logs through every size up to where a third bundle
// begins, by batches of several sizes, and checks root, records, proofs and files.
func TestEverySize(t *testing.T) {
	for _, c := range []struct{ upTo, batch int }{{40, 1}, {530, 7}, {2100, 255}, {2100, 1024}} {
		t.Run(fmt.Sprint(c.batch), func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t) + "/log"
			o := options(t, "")
			grow(t, dir, 0, 1, o)
			l, err := newLog(dir, o, unsynced)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { l.committer.index.close() }()
			var records [][]byte
			var heads []ledger.Head
			for size := 0; size < c.upTo; size = len(records) {
				to := min(size+c.batch, c.upTo)
				appendAll(t, l, size, to, c.batch)
				for i := size; i < to; i++ {
					records = append(records, testRecord(i))
				}
				r := wholesome(t, l)
				if r.Head.Size != int64(to) || r.Head.Root != oracle(records) {
					t.Fatalf("head %+v at size %d", r.Head, to)
				}
				heads = append(heads, r.Head)
				for _, old := range heads {
					p, err := l.ProveConsistency(t.Context(), r.Head.Size, old.Size)
					if err != nil {
						t.Fatal(err)
					}
					if err := ledger.CheckConsistency(p, r.Head.Size, r.Head.Root, old.Size, old.Root); err != nil {
						t.Fatal(err)
					}
				}
				for _, i := range []int64{0, int64(size) / 2, int64(size), int64(to) - 1} {
					p, err := l.ProveInclusion(t.Context(), r.Head.Size, i)
					if err != nil {
						t.Fatal(err)
					}
					if err := ledger.CheckInclusion(p, r.Head.Size, r.Head.Root, i, records[i]); err != nil {
						t.Fatal(err)
					}
				}
			}
			next := 0
			for e, err := range l.Scan(t.Context(), int64(len(records)), 0) {
				if err != nil || e.Index != int64(next) || !bytes.Equal(e.Record, records[next]) {
					t.Fatalf("entry %d: %+v, %v", next, e, err)
				}
				next++
			}
			if next != len(records) {
				t.Fatalf("%d entries", next)
			}
		})
	}
}

// TestSideBySide lets several handles append at once, as processes would,
// while readers go on.
func TestSideBySide(t *testing.T) {
	dir := t.TempDir()
	o := options(t, dir+"/pins")
	reader := newTestLog(t, dir+"/log", o)
	const handles, records = 3, 120
	var wg sync.WaitGroup
	for h := range handles {
		l := reopen(t, dir+"/log", o)
		for g := range 4 {
			wg.Go(func() {
				for i := g; i < records; i += 4 {
					if h == 0 || i%2 == 0 { // some records are appended by all
						if _, err := l.Append(t.Context(), testRecord(i)); err != nil {
							t.Error(err)
						}
					}
				}
			})
		}
	}
	followed := make(chan int)
	go func() {
		n := 0
		for e, err := range reader.Feed(t.Context(), 0) {
			if err != nil || e.Index != int64(n) {
				t.Errorf("entry %d: %+v, %v", n, e, err)
				break
			}
			if _, err := reader.ProveInclusion(t.Context(), e.Index+1, e.Index/2); err != nil {
				t.Error(err)
				break
			}
			if n++; n == records {
				break
			}
		}
		followed <- n
	}()
	wg.Wait()
	if n := <-followed; n != records {
		t.Errorf("followed %d records", n)
	}
	if r := wholesome(t, reader); r.Head.Size != records {
		t.Errorf("size %d", r.Head.Size)
	}
}

// TestLockHeld closes a log while another process holds the lock for good.
func TestLockHeld(t *testing.T) {
	l := newTestLog(t, t.TempDir()+"/log", options(t, ""))
	unlock, err := l.lock(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ended := make(chan error)
	go func() {
		_, err := l.Append(t.Context(), testRecord(0))
		ended <- err
	}()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Init(ctx, l.Dir(), l.o); !errors.Is(err, context.Canceled) {
		t.Errorf("init: %v", err)
	}
	l.Close()
	if err := <-ended; !errors.Is(err, ledger.ErrClosed) {
		t.Errorf("append: %v", err)
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir() + "/log"
	o := options(t, "")
	grow(t, dir, 3, 1, o)

	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s2, v2, err := NewKey(origin, other)
	if err != nil {
		t.Fatal(err)
	}
	wrong := o
	wrong.Signer, wrong.Verifiers = s2, []note.Verifier{v2}
	if _, err := Open(t.Context(), dir, wrong); !errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("with another key: %v", err)
	}
	wrong.Verifiers = o.Verifiers
	if _, err := Open(t.Context(), dir, wrong); !errors.Is(err, ledger.ErrInvalid) {
		t.Errorf("with a signer that nobody would believe: %v", err)
	}
	_, elsewhere, err := NewKey("example.com/other", testKey())
	if err != nil {
		t.Fatal(err)
	}
	wrong.Signer, wrong.Verifiers = nil, []note.Verifier{elsewhere}
	if _, err := Open(t.Context(), dir, wrong); !errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("with another origin: %v", err)
	}
	wrong.Verifiers = []note.Verifier{o.Verifiers[0], elsewhere}
	if _, err := Open(t.Context(), dir, wrong); !errors.Is(err, ledger.ErrInvalid) {
		t.Errorf("with two origins: %v", err)
	}
	if _, _, err := NewKey("a log", testKey()); !errors.Is(err, ledger.ErrInvalid) {
		t.Errorf("origin with a space: %v", err)
	}

	// A new key takes over; the old one stays believed.
	rotated := o
	rotated.Signer, rotated.Verifiers = s2, []note.Verifier{o.Verifiers[0], v2}
	appendMore(t, dir, 3, 4, 1, rotated)
	wholesome(t, reopen(t, dir, rotated))
	if _, err := Open(t.Context(), dir, o); !errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("with the old key alone: %v", err)
	}

	readonly := rotated
	readonly.Signer = nil
	l := reopen(t, dir, readonly)
	if _, err := l.Append(t.Context(), testRecord(9)); !errors.Is(err, ledger.ErrReadOnly) {
		t.Errorf("append without a signer: %v", err)
	}
	if e, err := l.Get(t.Context(), 3); err != nil || !bytes.Equal(e.Record, testRecord(3)) {
		t.Errorf("%q, %v", e.Record, err)
	}
}

// TestWitnessed accepts a checkpoint with lines and signatures that are not ours.
func TestWitnessed(t *testing.T) {
	dir := t.TempDir() + "/log"
	o := options(t, "")
	grow(t, dir, 2, 1, o)
	l := reopen(t, dir, o)
	h, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(h.Note, l.verifiers)
	if err != nil {
		t.Fatal(err)
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	witness, _, err := NewKey("witness.example", key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := note.Sign(&note.Note{Text: n.Text + "an extension\n"}, o.Signer, witness)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/checkpoint", data, 0o644); err != nil {
		t.Fatal(err)
	}
	if h2, err := reopen(t, dir, o).Head(t.Context()); err != nil || h2.Size != 2 || !bytes.Equal(h2.Note, data) {
		t.Errorf("%+v, %v", h2, err)
	}
}

// TestResource serves every width of every tile that the log ever had.
func TestResource(t *testing.T) {
	dir := tempDir(t) + "/log"
	o := options(t, "")
	const size = 600
	grow(t, dir, size, size, o)
	l := reopen(t, dir, o)
	get := func(path string) []byte {
		data, err := l.Resource(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	if h, err := l.Head(t.Context()); err != nil || !bytes.Equal(get("checkpoint"), h.Note) {
		t.Error("checkpoint")
	}
	for _, path := range []string{"tile/0/000", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/001", "tile/entries/002.p/88"} {
		file, err := os.ReadFile(dir + "/" + path)
		if err != nil || !bytes.Equal(get(path), file) {
			t.Errorf("%s: %v", path, err)
		}
		whole, _, _ := strings.Cut(path, ".p/")
		narrow := get(whole + ".p/1")
		if len(narrow) == 0 || len(narrow) >= len(file) || !bytes.HasPrefix(file, narrow) {
			t.Errorf("%s: cut to %d bytes", path, len(narrow))
		}
	}
	for path, want := range map[string]error{
		"tile/0/002": ledger.ErrNotFound, "tile/0/002.p/89": ledger.ErrNotFound, "tile/2/000.p/1": ledger.ErrNotFound,
		"tile/entries/003": ledger.ErrNotFound, "tile/entries/x999/x999/999": ledger.ErrNotFound, "tile/6/x999/x999/999": ledger.ErrNotFound,
		"tile/63/000": ledger.ErrInvalid, "tile/data/000": ledger.ErrInvalid, "tile/8/0/000": ledger.ErrInvalid, "lock": ledger.ErrInvalid,
		"tile/0/x999/x999/x999/x999/x999/999": ledger.ErrInvalid, "tile/0/../../checkpoint": ledger.ErrInvalid, "": ledger.ErrInvalid,
	} {
		if _, err := l.Resource(t.Context(), path); !errors.Is(err, want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestCheckpointBits flips every bit of a checkpoint.
func TestCheckpointBits(t *testing.T) {
	l := newTestLog(t, tempDir(t)+"/log", options(t, ""))
	data, err := l.sign(1234, ledger.RecordHash([]byte("x")))
	if err != nil {
		t.Fatal(err)
	}
	if h, err := l.parseCheckpoint(data); err != nil || h.Size != 1234 {
		t.Fatal(h, err)
	}
	for i := range 8 * len(data) {
		data[i/8] ^= 1 << (i % 8)
		if _, err := l.parseCheckpoint(data); err == nil {
			t.Errorf("bit %d of byte %d: %q", i%8, i/8, data)
		}
		data[i/8] ^= 1 << (i % 8)
	}
	for _, text := range []string{
		origin + "\n01\n" + noRoot, origin + "\n-1\n" + noRoot, origin + "\n+1\n" + noRoot,
		origin + "\n999999999999999\n" + noRoot, origin + "\n1\nAAAA\n", origin + "\n0\n" + noRoot, origin + "\n1\n",
		"example.com/other\n1\n" + noRoot,
	} {
		signed, err := note.Sign(&note.Note{Text: text}, l.o.Signer)
		if err != nil {
			t.Fatal(err)
		}
		if h, err := l.parseCheckpoint(signed); err == nil {
			t.Errorf("%q gave %+v", text, h)
		}
	}
}

var noRoot = strings.Repeat("A", 43) + "=\n"

// TestMovedOn lets a file go away under a reader: with the head moved, it looks
// again; otherwise the file is missing.
func TestMovedOn(t *testing.T) {
	dir := tempDir(t) + "/log"
	o := options(t, "")
	grow(t, dir, 1, 1, o)
	l := reopen(t, dir, o)
	for appends := range 3 {
		sizes := []int64{}
		err := l.view(t.Context(), func(tr tree) error {
			sizes = append(sizes, tr.head.Size)
			if n := len(sizes); n <= appends {
				appendMore(t, dir, int(tr.head.Size), int(tr.head.Size)+1, 1, o)
				return &fs.PathError{Op: "open", Path: "tile", Err: fs.ErrNotExist}
			}
			return nil
		})
		if err != nil || len(sizes) != appends+1 || sizes[appends] != sizes[0]+int64(appends) {
			t.Errorf("%v, %v", sizes, err)
		}
	}
	err := l.view(t.Context(), func(tree) error { return fs.ErrNotExist })
	if !errors.Is(err, ledger.ErrCorrupt) {
		t.Error(err)
	}
}

// TestMovedAway moves the log's folder away between the acknowledgement of
// records and the writing of their keys: nothing is made where it was.
func TestMovedAway(t *testing.T) {
	for _, records := range []int{1, tileWidth + 1} { // the keys go to the tail, and to a segment
		dir := tempDir(t) + "/log"
		moved := dir + ".away"
		d := unsynced
		d.Mkdir = func(base, name string) error {
			if strings.HasPrefix(name, dir+"/index") {
				if err := os.Rename(dir, moved); err != nil && !errors.Is(err, fs.ErrNotExist) {
					t.Error(err)
				}
			}
			return unsynced.Mkdir(base, name)
		}
		l, err := initialise(t.Context(), dir, options(t, ""), d)
		if err != nil {
			t.Fatal(err)
		}
		batch := make([][]byte, records)
		for i := range batch {
			batch[i] = testRecord(i)
		}
		if _, err := l.AppendAll(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		l.Close()
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("after %d records something is where the log was: %v", records, err)
		}
		if _, err := os.Lstat(moved + "/checkpoint"); err != nil {
			t.Error(err)
		}
	}
}
