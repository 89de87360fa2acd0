package endorsed

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// These are fingerprints.
var a, b, c = strings.Repeat("a", 64), strings.Repeat("b", 64), strings.Repeat("c", 64)

func someKey() *Key {
	return &Key{
		Name: origin, Channel: "audit", Chaincode: "records", Need: 2,
		Organisations: []Organisation{{[]string{a, b}, "Org1MSP"}, {[]string{c}, "Org2MSP"}},
		Orderers:      []Organisation{{[]string{a}, "OrdererMSP"}},
	}
}

// TestKey writes out what a key is.
func TestKey(t *testing.T) {
	const form = "\xffmmaudit/fabric/v1" +
		`{"chaincode":"records","channel":"audit","need":2,"orderers":[{"cas":["%[1]s"],"msp":"OrdererMSP"}],` +
		`"organisations":[{"cas":["%[1]s","%[2]s"],"msp":"Org1MSP"},{"cas":["%[3]s"],"msp":"Org2MSP"}]}`
	public := fmt.Sprintf(form, a, b, c)
	sum := sha256.Sum256([]byte(origin + "\n" + public))
	want := fmt.Sprintf("%s+%x+%s", origin, sum[:4], base64.StdEncoding.EncodeToString([]byte(public)))
	k := someKey()
	if got := k.String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if again, err := ParseKey(want); err != nil || again.String() != want {
		t.Errorf("%v, %v", again, err)
	}
	slices.Reverse(k.Organisations)
	k.Organisations[1].CAs = []string{b, a, b}
	k.Sort()
	if k.String() != want {
		t.Error("sorted, it is another key")
	}
}

func TestKeyErrors(t *testing.T) {
	many := make([]Organisation, MaxOrganisations+1)
	for i := range many {
		many[i] = Organisation{[]string{a}, fmt.Sprintf("Org%02d", i)}
	}
	for want, change := range map[string]func(k *Key){
		`"" cannot be the name of a ledger`:               func(k *Key) { k.Name = "" },
		`"a b" cannot be the name of a ledger`:            func(k *Key) { k.Name = "a b" },
		`"a+b" cannot be the name of a ledger`:            func(k *Key) { k.Name = "a+b" },
		`"\xff" cannot be the name of a ledger`:           func(k *Key) { k.Name = "\xff" },
		`"Audit" cannot be the name of a channel`:         func(k *Key) { k.Channel = "Audit" },
		`"a b" cannot be the name of a chaincode`:         func(k *Key) { k.Chaincode = "a b" },
		"no organisation endorses":                        func(k *Key) { k.Organisations = nil },
		"0 of 2 organisations cannot endorse":             func(k *Key) { k.Need = 0 },
		"3 of 2 organisations cannot endorse":             func(k *Key) { k.Need = 3 },
		"33 organisations, want at most 32":               func(k *Key) { k.Organisations = many },
		"33 orderers, want at most 32":                    func(k *Key) { k.Orderers = many },
		`"Org1MSP", or it is there twice`:                 func(k *Key) { k.Organisations[1].MSP = "Org1MSP" },
		`organisations are not in order at "A"`:           func(k *Key) { k.Organisations[1].MSP = "A" },
		`"Org<" cannot be an organisation`:                func(k *Key) { k.Organisations[0].MSP = "Org<" },
		`"Org2MSP" has 0 certificate authorities`:         func(k *Key) { k.Organisations[1].CAs = nil },
		`"Org2MSP" has 9 certificate authorities`:         func(k *Key) { k.Organisations[1].CAs = make([]string, MaxCAs+1) },
		`authorities of "Org1MSP" are not in order`:       func(k *Key) { k.Organisations[0].CAs = []string{b, a} },
		`speaks for "Org1MSP" and "Org2MSP"`:              func(k *Key) { k.Organisations[1].CAs = []string{b} },
		`authorities of "OrdererMSP" are not in order`:    func(k *Key) { k.Orderers[0].CAs = []string{a, a} },
		`"aa" of "Org2MSP" is not a SHA-256`:              func(k *Key) { k.Organisations[1].CAs = []string{"aa"} },
		`of "Org2MSP" is not a SHA-256 in hexadecimal`:    func(k *Key) { k.Organisations[1].CAs = []string{strings.ToUpper(a)} },
		"bytes, want at most 16384":                       func(k *Key) { k.Name = strings.Repeat("a", MaxKey) },
		`verifier key: "` + strings.Repeat("a", 80) + `"`: func(k *Key) { k.Chaincode = strings.Repeat("a", 256) },
	} {
		k := someKey()
		change(k)
		refused(t, want, k.Check(), want)
		if _, err := ParseKey(k.String()); err == nil {
			t.Errorf("%s: it can be read", want)
		}
	}

	// Other texts of the same key.
	k := someKey()
	public := string(k.bytes())
	text := func(public string) string {
		return fmt.Sprintf("%s+%08x+%s", origin, k.hash(), base64.StdEncoding.EncodeToString([]byte(public)))
	}
	if _, err := ParseKey(text(public)); err != nil {
		t.Fatal(err)
	}
	for what, vkey := range map[string]string{
		"another hash":         strings.Replace(text(public), "+", "+0", 1),
		"another name":         "x" + text(public),
		"a space":              text(strings.Replace(public, ":", ": ", 1)),
		"a member more":        text(strings.Replace(public, "{", `{"a":1,`, 1)),
		"a member twice":       text(strings.Replace(public, "{", `{"channel":"audit",`, 1)),
		"a member's name":      text(strings.Replace(public, `"need"`, `"Need"`, 1)),
		"an empty list":        text(strings.Replace(public, `"cas":["`+a+`"],"msp":"OrdererMSP"`, "", 1)),
		"something behind":     text(public + "{}"),
		"nothing":              text(kind),
		"another kind":         text(strings.Replace(public, "v1", "v2", 1)),
		"spare bits":           strings.TrimRight(text(public+" "), "=") + "=",
		"an escaped letter":    text(strings.Replace(public, `"audit"`, `"\u0061udit"`, 1)),
		"a number":             text(strings.Replace(public, `"need":2`, `"need":2.0`, 1)),
		"without orderers: []": text(strings.Replace(public, `"orderers":[{"cas":["`+a+`"],"msp":"OrdererMSP"}]`, `"orderers":[]`, 1)),
	} {
		if k, err := ParseKey(vkey); err == nil {
			t.Errorf("%s: read as %s", what, k)
		}
	}
}

func FuzzKey(f *testing.F) {
	seed, err := os.ReadFile("testdata/key")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(strings.TrimSpace(string(seed)))
	f.Add(someKey().String())
	k := someKey()
	k.Orderers = nil
	f.Add(k.String())
	f.Fuzz(func(t *testing.T, vkey string) {
		k, err := ParseKey(vkey)
		if err != nil {
			return
		}
		if k.String() != vkey || !IsKey(vkey) {
			t.Errorf("%s is written as %s", vkey, k)
		}
		if v, err := NewVerifier(vkey); err != nil || v.Name() != k.Name {
			t.Errorf("%v", err)
		}
	})
}
