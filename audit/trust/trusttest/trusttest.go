// Package trusttest makes keys, and signed records about them, for tests. A key
// goes by a name: the same name is the same key, in every run.
package trusttest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// Origin is the name of the ledger of Genesis.
const Origin = "example.com/audit"

func seed(name string) ed25519.PrivateKey {
	sum := sha256.Sum256([]byte(name))
	return ed25519.NewKeyFromSeed(sum[:])
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Key gives the key of a name.
func Key(name string) *keys.Private {
	der := must(x509.MarshalPKCS8PrivateKey(seed(name)))
	return must(keys.Parse(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil))
}

// ID gives the id of the key of a name.
func ID(name string) string { return Key(name).Public().ID() }

// Signer describes the key of a name for a record.
func Signer(name string, roles ...audit.Role) *audit.SignerKey {
	p := Key(name).Public()
	return &audit.SignerKey{ID: p.ID(), Algorithm: string(p.Algorithm()), Public: p.DER(), Name: name, Roles: roles}
}

// LogKey gives signer and verifier of a log from the key of a name.
func LogKey(origin, name string) (note.Signer, note.Verifier) {
	s, v, err := tlog.NewKey(origin, seed(name))
	if err != nil {
		panic(err)
	}
	return s, v
}

// VKey gives the verifier key of a log from the key of a name.
func VKey(origin, name string) string {
	return must(note.NewEd25519VerifierKey(origin, seed(name).Public().(ed25519.PublicKey)))
}

// Genesis begins a ledger: its log signs with the key "log", and people with
// these.
func Genesis(origin string, signers ...*audit.SignerKey) *audit.Predicate {
	p := audittest.Event(audit.LedgerCreated, "", "", "", 0)
	p.Origin = origin
	p.Ledger = &audit.Genesis{Origin: origin, Log: VKey(origin, "log")}
	for _, s := range signers {
		p.Ledger.Keys = append(p.Ledger.Keys, *s)
	}
	return p
}

// Seal signs a predicate with the keys of these names. The first is the actor's,
// unless the predicate names another.
func Seal(p *audit.Predicate, names ...string) []byte {
	if p.Actor.KeyID == "" || p.Actor.KeyID == audittest.Digests("key")["sha256"] {
		p.Actor.KeyID = ID(names[0])
	}
	var signers []*keys.Private
	for _, name := range names {
		signers = append(signers, Key(name))
	}
	return must(audit.Seal(p, signers...))
}
