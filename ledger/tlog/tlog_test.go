package tlog

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"os"
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
	t.Helper()
	s, v, err := NewKey(origin, testKey())
	if err != nil {
		t.Fatal(err)
	}
	return Options{Verifiers: []note.Verifier{v}, Signer: s, KeysOf: ledgertest.KeysOf, Pins: pins}
}

// unsynced does all but wait for the disk, for tests that need many commits.
var unsynced = disk{
	WriteFile: func(name string, data []byte) error {
		if err := os.WriteFile(name+".new", data, 0o644); err != nil {
			return err
		}
		return os.Rename(name+".new", name)
	},
	MkdirAll: func(dir string) error { return os.MkdirAll(dir, 0o755) },
	SyncDir:  func(string) error { return nil },
	Remove:   os.Remove,
}

// make returns an empty log in a new folder, without waits for the disk.
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
	r, err := l.Verify(t.Context(), VerifyOptions{})
	if err != nil || len(r.Faults) > 0 || len(r.Notes) > 0 {
		t.Fatalf("verify: %v, faults %v, notes %v", err, r.Faults, r.Notes)
	}
	return r
}
