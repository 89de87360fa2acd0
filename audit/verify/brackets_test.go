package verify_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit/verify"
)

// TestBrackets finds the key that ledger.json does not name in a folder whose name
// could be taken for a pattern.
func TestBrackets(t *testing.T) {
	w := newWorld(t)
	w.close()
	moved := filepath.Join(t.TempDir(), "line [3]*")
	w.check(os.Rename(w.dir, moved))
	w.dir = moved
	file := filepath.Join(moved, "ledger.json")
	text, err := os.ReadFile(file)
	w.check(err)
	other := bytes.Replace(text, []byte(`"log.key"`), []byte(`"log2.key"`), 1)
	if bytes.Equal(text, other) {
		t.Fatalf("no log.key in %s", text)
	}
	w.check(os.WriteFile(file, other, 0o644))
	r, err := verify.Ledger(t.Context(), moved, verify.Options{Pins: w.pins})
	w.check(err)
	want := "log2.key, which is not here; " + filepath.Join(moved, "log.key") + " is"
	for _, f := range r.Findings {
		if f.Check == "log-key" && f.Status == verify.Wrong && strings.HasSuffix(f.Problem, want) {
			return
		}
	}
	t.Errorf("%s: %+v", r.Outcome, r.Findings)
}
