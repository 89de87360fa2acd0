package tlog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// TestSound wants the head of a sound log, and no head of one that a writer
// would not extend.
func TestSound(t *testing.T) {
	dir := tempDir(t)
	o := options(t, dir+"/pins")
	w := newTestLog(t, dir+"/log", o)
	for i := range 259 {
		if _, err := w.Append(t.Context(), ledgertest.Record(fmt.Sprint(i), "x")); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	o.Signer = nil
	l := reopen(t, dir+"/log", o)
	want, err := l.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := l.Sound(t.Context())
	if err != nil || got.Size != 259 || got.Root != want.Root || string(got.Note) != string(want.Note) {
		t.Fatalf("%+v, %v, want %+v", got, err, want)
	}
	seen := 0
	err = filepath.WalkDir(dir+"/log/tile", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		was, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		changed := []byte(string(was))
		changed[len(changed)-1] ^= 1
		if err := os.WriteFile(name, changed, 0o644); err != nil {
			return err
		}
		_, err = l.Sound(t.Context())
		// What is full is under the root of its own, and read when it is needed.
		if edge := strings.Contains(name, ".p/"); edge != errors.Is(err, ledger.ErrCorrupt) {
			t.Errorf("%s changed: %v", name, err)
		} else if edge {
			seen++
		}
		return os.WriteFile(name, was, 0o644)
	})
	if err != nil || seen != 3 {
		t.Errorf("%d files of the right edge, %v", seen, err)
	}
	if _, err := l.Sound(t.Context()); err != nil {
		t.Error(err)
	}
}
