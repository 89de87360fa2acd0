package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
)

// state is what a chain keeps of signers.
type state map[string][]byte

func (s state) get(name string) ([]byte, error) { return s[name], nil }

// take verifies a record, and keeps what it brings in if it is taken.
func (s state) take(record []byte) error {
	brought, err := verify(record, s.get)
	if err == nil {
		for name, value := range brought {
			s[name] = value
		}
	}
	return err
}

func genesis(names ...string) *audit.Predicate {
	var signers []*audit.SignerKey
	for _, n := range names {
		signers = append(signers, trusttest.Signer(n, audit.Admin, audit.Engineer))
	}
	return trusttest.Genesis(trusttest.Origin, signers...)
}

func started(run string) *audit.Predicate {
	return audittest.Event(audit.TrainStarted, "model", "1", run, 1)
}

// TestVerify follows a ledger from its first record on.
func TestVerify(t *testing.T) {
	s := state{}
	added := audittest.Event(audit.KeyAdded, "", "", "", 2)
	added.Key = &audit.KeyChange{New: trusttest.Signer("bob", audit.Engineer)}
	broken := trusttest.Seal(started("r3"), "alice")
	broken = bytes.Replace(broken, []byte(`"sig":"`), []byte(`"sig":"AAAA`), 1)
	swapped := audittest.Event(audit.KeyAdded, "", "", "", 3)
	swapped.Key = &audit.KeyChange{New: trusttest.Signer("carol", audit.Engineer)}
	swapped.Key.New.ID = trusttest.ID("dave")

	for _, c := range []struct {
		name    string
		record  []byte
		refused string // part of the message; empty if it is taken
	}{
		{"before the ledger is there", trusttest.Seal(started("r1"), "alice"), "first record"},
		{"a beginning signed by a stranger", trusttest.Seal(genesis("alice"), "mallory"), "none of its signatures"},
		{"no record", []byte(`{}`), "envelope"},
		{"the beginning", trusttest.Seal(genesis("alice"), "alice"), ""},
		{"a second beginning", trusttest.Seal(genesis("mallory"), "mallory"), "created before"},
		{"a start", trusttest.Seal(started("r1"), "alice"), ""},
		{"of a stranger", trusttest.Seal(started("r2"), "bob"), "none of its signatures"},
		{"of a stranger beside", trusttest.Seal(started("r2"), "alice", "bob"), ""},
		{"a key", trusttest.Seal(added, "alice"), ""},
		{"of that key", trusttest.Seal(started("r3"), "bob"), ""},
		{"a broken signature", broken, "signature"},
		{"a key under another id", trusttest.Seal(swapped, "alice"), "not the key"},
	} {
		err := s.take(c.record)
		if c.refused == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if !errors.Is(err, audit.ErrInvalid) || !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s: %v, want %q", c.name, err, c.refused)
		}
	}
	if got := string(s[chaincode.Origin]); got != trusttest.Origin {
		t.Errorf("the origin of the ledger is %q", got)
	}
}

// TestUsage has wrong flags.
func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "--id is missing"},
		{[]string{"--id", "a:b"}, "--address is missing"},
		{[]string{"--id", "a:b", "--address", "127.0.0.1:0"}, "--tls-cert and --tls-key are missing"},
		{[]string{"--id", "a:b", "--address", "127.0.0.1:0", "--insecure", "--tls-cert", "x"}, "--insecure goes with no file"},
		{[]string{"--id", "a:b", "--address", "127.0.0.1:0", "--tls-cert", "nowhere", "--tls-key", "nowhere"}, "nowhere"},
		{[]string{"--id", "a:b", "--address", "127.0.0.1:0", "--insecure", "more"}, `unexpected argument "more"`},
		{[]string{"--port", "1"}, "unknown flag --port"},
	} {
		var stdout, stderr strings.Builder
		if code := run(t.Context(), c.args, &stdout, &stderr); code != 2 || !strings.Contains(stderr.String(), c.want) || stdout.Len() > 0 {
			t.Errorf("%q: status %d, %q, want %q", c.args, code, stderr.String(), c.want)
		}
	}
}
