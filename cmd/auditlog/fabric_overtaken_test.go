package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/ledger"
)

// testOvertaken revokes a key between the moment in which its record is found
// good and that in which it is appended: the record is there, nobody believes it,
// and who appended it is told both.
func testOvertaken(t *testing.T, profile string) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	place := store.FabricPrefix + filepath.Join(dir, "profile.yaml")
	must(os.WriteFile(filepath.Join(dir, "profile.yaml"), []byte(profile), 0o644))
	var private []*keys.Private
	var signers []audit.SignerKey
	for _, name := range []string{"alice", "bob"} {
		k, err := keys.Generate(keys.Ed25519)
		must(err)
		private = append(private, k)
		signers = append(signers, signerKey(audit.SignerKey{Name: name, Roles: audit.Roles()}, k.Public()))
	}
	seal := func(p *audit.Predicate, by int) *audit.Record {
		t.Helper()
		p.Actor.KeyID = private[by].Public().ID()
		text, err := audit.Seal(p, private[by])
		must(err)
		r, err := audit.Open(text)
		must(err)
		return r
	}
	s, err := store.Init(t.Context(), place, store.InitOptions{Origin: "example.com/audit", Pins: filepath.Join(dir, "pins"), Genesis: func(origin, log string) ([]byte, error) {
		p := audittest.Event(audit.LedgerCreated, "", "", "", 0)
		p.Ledger = &audit.Genesis{Origin: origin, Log: log, Keys: signers}
		return seal(p, 0).Bytes, nil
	}})
	must(err)
	defer s.Close()

	ring, err := trust.Load(t.Context(), s.Log, 1)
	must(err)
	bobs := seal(audittest.Event(audit.Incident, "m", "1", "", 2), 1)
	judge := believed(ring, 1, bobs)
	asked := 0
	receipt, err := s.AppendIf(t.Context(), bobs.Bytes, func(ctx context.Context, l ledger.Ledger, index int64) error {
		err := judge(ctx, l, index)
		if asked++; asked > 1 {
			return err
		}
		must(err)
		p := audittest.Event(audit.KeyRevoked, "", "", "", 1)
		p.Prev, p.Key = ring.Prev(), &audit.KeyChange{Old: signers[1].ID, Reason: "stolen"}
		_, err = s.Append(ctx, seal(p, 0).Bytes)
		return err
	})
	var overtaken *store.Overtaken
	if !errors.As(err, &overtaken) || overtaken.Index != 2 || receipt.Index != 2 || asked != 2 {
		t.Fatalf("%+v, %v, asked %d times", receipt, err, asked)
	}
	var said *clikit.Error
	if !errors.As(sayError(err), &said) || said.Code != clikit.Failed || !strings.Contains(said.Err.Error(), "record 2 is in the ledger") || !strings.Contains(said.Hint, "another --id") {
		t.Errorf("%+v", said)
	}
	now, err := trust.Load(t.Context(), s.Log, 3)
	must(err)
	if now.Judge(2, bobs).OK() {
		t.Error("it is believed")
	}
	// The same record again is known, and no news.
	if again, err := s.AppendIf(t.Context(), bobs.Bytes, func(context.Context, ledger.Ledger, int64) error { return nil }); err != nil || !again.Known || again.Index != 2 {
		t.Errorf("%+v, %v", again, err)
	}
}
