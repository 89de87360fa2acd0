package trust_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/dsse"
	"github.com/mmaudit/mmaudit/audit/trust"
	. "github.com/mmaudit/mmaudit/audit/trust/trusttest"
)

// A log is a list of records, written by hand.
type log struct {
	t       *testing.T
	records [][]byte
	n       int
}

// begin makes a log with the admins a and b, the engineer e, the approvers p
// and q, and r, who has no role.
func begin(t *testing.T, policy audit.Policy) *log {
	g := Genesis(Origin,
		Signer("a", audit.Admin), Signer("b", audit.Admin), Signer("e", audit.Engineer),
		Signer("p", audit.Approver), Signer("q", audit.Approver), Signer("r"))
	g.Ledger.Policy = policy
	l := &log{t: t}
	l.add(g, "a")
	return l
}

// add appends a record and gives its index.
func (l *log) add(p *audit.Predicate, names ...string) int64 {
	l.records = append(l.records, Seal(p, names...))
	return int64(len(l.records) - 1)
}

// event gives a predicate of a version's life; no two are alike.
func (l *log) event(e audit.Event) *audit.Predicate {
	l.n++
	return audittest.Event(e, "bev-seg", "3.2.0", "run-1", l.n)
}

func (l *log) key(e audit.Event, c audit.KeyChange) *audit.Predicate {
	p := l.event(e)
	p.Key = &c
	return p
}

func since(i int64) *int64 { return &i }

func (l *log) keyring() *trust.Keyring {
	k := trust.New(Origin)
	for i, r := range l.records {
		k.Add(int64(i), r)
	}
	return k
}

