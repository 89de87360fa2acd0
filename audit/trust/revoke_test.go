package trust_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/trust"
	. "github.com/mmaudit/mmaudit/audit/trust/trusttest"
)

// revoke makes a predicate that revokes a key.
func (l *log) revoke(name string, from *int64) *audit.Predicate {
	return l.key(audit.KeyRevoked, audit.KeyChange{Old: ID(name), Since: from})
}

func TestKeysGo(t *testing.T) {
	l := begin(t, audit.Policy{})
	want := map[int64]string{}
	l.add(l.event(audit.TrainStarted), "e")
	want[l.add(l.revoke("e", nil), "e")] = "wrong-role"
	want[l.add(l.revoke("e", nil), "x")] = "unknown-key"
	want[l.add(l.revoke("x", nil), "a")] = "invalid-change"
	l.add(l.event(audit.TrainStarted), "e")
	l.add(l.revoke("e", nil), "a")
	want[l.add(l.event(audit.TrainStarted), "e")] = "revoked-key"
	want[l.add(l.event(audit.TrainStarted), "e", "x")] = "unknown-key revoked-key" // by ID
	want[l.add(l.revoke("e", nil), "a")] = "invalid-change"
	l.add(l.key(audit.KeyAdded, audit.KeyChange{New: Signer("e", audit.Engineer)}), "b")
	l.add(l.event(audit.TrainStarted), "e")
	l.add(l.key(audit.KeyRotated, audit.KeyChange{Old: ID("e"), New: Signer("f", audit.Engineer)}), "b")
	want[l.add(l.event(audit.TrainStarted), "e")] = "revoked-key"
	l.add(l.event(audit.TrainStarted), "f")
	want[l.add(l.key(audit.KeyRotated, audit.KeyChange{Old: ID("e"), New: Signer("g")}), "b")] = "invalid-change"
	want[l.add(l.key(audit.KeyRotated, audit.KeyChange{Old: ID("f"), New: Signer("f")}), "b")] = "invalid-change"
	l.add(l.revoke("a", nil), "a") // one's own
	want[l.add(l.revoke("b", nil), "a")] = "revoked-key"
	l.wants(want)
}

// TestSince: what a stolen key signed is not believed, nor is what hangs on it.
func TestSince(t *testing.T) {
	l := begin(t, audit.Policy{})
	want := map[int64]string{}
	before := l.add(l.event(audit.TrainStarted), "e")
	stolen := l.add(l.event(audit.TrainStarted), "e")
	l.add(l.revoke("e", since(stolen)), "a")
	want[stolen] = "revoked-key"

	// a is stolen: it brings x, who brings y, and both sign.
	theft := l.add(l.key(audit.KeyAdded, audit.KeyChange{New: Signer("x", audit.Admin, audit.Engineer)}), "a")
	byX := l.add(l.event(audit.TrainStarted), "x")
	y := l.add(l.key(audit.KeyAdded, audit.KeyChange{New: Signer("y", audit.Engineer)}), "x")
	byY := l.add(l.event(audit.TrainStarted), "y")
	p := l.event(audit.PolicyChanged)
	p.Policy = &audit.Policy{Threshold: map[audit.Event]int{audit.Approved: 3}}
	policy := l.add(p, "x")
	few := l.add(l.event(audit.Approved), "p")
	both := l.add(l.key(audit.KeyAdded, audit.KeyChange{New: Signer("z", audit.Engineer)}), "a", "b")
	revoked := l.add(l.revoke("q", nil), "a")
	lost := l.add(l.event(audit.Approved), "q")
	want[few], want[lost] = "below-threshold", "revoked-key below-threshold"
	l.wants(want)

	back := l.add(l.revoke("a", since(theft)), "b")
	for _, i := range []int64{theft, byX, y, byY, policy, both, revoked} {
		want[i] = "revoked-key"
	}
	delete(want, few) // that policy does not stand
	want[lost] = "revoked-key"
	// z had b's signature too; q's revocation stands, for safety.
	l.add(l.event(audit.TrainStarted), "z")
	want[l.add(l.event(audit.Approved), "q")] = "revoked-key"
	want[l.add(l.revoke("b", since(0)), "a")] = "revoked-key"
	want[l.add(l.revoke("b", since(0)), "x")] = "revoked-key"
	l.wants(want)

	k := l.keyring()
	v := k.Judge(byY, open(t, l.records[byY]))
	if m := v.Problems[0].Message; !strings.Contains(m, "those who added it in record 6") {
		t.Error(m)
	}
	v = k.Judge(stolen, open(t, l.records[stolen]))
	if m := v.Problems[0].Message; !strings.Contains(m, "was revoked in record 3, and is not believed from record 2 on") {
		t.Error(m)
	}
	if v := k.Judge(before, open(t, l.records[before])); !v.OK() {
		t.Error(v)
	}
	believed := map[string]bool{}
	for _, key := range k.Keys() {
		believed[key.Name] = key.Believed && key.Until < 0
	}
	for name, want := range map[string]bool{"a": false, "b": true, "e": false, "x": false, "y": false, "z": true, "q": false} {
		if believed[name] != want {
			t.Errorf("%s: believed %v", name, believed[name])
		}
	}
	if i := k.Changes(); !i[len(i)-3].Verdict.OK() || i[len(i)-3].Index != back {
		t.Errorf("changes end with %v", i[len(i)-3:])
	}
}

