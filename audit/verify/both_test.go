package verify_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/transfer"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/audit/verify"
	"github.com/mmaudit/mmaudit/ledger"
)

// copied copies the folder of a ledger as it is, with the key of its log.
func (w *world) copied() *world {
	w.t.Helper()
	w.close()
	other := &world{t: w.t, dir: filepath.Join(w.t.TempDir(), "copy"), pins: w.pins}
	w.check(os.CopyFS(other.dir, os.DirFS(w.dir)))
	for _, name := range []string{"log.key", "site.key"} {
		w.check(os.Chmod(filepath.Join(other.dir, name), 0o600))
	}
	w.t.Cleanup(other.close)
	return other
}

func (w *world) incident(n int) int64 {
	return w.append(trusttest.Seal(audittest.Event(audit.Incident, "m", "1", "", n), "eng"))
}

// TestBoth compares a ledger with its mirror, with a fork, with another, and with
// what cannot be read.
func TestBoth(t *testing.T) {
	w := newWorld(t)
	for i := range 5 {
		w.incident(i)
	}
	mirror := filepath.Join(t.TempDir(), "mirror")
	if _, err := transfer.Mirror(t.Context(), w.store(), mirror, transfer.Options{Pins: w.pins}); err != nil {
		t.Fatal(err)
	}
	fork := w.copied()
	w.incident(10)
	w.incident(11)
	fork.incident(20)
	w.close()
	fork.close()
	other := newWorld(t)
	other.close()
	damaged := w.copied()
	damaged.close()
	bundle := filepath.Join(damaged.dir, "log", "tile", "entries", "000.p", "8")
	data, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	w.check(os.WriteFile(bundle, data, 0o644))

	check := func(of, with string) (verify.Check, []verify.Finding, *verify.Report) {
		t.Helper()
		r, err := verify.Ledger(t.Context(), of, verify.Options{Pins: w.pins, Both: with})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(r.Checks, func(c verify.Check) bool { return c.ID == "both" })
		return r.Checks[i], slices.DeleteFunc(r.Findings, func(f verify.Finding) bool { return f.Check != "both" }), r
	}
	for _, c := range []struct {
		name, of, with string
		status         verify.Status
		says           string // in the message, or in the finding
		index          int64
	}{
		{"mirror", w.dir, mirror, verify.OK, "6 records, byte for byte those of " + mirror + ", which has 2 records fewer than here", 0},
		{"of a mirror", mirror, w.dir, verify.OK, "which has 2 records more than here", 0},
		{"itself", w.dir, w.dir, verify.OK, "which has as many as here", 0},
		{"fork", w.dir, fork.dir, verify.Wrong, `has SHA3-512 `, 6},
		{"other keys", w.dir, other.dir, verify.Wrong, "has SHA3-512", 0},
		{"damaged there", w.dir, damaged.dir, verify.Unknown, "is not the one that was signed", -1},
		{"damaged here", damaged.dir, w.dir, verify.Unknown, "is not the one that was signed", -1},
		{"not asked for", w.dir, "", verify.Skipped, "no other place was given", 0},
	} {
		got, findings, r := check(c.of, c.with)
		says := got.Message
		if len(findings) > 0 {
			says = findings[0].Problem
			if findings[0].Index != c.index || findings[0].Hint == "" {
				t.Errorf("%s: %+v", c.name, findings[0])
			}
		}
		if got.Status != c.status || !strings.Contains(says, c.says) {
			t.Errorf("%s: %+v %s", c.name, got, says)
		}
		if c.name == "fork" && (r.Outcome != verify.Failed || !strings.HasPrefix(r.Meaning, "the ledger is as it was written, but")) {
			t.Errorf("%s: %s: %s", c.name, r.Outcome, r.Meaning)
		}
	}
	if _, err := verify.Ledger(t.Context(), w.dir, verify.Options{Pins: w.pins, Both: filepath.Join(t.TempDir(), "none")}); !errors.Is(err, ledger.ErrNoLedger) || !strings.HasPrefix(err.Error(), "--both: ") {
		t.Errorf("no other place: %v", err)
	}
	if _, err := verify.Ledger(t.Context(), w.dir, verify.Options{Pins: w.pins, Both: store.FabricPrefix + "none.yaml"}); !errors.Is(err, store.ErrProfile) {
		t.Errorf("no profile: %v", err)
	}

	// An old copy that was put back under the mark of this user.
	w.check(os.RemoveAll(mirror))
	w.check(os.CopyFS(mirror, os.DirFS(fork.dir)))
	if got, findings, _ := check(w.dir, mirror); got.Status != verify.Wrong || len(findings) != 1 {
		t.Errorf("a fork in the place of the mirror: %+v, %+v", got, findings)
	}
}