func open(t *testing.T, record []byte) *audit.Record {
	t.Helper()
	r, err := audit.Open(record)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wants judges all records with the whole keyring. A verdict is the codes of
// its problems; records that are not listed have none.
func (l *log) wants(want map[int64]string) {
	l.t.Helper()
	k := l.keyring()
	for i, record := range l.records {
		v := k.Judge(int64(i), open(l.t, record))
		if got := codes(v); got != want[int64(i)] {
			l.t.Errorf("record %d: %q, want %q: %v", i, got, want[int64(i)], v.Problems)
		}
	}
}

func codes(v trust.Verdict) string {
	var all []string
	for _, p := range v.Problems {
		all = append(all, string(p.Code))
	}
	return strings.Join(all, " ")
}

func names(v trust.Verdict) string {
	var all []string
	for _, s := range v.Signers {
		all = append(all, s.Name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestRolesAndThresholds(t *testing.T) {
	two := audit.Policy{Threshold: map[audit.Event]int{audit.Approved: 2, audit.Incident: 2}}
	for _, test := range []struct {
		event   audit.Event
		by      []string
		signers string
		want    string
	}{
		{audit.TrainStarted, []string{"e"}, "e", ""},
		{audit.TrainStarted, []string{"e", "r"}, "e r", ""},
		{audit.TrainStarted, []string{"r"}, "r", "wrong-role"},
		{audit.TrainStarted, []string{"a", "p"}, "a p", "wrong-role"},
		{audit.TrainStarted, []string{"x"}, "", "unknown-key"},
		{audit.TrainStarted, []string{"e", "x"}, "e", "unknown-key"},
		{audit.Incident, []string{"r"}, "r", "below-threshold"},
		{audit.Incident, []string{"r", "e"}, "e r", ""},
		{audit.Approved, []string{"p", "q"}, "p q", ""},
		{audit.Approved, []string{"p"}, "p", "below-threshold"},
		{audit.Approved, []string{"p", "e"}, "e p", "below-threshold"},
		{audit.Approved, []string{"e", "r"}, "e r", "wrong-role"},
		{audit.Approved, []string{"x", "p"}, "p", "unknown-key below-threshold"},
		{audit.Approved, []string{"x"}, "", "unknown-key below-threshold"},
	} {
		t.Run(fmt.Sprintf("%s by %v", test.event, test.by), func(t *testing.T) {
			l := begin(t, two)
			i := l.add(l.event(test.event), test.by...)
			v := l.keyring().Judge(i, open(t, l.records[i]))
			if codes(v) != test.want || names(v) != test.signers || v.OK() != (test.want == "") {
				t.Errorf("%q signed by %q: %v", codes(v), names(v), v.Problems)
			}
		})
	}
}

// TestSignatures: what is signed, and by whom it is said to be.
func TestSignatures(t *testing.T) {
	l := begin(t, audit.Policy{})
	good := Seal(l.event(audit.TrainStarted), "e")
	other := Seal(l.event(audit.TrainStarted), "e")
	k := l.keyring()
	e, o := open(t, good).Envelope, open(t, other).Envelope
	for i, sig := range [][]byte{o.Signatures[0].Sig, make([]byte, 64), {1}} {
		forged := *e
		forged.Signatures = []dsse.Signature{{KeyID: ID("e"), Sig: sig}}
		record, err := forged.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if v := k.Judge(1, open(t, record)); codes(v) != "bad-signature" || len(v.Signers) != 0 {
			t.Errorf("forgery %d: %v", i, v)
		}
	}
	// Somebody else's signature under this name.
	forged := *e
	sig, _ := Key("x").Sign(dsse.PAE(e.PayloadType, e.Payload))
	forged.Signatures = []dsse.Signature{{KeyID: ID("e"), Sig: sig}}
	record, _ := forged.Marshal()
	if v := k.Judge(1, open(t, record)); codes(v) != "bad-signature" {
		t.Errorf("another's signature: %v", v)
	}
	p := l.event(audit.TrainStarted)
	p.Actor.KeyID = ID("a")
	if v := k.Judge(1, open(t, Seal(p, "e"))); codes(v) != "actor-not-signer" {
		t.Errorf("another actor: %v", v)
	}
}

// TestGenesis: there is one, at the beginning, and it signs itself.
func TestGenesis(t *testing.T) {
	good := func() *audit.Predicate { return Genesis(Origin, Signer("a", audit.Admin), Signer("e", audit.Engineer)) }
	two := func() *audit.Predicate {
		p := good()
		p.Ledger.Policy.Threshold = map[audit.Event]int{audit.LedgerCreated: 2}
		p.Ledger.Keys = append(p.Ledger.Keys, *Signer("b", audit.Admin))
		return p
	}
	edit := func(f func(g *audit.Genesis)) *audit.Predicate {
		p := good()
		f(p.Ledger)
		return p
	}
	for _, test := range []struct {
		name string
		p    *audit.Predicate
		by   []string
		want string
	}{
		{"good", good(), []string{"a"}, ""},
		{"by all", good(), []string{"a", "e"}, ""},
		{"two of two", two(), []string{"a", "b"}, ""},
		{"one of two", two(), []string{"a"}, "below-threshold"},
		{"by an engineer", good(), []string{"e"}, "wrong-role"},
		{"by a stranger", good(), []string{"x"}, "unknown-key"},
		{"of another ledger", Genesis("example.com/other", Signer("a", audit.Admin)), []string{"a"}, "wrong-origin bad-key"},
		{"log key of another", edit(func(g *audit.Genesis) { g.Log = VKey("example.com/other", "log") }), []string{"a"}, "bad-key"},
		{"log key that is none", edit(func(g *audit.Genesis) { g.Log = Origin + "+00000000+AAAA" }), []string{"a"}, "bad-key"},
		{"other id", edit(func(g *audit.Genesis) { g.Keys[1].ID = ID("x") }), []string{"a"}, "bad-key"},
		{"other algorithm", edit(func(g *audit.Genesis) { g.Keys[1].Algorithm = "ecdsa-p256-sha256" }), []string{"a"}, "bad-key"},
		{"no key", edit(func(g *audit.Genesis) { g.Keys[1].Public = []byte("key") }), []string{"a"}, "bad-key"},
		{"key twice", edit(func(g *audit.Genesis) { g.Keys[1] = *Signer("a", audit.Admin) }), []string{"a"}, "invalid-change"},
		{"another event", audittest.Event(audit.TrainStarted, "m", "1", "r", 1), []string{"a"}, "genesis-not-first"},
	} {
		k := trust.New(Origin)
		record := Seal(test.p, test.by...)
		v := k.Add(0, record)
		if codes(v) != test.want {
			t.Errorf("%s: %v", test.name, v.Problems)
		}
		if again := k.Judge(0, open(t, record)); codes(again) != test.want {
			t.Errorf("%s: judged again: %v", test.name, again.Problems)
		}
		if (k.Genesis() != "") != (test.want == "") || (k.LogKey() != "") != (test.want == "") || (len(k.Keys()) > 0) != (test.want == "") {
			t.Errorf("%s: genesis %q, log key %q, %d keys", test.name, k.Genesis(), k.LogKey(), len(k.Keys()))
		}
	}

	l := begin(t, audit.Policy{})
	forged := Genesis(Origin, Signer("x", audit.Admin, audit.Engineer))
	l.add(forged, "x")
	l.add(Genesis(Origin, Signer("x", audit.Engineer)), "a")
	l.add(l.event(audit.TrainStarted), "x")
	l.wants(map[int64]string{1: "unknown-key second-genesis", 2: "second-genesis", 3: "unknown-key"})

	late := &log{t: t}
	late.add(late.event(audit.TrainStarted), "e")
	late.add(good(), "a")
	late.wants(map[int64]string{0: "genesis-not-first", 1: "unknown-key genesis-not-first"})
}

// TestKeysCome: keys are trusted after the record that adds them, if an admin
// signed that.
func TestKeysCome(t *testing.T) {
	l := begin(t, audit.Policy{Threshold: map[audit.Event]int{audit.KeyAdded: 2}})
	add := func(s *audit.SignerKey, names ...string) int64 {
		return l.add(l.key(audit.KeyAdded, audit.KeyChange{New: s}), names...)
	}
	want := map[int64]string{}
	want[l.add(l.event(audit.TrainStarted), "n")] = "unknown-key" // too early
	want[add(Signer("x", audit.Admin), "a")] = "below-threshold"
	want[add(Signer("x", audit.Admin), "a", "e")] = "below-threshold"
	want[add(Signer("x", audit.Admin), "e")] = "wrong-role"
	want[add(Signer("x", audit.Admin), "x")] = "unknown-key below-threshold"
	want[l.add(l.event(audit.TrainStarted), "x")] = "unknown-key"
	wrong := Signer("n", audit.Engineer)
	wrong.ID = ID("x")
	want[add(wrong, "a", "b")] = "bad-key"
	add(Signer("n", audit.Engineer), "a", "b")
	l.add(l.event(audit.TrainStarted), "n")
	want[l.add(l.event(audit.Approved), "n")] = "wrong-role"
	add(Signer("n", audit.Approver), "a", "b") // other roles from here on
	l.add(l.event(audit.Approved), "n")
	want[l.add(l.event(audit.TrainStarted), "n")] = "wrong-role"
	l.wants(want)
}

// TestReplay: a record that the same keys signed for another ledger means
// nothing in this one, be it an approval or a change of keys.
func TestReplay(t *testing.T) {
	l := begin(t, audit.Policy{})
	approval := l.event(audit.Approved)
	approval.Origin = "example.com/sandbox"
	added := l.key(audit.KeyAdded, audit.KeyChange{New: Signer("new", audit.Approver)})
	added.Origin = "example.com/sandbox"
	first, second := l.add(approval, "p"), l.add(added, "a")
	by := l.add(l.event(audit.Approved), "new")
	k := l.keyring()
	for index, want := range map[int64]trust.Code{first: trust.WrongOrigin, second: trust.WrongOrigin, by: trust.UnknownKey} {
		v := k.Judge(index, open(t, l.records[index]))
		if len(v.Problems) != 1 || v.Problems[0].Code != want {
			t.Errorf("record %d: %v, want %s", index, v.Problems, want)
		}
	}
}
