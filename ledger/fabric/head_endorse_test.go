package fabric

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// TestEndorse has heads signed, by a reader too, and verified with nothing but
// the key of the profile.
func TestEndorse(t *testing.T) {
	n, cc := network(t, fabricnet.Options{}, "heads")
	const origin = "example.com/heads"
	writer := open(t, profileOf(t, n, "heads", issue(t, n, 0, "writer", chaincode.Writer)))
	profile := profileOf(t, n, "heads", issue(t, n, 1, "reader", ""))
	reader := open(t, profile)
	k, err := profile.Key(origin)
	if err != nil {
		t.Fatal(err)
	}
	head := func() ledger.Head {
		t.Helper()
		h, err := reader.Head(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		h.Origin = origin
		return h
	}
	var heads []ledger.Head
	for i := range 3 {
		h, err := reader.Endorse(t.Context(), head())
		if err != nil {
			t.Fatal(err)
		}
		got, err := tlog.OpenCheckpoint(h.Note, origin, k.Verifier())
		if err != nil || got.Size != h.Size || got.Root != h.Root {
			t.Fatalf("%+v, %v", got, err)
		}
		heads = append(heads, h)
		if _, err := writer.Append(t.Context(), ledgertest.Record(fmt.Sprint(i), "")); err != nil {
			t.Fatal(err)
		}
	}
	if again, err := reader.Endorse(t.Context(), heads[1]); err != nil || again.Size != 1 {
		t.Errorf("an older head: %v", err)
	}

	forged := heads[2]
	forged.Root[0] ^= 1
	if _, err := reader.Endorse(t.Context(), forged); !errors.Is(err, ledger.ErrRollback) {
		t.Errorf("a head of another tree: %v", err)
	}
	bad := heads[2]
	bad.Origin = "a b"
	if _, err := reader.Endorse(t.Context(), bad); err == nil {
		t.Error("a name that is none")
	}

	// A profile that names more organisations than there are, one of which has
	// no peers, and needs two: those that are there.
	profile = profileOf(t, n, "heads", issue(t, n, 1, "third", ""))
	profile.Organisations = append([]Organisation{{"Absent", n.Ordering.CA()}}, profile.Organisations...)
	h, err := open(t, profile).Endorse(t.Context(), heads[2])
	if err != nil {
		t.Error(err)
	}
	if _, err := tlog.OpenCheckpoint(h.Note, origin, k.Verifier()); err == nil {
		t.Error("signed for another key than that of its profile")
	}

	profile = profileOf(t, n, "heads", issue(t, n, 1, "fourth", ""))
	profile.Organisations = nil
	if _, err := open(t, profile).Endorse(t.Context(), heads[2]); !errors.Is(err, ErrNoKey) {
		t.Errorf("%v", err)
	}

	// An authority of the same name that is another one.
	other := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(other, authority(t, "ca."+n.Orgs[0].Domain, true), 0o600); err != nil {
		t.Fatal(err)
	}
	profile = profileOf(t, n, "heads", issue(t, n, 1, "fifth", ""))
	profile.Organisations[0].CA = other
	profile.Timeouts.Endorse = 5e9 // a peer has an eighth of it to answer
	if _, err := open(t, profile).Endorse(t.Context(), heads[2]); err == nil || !strings.Contains(err.Error(), "is of none of its certificate authorities") {
		t.Errorf("%v", err)
	}

	if err := cc.Kill(); err != nil {
		t.Fatal(err)
	}
	if h, err := reader.Endorse(t.Context(), heads[1]); err != nil || h.Size != 1 {
		t.Errorf("what was signed is to be had still: %v", err)
	}
	profile = profileOf(t, n, "heads", issue(t, n, 1, "sixth", ""))
	profile.Timeouts.Endorse = 1e9
	if _, err := open(t, profile).Endorse(t.Context(), heads[1]); err == nil || !strings.Contains(err.Error(), "not signed within 1s") {
		t.Errorf("%v", err)
	}
}

// TestEndorseWithout has a head signed while a peer is away, or hangs, if the key
// of the ledger does not need its organisation.
func TestEndorseWithout(t *testing.T) {
	n, _ := network(t, fabricnet.Options{}, "heads")
	who := issue(t, n, 0, "writer", chaincode.Writer)
	writer := open(t, profileOf(t, n, "heads", who))
	if _, err := writer.Append(t.Context(), ledgertest.Record("1", "")); err != nil {
		t.Fatal(err)
	}
	head, err := writer.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	head.Origin = "example.com/heads"
	for _, c := range []struct {
		name string
		away func() error
	}{{"hangs", n.Orgs[1].Peer.Suspend}, {"is away", n.Orgs[1].Peer.Kill}} {
		name := c.name
		if err := c.away(); err != nil {
			t.Fatal(err)
		}
		p := profileOf(t, n, "heads", who)
		p.Endorsements = 1
		h, err := open(t, p).Endorse(t.Context(), head)
		if err != nil {
			t.Errorf("the peer that is not needed %s: %v", name, err)
			continue
		}
		k, err := p.Key(head.Origin)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tlog.OpenCheckpoint(h.Note, head.Origin, k.Verifier()); err != nil {
			t.Error(err)
		}
		p = profileOf(t, n, "heads", who)
		p.Timeouts.Endorse = 2e9
		if _, err := open(t, p).Endorse(t.Context(), head); err == nil || !strings.Contains(err.Error(), "not signed within 2s") {
			t.Errorf("the peer that is needed %s: %v", name, err)
		}
	}
}
