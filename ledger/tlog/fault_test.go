package tlog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/mmaudit/mmaudit/ledger"
)

var errInjected = errors.New("injected fault")

// faulty counts the changes to the disk, and makes one of them fail.
type faulty struct {
	mu sync.Mutex
	n  int
	at int // which one fails; 0 for none
	// How it fails: its effect is lost, or persisted although an error is
	// reported; after it the disk works again, or is dead.
	persist, dead bool
	torn          bool // what is persisted of a new file is its first half
}

func (f *faulty) do(op func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	switch {
	case f.n == f.at && f.persist:
		return errors.Join(op(), errInjected)
	case f.n == f.at, f.dead && f.at > 0 && f.n > f.at:
		return errInjected
	default:
		return op()
	}
}

func (f *faulty) disk() disk {
	return disk{
		Create: func(name string, data []byte) error {
			return f.do(func() error {
				if f.torn && f.n == f.at {
					data = data[:len(data)/2]
				}
				return unsynced.Create(name, data)
			})
		},
		Stage: func(name string, data []byte) (temporary string, err error) {
			err = f.do(func() error {
				if f.torn && f.n == f.at {
					data = data[:len(data)/2]
				}
				temporary, err = unsynced.Stage(name, data)
				return err
			})
			return temporary, err
		},
		Replace: func(temporary, name string) error {
			return f.do(func() error { return unsynced.Replace(temporary, name) })
		},
		Mkdir:   func(base, dir string) error { return f.do(func() error { return unsynced.Mkdir(base, dir) }) },
		SyncDir: func(dir string) error { return f.do(func() error { return unsynced.SyncDir(dir) }) },
		Remove:  func(name string) error { return f.do(func() error { return unsynced.Remove(name) }) },
	}
}

// TestFaults lets every change to the disk fail in turn, in every way, while a
// log grows over the end of a bundle. Whatever happens: what was acknowledged is
// there once, and the log goes on.
func TestFaults(t *testing.T) {
	dir, pins := tempDir(t)+"/log", tempDir(t)
	o := options(t, pins)
	grow(t, dir, 253, 253, o)
	im := imageOf(t, dir, pins)
	const first, last, batch = 253, 259, 2
	for _, how := range []struct {
		name                string
		persist, dead, torn bool
	}{
		{"lost", false, false, false},
		{"persisted", true, false, false},
		{"torn", true, false, true},
		{"lost, then dead", false, true, false},
		{"persisted, then dead", true, true, false},
		{"torn, then dead", true, true, true},
	} {
		for at := 1; ; at++ {
			im.restore(t, dir, pins)
			f := &faulty{at: at, persist: how.persist, dead: how.dead, torn: how.torn}
			what := fmt.Sprintf("change %d %s", at, how.name)
			l, err := newLog(dir, o, f.disk())
			if err != nil {
				t.Fatal(err)
			}
			acked := map[int]int64{}
			for i := first; i < last; i += batch {
				done := [batch]chan outcome{}
				var requests []*request
				for j := range batch {
					k, _ := o.KeysOf(testRecord(i + j))
					done[j] = make(chan outcome, 1)
					requests = append(requests, &request{ctx: t.Context(), record: testRecord(i + j), keys: k, done: done[j]})
				}
				l.commit(requests)
				for j := range batch {
					switch o := <-done[j]; {
					case o.err == nil:
						acked[i+j] = o.receipt.Index
					case !errors.Is(o.err, errInjected):
						t.Fatalf("%s: %v", what, o.err)
					}
				}
			}
			l.committer.index.close()

			l = reopen(t, dir, o)
			r, err := l.Verify(t.Context(), VerifyOptions{})
			if err != nil || len(r.Faults) > 0 {
				t.Fatalf("%s: verify: %v, %v", what, err, r.Faults)
			}
			for i := first; i < last; i++ {
				receipt, err := l.Append(t.Context(), testRecord(i))
				if err != nil {
					t.Fatalf("%s: %v", what, err)
				}
				if index, ok := acked[i]; ok && (!receipt.Known || receipt.Index != index) {
					t.Fatalf("%s: record %d was acknowledged at %d; now %+v", what, i, index, receipt)
				}
			}
			unlock, err := l.lock(nil)
			if err != nil {
				t.Fatal(err)
			}
			unlock()
			if r, err = l.Verify(t.Context(), VerifyOptions{}); err != nil || len(r.Faults) > 0 || r.Head.Size != last {
				t.Fatalf("%s: verify: %v, %+v", what, err, r)
			}
			l.Close()
			if f.n < at {
				if at < 30 {
					t.Fatalf("only %d changes", at)
				}
				break
			}
		}
	}
}

// TestPinFails wants an error where the high-water mark cannot be kept, and the
// record known afterwards.
func TestPinFails(t *testing.T) {
	dir, pins := tempDir(t)+"/log", tempDir(t)+"/pins"
	o := options(t, pins)
	grow(t, dir, 1, 1, o)
	im := imageOf(t, pins)
	if err := os.RemoveAll(pins); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pins, nil, 0o644); err != nil { // in the place of the folder
		t.Fatal(err)
	}
	if _, err := open(t.Context(), dir, o, unsynced); err == nil || errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("open: %v", err)
	}
	im.restore(t, pins)
	wholesome(t, reopen(t, dir, o))
}

// TestSweep wants the temporary files of killed writers gone after an append.
func TestSweep(t *testing.T) {
	dir := tempDir(t) + "/log"
	pins := tempDir(t)
	o := options(t, pins)
	grow(t, dir, 2, 1, o)
	if err := os.Mkdir(dir+"/cosigned", 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".checkpoint.abc.tmp", "cosigned/.1.abc.tmp", "tile/entries/000.p/.3.abc.tmp", "tile/0/.001.abc.tmp", "tile/0/000.p/7", "tile/entries/000.p/1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("torn"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	staged := temporaryName(newPin(pins, dir, origin).name)
	if err := os.WriteFile(staged, []byte("torn"), 0o644); err != nil {
		t.Fatal(err)
	}
	l := reopen(t, dir, o)
	if r, err := l.Verify(t.Context(), VerifyOptions{}); err != nil || len(r.Faults) > 0 || len(r.Notes) != 6 {
		t.Fatalf("%v, %+v", err, r)
	}
	l.Close()
	appendMore(t, dir, 2, 3, 1, o)
	wholesome(t, reopen(t, dir, o))
	if _, err := os.Stat(staged); err == nil {
		t.Errorf("%s is still there", staged)
	}
}

// TestCreate wants a file made anew where a killed writer left one, and not
// written over: who has that open keeps it.
func TestCreate(t *testing.T) {
	name := filepath.Join(t.TempDir(), "001")
	if err := durably.Create(name, []byte("of a killed writer")); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := durably.Create(name, []byte("new")); err != nil {
		t.Fatal(err)
	}
	old, err := io.ReadAll(f)
	if got, err2 := os.ReadFile(name); err != nil || err2 != nil || string(got) != "new" || string(old) != "of a killed writer" {
		t.Errorf("%q, %q, %v, %v", old, got, err, err2)
	}
}
