package tlog

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/ledger"
)

// image is the content of folders, by path.
type image map[string][]byte

func imageOf(t testing.TB, dirs ...string) image {
	t.Helper()
	im := image{}
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			im[name], err = os.ReadFile(name)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return im
}

// restore puts the folder back as it was.
func (im image) restore(t testing.TB, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range im {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// harm damages one file and wants that Verify sees it, and that an append
// either refuses, or signs nothing that it should not: with the file as it was,
// all is well.
func harm(t *testing.T, im image, dir, pins, name string, damaged []byte, what string, o Options) {
	t.Helper()
	im.restore(t, dir, pins)
	if damaged == nil {
		os.Remove(name)
	} else if err := os.WriteFile(name, damaged, 0o644); err != nil {
		t.Fatal(err)
	}
	derived := strings.Contains(name, "/index/")

	l, err := open(t.Context(), dir, o, unsynced)
	if err == nil {
		r, err := l.Verify(t.Context(), VerifyOptions{})
		missing := derived && len(r.Notes) > 0 && (damaged == nil || bytes.HasPrefix(im[name], damaged))      // will be made again
		missing = missing || len(o.Witnesses) > 0 && strings.Contains(fmt.Sprint(r.Notes), "was not checked") // of a witness of another name
		if err != nil || len(r.Faults) == 0 && !missing {
			t.Errorf("%s: %s: verify: %v, %+v", name, what, err, r)
		}
		l.Close()
	} else if !errors.Is(err, ledger.ErrCorrupt) && !errors.Is(err, ledger.ErrRollback) {
		t.Errorf("%s: %s: open: %v", name, what, err)
	}

	w, err := newLog(dir, o, unsynced)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan outcome, 1)
	k, _ := o.KeysOf(testRecord(1 << 20))
	w.commit([]*request{{ctx: t.Context(), record: testRecord(1 << 20), keys: k, done: done}})
	w.committer.index.close()
	if err := (<-done).err; err != nil {
		if derived {
			t.Errorf("%s: %s: a derived file stopped the writer: %v", name, what, err)
		}
		if !errors.Is(err, ledger.ErrCorrupt) && !errors.Is(err, ledger.ErrRollback) {
			t.Errorf("%s: %s: append: %v", name, what, err)
		}
		for name, data := range imageOf(t, dir, pins) {
			if old, ok := im[name]; !bytes.Equal(old, data) && !bytes.Equal(data, damaged) || !ok {
				t.Errorf("%s: %s: an append that was refused wrote %s", name, what, name)
			}
		}
		return
	}
	if now, err := os.ReadFile(name); err != nil || bytes.Equal(now, damaged) {
		if err := os.WriteFile(name, im[name], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	l = reopen(t, dir, o)
	if len(o.Witnesses) == 0 {
		wholesome(t, l)
	} else if r, err := l.Verify(t.Context(), VerifyOptions{}); err != nil || len(r.Faults) > 0 { // they have not cosigned the new record
		t.Errorf("%s: %s: verify: %v, %v", name, what, err, r.Faults)
	}
}

// TestEveryByte flips every byte of every file of a small log.
func TestEveryByte(t *testing.T) {
	dir, pins := tempDir(t)+"/log", tempDir(t)
	grow(t, dir, 3, 1, options(t, pins))
	flips(t, dir, pins, 1, options(t, pins))
}

// TestManyBytes does so on a log with full tiles, of each file some bytes.
func TestManyBytes(t *testing.T) {
	dir, pins := tempDir(t)+"/log", tempDir(t)
	grow(t, dir, 1300, 200, options(t, pins))
	flips(t, dir, pins, 2503, options(t, pins))
}

func flips(t *testing.T, dir, pins string, step int, o Options) {
	im := imageOf(t, dir, pins)
	if len(im) < 7 {
		t.Fatalf("%d files", len(im))
	}
	for name, data := range im {
		for i := 0; i < len(data); i += step {
			damaged := bytes.Clone(data)
			damaged[i] ^= 1 << (i % 8)
			harm(t, im, dir, pins, name, damaged, fmt.Sprint("byte ", i), o)
		}
	}
}

// TestTorn cuts each file short, empties, lengthens and deletes it.
func TestTorn(t *testing.T) {
	dir, pins := tempDir(t)+"/log", tempDir(t)
	grow(t, dir, 520, 130, options(t, pins))
	im, o := imageOf(t, dir, pins), options(t, pins)
	for name, data := range im {
		if len(data) == 0 {
			continue // the lock
		}
		harm(t, im, dir, pins, name, []byte{}, "emptied", o)
		harm(t, im, dir, pins, name, data[:len(data)/2], "cut in half", o)
		harm(t, im, dir, pins, name, append(bytes.Clone(data), 0), "lengthened", o)
		if !strings.HasPrefix(name, pins) { // who deletes it has no protection
			harm(t, im, dir, pins, name, nil, "deleted", o)
		}
	}
}

func TestDeletedCheckpoint(t *testing.T) {
	dir := tempDir(t) + "/log"
	o := options(t, "")
	if _, err := Open(t.Context(), dir, o); !errors.Is(err, ledger.ErrNoLedger) {
		t.Errorf("no folder: %v", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, o); !errors.Is(err, ledger.ErrNoLedger) {
		t.Errorf("empty folder: %v", err)
	}
	grow(t, dir, 2, 1, o)
	if _, err := Init(t.Context(), dir, o); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("init over a log: %v", err)
	}
	if err := os.Remove(dir + "/checkpoint"); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, o); !errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("no checkpoint: %v", err)
	}
	if _, err := Init(t.Context(), dir, o); !errors.Is(err, ledger.ErrExists) {
		t.Errorf("init over tiles: %v", err)
	}
}

// TestRollback puts an old copy back, and one that went another way.
func TestRollback(t *testing.T) {
	dir, pins := tempDir(t)+"/log", tempDir(t)
	o := options(t, pins)
	unpinned := options(t, "")
	grow(t, dir, 3, 1, o)
	backup := imageOf(t, dir)
	appendMore(t, dir, 3, 5, 1, o)
	running := reopen(t, dir, unpinned)

	backup.restore(t, dir)
	if _, err := Open(t.Context(), dir, o); !errors.Is(err, ledger.ErrRollback) {
		t.Errorf("old copy: %v", err)
	}
	if _, err := running.Append(t.Context(), testRecord(7)); !errors.Is(err, ledger.ErrRollback) {
		t.Errorf("append to an old copy by who saw the new: %v", err)
	}

	for _, fork := range []int{5, 6} { // as long, and longer
		backup.restore(t, dir)
		appendMore(t, dir, 100, 100+fork-3, 1, unpinned)
		if _, err := Open(t.Context(), dir, o); !errors.Is(err, ledger.ErrRollback) {
			t.Errorf("fork of size %d: %v", fork, err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := Init(t.Context(), dir, o); !errors.Is(err, ledger.ErrRollback) {
		t.Errorf("begun anew: %v", err)
	}
	if _, err := Init(t.Context(), dir+"2", o); err != nil {
		t.Errorf("beside it: %v", err)
	}
}

// TestSwapped exchanges two records, and then their hashes too.
func TestSwapped(t *testing.T) {
	dir := tempDir(t) + "/log"
	o := options(t, "")
	grow(t, dir, 2, 1, o)
	bundle := appendEntry(appendEntry(nil, testRecord(1)), testRecord(0))
	if err := os.WriteFile(dir+"/tile/entries/000.p/2", bundle, 0o644); err != nil {
		t.Fatal(err)
	}
	l := reopen(t, dir, o)
	if _, err := l.Get(t.Context(), 0); !errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("get: %v", err)
	}
	a, b := ledger.RecordHash(testRecord(1)), ledger.RecordHash(testRecord(0))
	if err := os.WriteFile(dir+"/tile/0/000.p/2", append(a[:], b[:]...), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Get(t.Context(), 0); !errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("get: %v", err)
	}
	if _, err := l.Append(t.Context(), testRecord(2)); !errors.Is(err, ledger.ErrCorrupt) {
		t.Errorf("append: %v", err)
	}
	r, err := l.Verify(t.Context(), VerifyOptions{SkipIndex: true})
	if err != nil || len(r.Faults) != 1 || !strings.Contains(r.Faults[0].String(), "checkpoint") {
		t.Errorf("verify: %v, %+v", err, r)
	}
}