// TestSinceOfOneself: who says that his key was stolen earlier is believed in
// that, and in nothing else of the time, such as the name of a successor.
func TestSinceOfOneself(t *testing.T) {
	l := begin(t, audit.Policy{})
	first := l.add(l.event(audit.KeyAdded), "a") // of no key
	stolen := l.add(l.key(audit.KeyAdded, audit.KeyChange{New: Signer("x", audit.Engineer)}), "a")
	l.add(l.key(audit.KeyRotated, audit.KeyChange{Old: ID("a"), New: Signer("n", audit.Admin), Since: since(stolen)}), "a")
	byX := l.add(l.event(audit.TrainStarted), "x")
	byN := l.add(l.event(audit.KeyAdded), "n")
	l.wants(map[int64]string{first: "bad-key", stolen: "revoked-key", byX: "revoked-key", byN: "revoked-key bad-key"})
}

// TestSinceLater: a key cannot be trusted for a while longer, and one that was
// replaced can turn out to be stolen.
func TestSinceLater(t *testing.T) {
	l := begin(t, audit.Policy{})
	l.add(l.revoke("e", since(100)), "a")
	after := l.add(l.event(audit.TrainStarted), "e")
	l.add(l.event(audit.Approved), "p")
	two := l.add(l.event(audit.Approved), "p")
	l.add(l.key(audit.KeyRotated, audit.KeyChange{Old: ID("p"), New: Signer("p2", audit.Approver)}), "a")
	l.wants(map[int64]string{after: "revoked-key"})
	l.add(l.revoke("p", since(two)), "a")
	l.add(l.event(audit.Approved), "p2")
	l.wants(map[int64]string{after: "revoked-key", two: "revoked-key"})
}

// TestLogKeys: the log's own key changes by a record too.
func TestLogKeys(t *testing.T) {
	l := begin(t, audit.Policy{})
	rotate := func(old, new string) *audit.Predicate {
		return l.key(audit.KeyRotated, audit.KeyChange{Old: old, Log: new})
	}
	vkey := func(name string) string { return VKey(Origin, name) }
	l.add(l.event(audit.TrainStarted), "e")
	want := map[int64]string{}
	want[l.add(rotate(vkey("log"), vkey("log2")), "e")] = "wrong-role"
	want[l.add(rotate(vkey("other"), vkey("log2")), "a")] = "invalid-change"
	want[l.add(rotate(vkey("log"), VKey("example.com/other", "log2")), "a")] = "bad-key"
	want[l.add(rotate(vkey("log"), vkey("log")), "a")] = "invalid-change"
	at := l.add(rotate(vkey("log"), vkey("log2")), "a") // 6
	want[l.add(rotate(vkey("log"), vkey("log3")), "a")] = "invalid-change"
	l.wants(want)

	k := l.keyring()
	if k.LogKey() != vkey("log2") || len(k.LogKeys()) != 2 {
		t.Errorf("log key %q of %d", k.LogKey(), len(k.LogKeys()))
	}
	expect := func(k *trust.Keyring, size int64, names ...string) {
		t.Helper()
		got := k.LogVerifiersAt(size)
		if len(got) != len(names) {
			t.Errorf("size %d: %d verifiers, want %v", size, len(got), names)
			return
		}
		for i, name := range names {
			if _, v := LogKey(Origin, name); got[i].KeyHash() != v.KeyHash() {
				t.Errorf("size %d: verifier %d is not %s", size, i, name)
			}
		}
	}
	expect(k, 0, "log")
	expect(k, at, "log")
	expect(k, at+1, "log", "log2")
	expect(k, at+2, "log2")
	expect(k, 1<<40, "log2")

	// Whoever rotated it is not believed: the old key signs on.
	l.add(l.revoke("a", since(at)), "b")
	expect(l.keyring(), at+9, "log")
	if l.keyring().LogKey() != vkey("log") {
		t.Error("the key of an unbelieved rotation is in use")
	}
}

// TestOrder: Add asks for the order of the ledger, and passes over what is not
// about keys.
func TestOrder(t *testing.T) {
	l := begin(t, audit.Policy{})
	l.add(l.revoke("e", nil), "a")
	k := l.keyring()
	if v := k.Add(1, l.records[1]); codes(v) != "invalid-change" {
		t.Error(v)
	}
	if v := k.Add(2, []byte("{}")); codes(v) != "invalid-record" {
		t.Error(v)
	}
	if v := k.Add(5, Seal(l.event(audit.TrainStarted), "e")); codes(v) != "revoked-key" {
		t.Error(v)
	}
	if p := k.Prev(); p == nil || p.Index != 2 || p.Digest != audit.DigestOf([]byte("{}")) {
		t.Error(p)
	}
	if p := trust.New(Origin).Prev(); p != nil {
		t.Error(p)
	}
	if got := len(k.Changes()); got != 3 {
		t.Errorf("%d changes", got)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { k.Judge(1, open(t, l.records[1])) })
	}
	wg.Wait()
}
