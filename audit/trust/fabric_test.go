package trust_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/trust"
	. "github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
)

// fabricKey is the key of a ledger on Fabric, as large as it may be or small.
func fabricKey(name string, organisations int) string {
	k := &endorsed.Key{Name: name, Channel: "audit", Chaincode: "auditlog", Need: 1}
	for i := range organisations {
		o := endorsed.Organisation{MSP: fmt.Sprintf("Org%02d", i)}
		for j := range organisations/16 + 1 {
			o.CAs = append(o.CAs, fmt.Sprintf("%063x%x", i, j))
		}
		k.Organisations = append(k.Organisations, o)
	}
	return k.String()
}

// TestFabricKeys: organisations sign for a ledger, from its first record on or
// after a key of its own, and before another one.
func TestFabricKeys(t *testing.T) {
	own, all := VKey(Origin, "log"), fabricKey(Origin, endorsed.MaxOrganisations)
	if audit.MaxLogKey != endorsed.MaxKey {
		t.Error("records and keys have other limits")
	}
	if len(all) < 8<<10 {
		t.Fatalf("a key of %d bytes is no large one", len(all))
	}
	l := begin(t, audit.Policy{})
	rotate := func(old, new string) *audit.Predicate {
		return l.key(audit.KeyRotated, audit.KeyChange{Old: old, Log: new})
	}
	want := map[int64]string{}
	want[l.add(rotate(own, fabricKey("example.com/other", 2)), "a")] = "bad-key"
	want[l.add(rotate(own, all+"="), "a")] = "bad-key"
	there := l.add(rotate(own, all), "a")
	want[l.add(rotate(own, fabricKey(Origin, 2)), "a")] = "invalid-change"
	back := l.add(rotate(all, VKey(Origin, "next")), "a")
	l.wants(want)
	k := l.keyring()
	for size, want := range map[int64]string{
		there: own, there + 1: own + " " + all, there + 2: all, back: all, back + 2: VKey(Origin, "next"),
	} {
		got := k.LogVerifiersAt(size)
		var all []string
		for _, v := range got {
			for _, vkey := range strings.Fields(want) {
				if strings.HasPrefix(vkey, fmt.Sprintf("%s+%08x+", v.Name(), v.KeyHash())) {
					all = append(all, vkey)
				}
			}
		}
		if strings.Join(all, " ") != want || len(got) != len(all) {
			t.Errorf("size %d: %s, want %s", size, trust.KeyNames(got), want)
		}
	}
	a, err := k.Anchor(nil)
	if err != nil {
		t.Fatal(err)
	}
	file, err := a.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if a, err = trust.ParseAnchor(file); err != nil || len(a.Log) != 3 || a.Check(k) != nil {
		t.Errorf("%+v, %v", a, err)
	}

	g := Genesis(Origin, Signer("a", audit.Admin))
	for vkey, ok := range map[string]bool{all: true, fabricKey("example.com/other", 2): false, strings.Replace(all, "+", "+0", 1): false} {
		g.Ledger.Log = vkey
		k := trust.New(Origin)
		if v := k.Add(0, Seal(g, "a")); v.OK() != ok || ok && k.LogKey() != vkey {
			t.Errorf("a genesis with the key %.40s: %v", vkey, v.Problems)
		}
	}
	g.Ledger.Log = Origin + "+00000000+" + strings.Repeat("A", audit.MaxLogKey)
	if _, err := g.Encode(); err == nil || !strings.Contains(err.Error(), "at most 16384") {
		t.Errorf("%v", err)
	}
}
