package trust_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/trust"
	. "github.com/mmaudit/mmaudit/audit/trust/trusttest"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
	"github.com/mmaudit/mmaudit/schemas/draft2020"
)

// witnessKey gives the verifier key of a witness.
func witnessKey(name string) string {
	sum := sha256.Sum256([]byte(name))
	key := append([]byte{4}, ed25519.NewKeyFromSeed(sum[:]).Public().(ed25519.PublicKey)...)
	id := sha256.Sum256(append([]byte(name+"\n"), key...))
	return fmt.Sprintf("%s+%08x+%s", name, binary.BigEndian.Uint32(id[:]), base64.StdEncoding.EncodeToString(key))
}

func TestAnchor(t *testing.T) {
	l := begin(t, audit.Policy{})
	a, err := l.keyring().Anchor(&trust.Witnesses{Keys: []string{witnessKey("w.example/1"), witnessKey("w.example/2")}, Quorum: 1})
	if err != nil {
		t.Fatal(err)
	}
	file, err := a.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := trust.ParseAnchor(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Check(l.keyring()); err != nil {
		t.Error(err)
	}
	// Keys of people and of the log may change.
	l.add(l.key(audit.KeyRotated, audit.KeyChange{Old: VKey(Origin, "log"), Log: VKey(Origin, "log2")}), "a")
	l.add(l.revoke("a", nil), "a")
	l.add(l.key(audit.KeyAdded, audit.KeyChange{New: Signer("n", audit.Admin)}), "b")
	if err := again.Check(l.keyring()); err != nil {
		t.Error(err)
	}

	// A trust file of today fits the ledger of yesterday.
	newer, err := l.keyring().Anchor(nil)
	if err != nil {
		t.Fatal(err)
	}
	yesterday := &log{t: t, records: l.records[:1]}
	if err := newer.Check(yesterday.keyring()); err != nil || len(newer.Log) != 2 {
		t.Error(newer.Log, err)
	}

	genesis := func(p *audit.Predicate, by string) *trust.Keyring {
		k := trust.New(p.Ledger.Origin)
		if v := k.Add(0, Seal(p, by)); !v.OK() {
			t.Fatal(v)
		}
		return k
	}
	admins := *again
	admins.Genesis = ""
	for _, test := range []struct {
		name   string
		k      *trust.Keyring
		anchor *trust.Anchor
		want   string
	}{
		{"same keys, made again", genesis(Genesis(Origin, Signer("a", audit.Admin), Signer("b", audit.Admin)), "a"), again, "its first record has the SHA3-512"},
		{"same keys, told by admins", genesis(Genesis(Origin, Signer("a", audit.Admin), Signer("b", audit.Admin)), "a"), &admins, ""},
		{"another admin", genesis(Genesis(Origin, Signer("a", audit.Admin), Signer("b", audit.Admin), Signer("x", audit.Admin)), "x"), &admins, "makes key " + ID("x") + " an admin"},
		{"an admin less", genesis(Genesis(Origin, Signer("a", audit.Admin)), "a"), &admins, "does not make key " + ID("b")},
		{"no genesis", trust.New(Origin), again, "no valid first record"},
		{"another name", genesis(Genesis("example.com/other", Signer("a", audit.Admin)), "a"), again, `its name is "example.com/other"`},
		{"another log", func() *trust.Keyring {
			p := Genesis(Origin, Signer("a", audit.Admin), Signer("b", audit.Admin))
			p.Ledger.Log = VKey(Origin, "mine")
			return genesis(p, "a")
		}(), &admins, "and never with"},
	} {
		err := test.anchor.Check(test.k)
		if (err == nil) != (test.want == "") || err != nil && (!errors.Is(err, trust.ErrAnchor) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v", test.name, err)
		}
	}
	if _, err := trust.New(Origin).Anchor(nil); !errors.Is(err, trust.ErrAnchor) {
		t.Error(err)
	}
}

// TestTrustFile: what is not a trust file, with the member to blame. The schema
// agrees but where it says that it cannot.
func TestTrustFile(t *testing.T) {
	s, err := draft2020.Compile("trust.schema.json", "")
	if err != nil {
		t.Fatal(err)
	}
	l := begin(t, audit.Policy{})
	a, err := l.keyring().Anchor(&trust.Witnesses{Keys: []string{witnessKey("w1"), witnessKey("w2")}, Quorum: 2})
	if err != nil {
		t.Fatal(err)
	}
	network := networkKey(t, "fabric/audit/one")
	a.Anchors = []string{network, networkKey(t, "fabric/audit/two")}
	good, _ := a.Marshal()
	for _, test := range []struct {
		old, new string
		want     string // part of the error; empty: it is fine
		beyond   bool   // the schema cannot tell
	}{
		{"", "", "", false},
		{`"v": 1`, `"v": 2`, "v: 2", false},
		{`"v": 1`, `"v": 1, "v": 1`, "twice", true},
		{`"v": 1`, `"V": 1`, "misspelt", false},
		{`"v": 1`, `"v": 1, "extra": 1`, "extra", false},
		{`"origin": "` + Origin, `"origin": "`, "origin: is empty", false},
		{`"origin": "`, `"origin": "x`, "log[0]", true},
		{`"genesis": "`, `"genesis": "A`, "genesis", false},
		{`"genesis"`, `"genesys"`, "genesys", false},
		{ID("a"), ID("a")[1:], "admins[", false},
		{`"quorum": 2`, `"quorum": 3`, "quorum of 3 among 2", true},
		{`"quorum": 2`, `"quorum": 0`, "quorum of 0", false},
		{witnessKey("w1"), witnessKey("w2"), "listed twice", false},
		{witnessKey("w1"), "w1+00000000" + witnessKey("w1")[11:], "does not belong", true},
		{witnessKey("w1"), VKey("w1", "log"), "0x01", true},
		{network, networkKey(t, "fabric/audit/two"), "anchors[1]: is listed twice", false},
		{network, VKey("fabric/audit/one", "log"), "anchors[0]: verifier key is not one of a ledger on Fabric", true},
		{`"anchors": [`, `"anchors": ["",`, "anchors[0]", false},
		{"}\n", "} x", "", true},
	} {
		file := strings.Replace(string(good), test.old, test.new, 1)
		if test.old == "}\n" {
			file, test.want = string(good)+"x", "not a trust file"
		}
		_, err := trust.ParseAnchor([]byte(file))
		if (err == nil) != (test.want == "") || err != nil && (!errors.Is(err, trust.ErrTrustFile) || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s for %s: %v, want %q", test.new, test.old, err, test.want)
		}
		var v any
		if json.Unmarshal([]byte(file), &v) == nil && !test.beyond {
			if says := s.Validate(v); (says == nil) != (err == nil) {
				t.Errorf("%s for %s: the schema says %v, ParseAnchor %v", test.new, test.old, says, err)
			}
		}
	}
	neither := *a
	neither.Genesis, neither.Admins = "", nil
	if _, err := neither.Marshal(); err == nil || !strings.Contains(err.Error(), "which ledger") {
		t.Error(err)
	}
}

// networkKey gives the verifier key of a network of one organisation.
func networkKey(t testing.TB, name string) string {
	t.Helper()
	k := &endorsed.Key{Name: name, Channel: "audit", Chaincode: "records", Need: 1, Organisations: []endorsed.Organisation{
		{MSP: "Org1MSP", CAs: []string{strings.Repeat("0a", 32)}},
	}}
	if err := k.Check(); err != nil {
		t.Fatal(err)
	}
	return k.String()
}

func FuzzParseAnchor(f *testing.F) {
	k := trust.New(Origin)
	k.Add(0, Seal(Genesis(Origin, Signer("a", audit.Admin)), "a"))
	for _, w := range []*trust.Witnesses{nil, {Keys: []string{witnessKey("w1")}, Quorum: 1}} {
		a, err := k.Anchor(w)
		if err != nil {
			f.Fatal(err)
		}
		file, _ := a.Marshal()
		f.Add(file)
		a.Anchors = []string{networkKey(f, "fabric/audit/one")}
		file, _ = a.Marshal()
		f.Add(file)
	}
	f.Add([]byte(`{"v":1,"origin":"a","log":["a+00000000+AAAA"],"admins":null}`))
	s, err := draft2020.Compile("trust.schema.json", "")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := trust.ParseAnchor(file)
		if err != nil {
			return
		}
		again, err := a.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		b, err := trust.ParseAnchor(again)
		if err != nil {
			t.Fatal(err)
		}
		if third, _ := b.Marshal(); string(third) != string(again) {
			t.Fatalf("%s is written as %s", again, third)
		}
		var v any
		if err := json.Unmarshal(file, &v); err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(v); err != nil {
			t.Fatalf("the schema refuses %s: %v", file, err)
		}
	})
}
