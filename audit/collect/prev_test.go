package collect_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/collect"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// TestPrev: wherever in the ledger the newest record of a version is, it is
// found; a heartbeat is none.
func TestPrev(t *testing.T) {
	ctx := t.Context()
	log := trusttest.VKey(trusttest.Origin, "log")
	verifier, err := note.NewVerifier(log)
	if err != nil {
		t.Fatal(err)
	}
	signer, _ := trusttest.LogKey(trusttest.Origin, "log")
	l, err := tlog.Init(ctx, filepath.Join(t.TempDir(), "log"), tlog.Options{
		Verifiers: []note.Verifier{verifier}, Signer: signer, KeysOf: audit.KeysOf, KeysVersion: audit.KeysVersion,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	key := trusttest.Key("eng")
	newest := map[string]audit.Prev{}
	add := func(version string, event audit.Event) {
		t.Helper()
		p := audittest.Event(event, "m", version, "r", len(newest))
		p.Note = fmt.Sprint(version, event, len(newest), newest[version].Index)
		record, err := audit.Seal(p, key)
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := l.Append(ctx, record)
		if err != nil {
			t.Fatal(err)
		}
		if event != audit.TrainHeartbeat {
			newest[version] = audit.Prev{Index: receipt.Index, Digest: audit.DigestOf(record)}
		}
	}
	check := func() {
		t.Helper()
		for version, want := range newest {
			got, err := collect.Prev(ctx, l, "m", version)
			if err != nil || got == nil || *got != want {
				t.Fatalf("before the newest of %s: %+v (%v), want %+v", version, got, err, want)
			}
		}
		if got, err := collect.Prev(ctx, l, "m", "none"); got != nil || err != nil {
			t.Fatalf("of a version without records: %+v, %v", got, err)
		}
	}
	check()
	add("first", audit.Incident)
	check()
	for i := range 300 {
		add("busy", audit.Incident)
		if i%60 == 0 {
			add(fmt.Sprint("rare", i), audit.Retired)
			check()
		}
	}
	add("busy", audit.TrainHeartbeat)
	check()
}
