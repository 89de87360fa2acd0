package trust

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/dsse"
)

var compare = cmp.Compare[string]

// A Code names a kind of problem.
type Code string

// The kinds of problems.
const (
	BadSignature    Code = "bad-signature"    // not made by the key that it names
	UnknownKey      Code = "unknown-key"      // of a key that was never trusted, or not yet
	RevokedKey      Code = "revoked-key"      // of a key that was not trusted any more
	WrongRole       Code = "wrong-role"       // nobody who signed may sign such an event
	BelowThreshold  Code = "below-threshold"  // fewer keys signed than the policy asks for
	ActorNotSigner  Code = "actor-not-signer" // the key of predicate.actor did not sign
	GenesisNotFirst Code = "genesis-not-first"
	SecondGenesis   Code = "second-genesis"
	WrongOrigin     Code = "wrong-origin"   // a record of another ledger
	BadKey          Code = "bad-key"        // a change brings a key that is not what it says
	InvalidChange   Code = "invalid-change" // a change of what is not there
	InvalidRecord   Code = "invalid-record" // not a record at all
)

// A Problem is a reason why a record is not accepted.
type Problem struct {
	Code    Code   `json:"code"`
	KeyID   string `json:"keyId,omitempty"` // of the key that it is about
	Message string `json:"message"`
}

func (p Problem) String() string { return string(p.Code) + ": " + p.Message }

// A Signer is a key that signed, as it was trusted then.
type Signer struct {
	ID    string       `json:"keyId"`
	Name  string       `json:"name"`
	Roles []audit.Role `json:"roles"`
}

// Has reports whether the key has a role.
func (s Signer) Has(r audit.Role) bool { return r == audit.AnyRole || slices.Contains(s.Roles, r) }

// A Verdict says who signed a record, and what speaks against accepting it.
type Verdict struct {
	Index   int64    `json:"index"`
	Signers []Signer `json:"signers"` // signatures verified, keys trusted; by ID
	// Problems are empty if the record is to be believed.
	Problems []Problem `json:"problems,omitempty"`
}

// OK reports whether the record is to be believed.
func (v Verdict) OK() bool { return len(v.Problems) == 0 }

func (v *Verdict) add(p ...Problem) { v.Problems = append(v.Problems, p...) }

// Judge verifies the signatures of a record with the keys that were trusted at
// its index, as far as the keyring knows. The record after all that were added
// can be judged too, before it is appended.
func (k *Keyring) Judge(index int64, r *audit.Record) Verdict {
	p := r.Predicate()
	if index == 0 {
		return New(k.origin).Add(0, r.Bytes)
	}
	v, _ := k.signatures(index, r)
	if !ofLedger(r) {
		return v
	}
	// Whether a change could be made then is known since then.
	if i, ok := k.at[index]; ok && k.changes[i].Digest == r.Digest() {
		for _, problem := range k.changes[i].Verdict.Problems {
			if !slices.ContainsFunc(v.Problems, func(p Problem) bool { return p.Code == problem.Code && p.KeyID == problem.KeyID }) {
				v.add(problem)
			}
		}
		return v
	}
	v.add(k.examine(index, p)...)
	return v
}

// signatures judges who signed, and gives what the record changes, if anything.
func (k *Keyring) signatures(index int64, r *audit.Record) (Verdict, *change) {
	p := r.Predicate()
	v := Verdict{Index: index, Signers: []Signer{}}
	kind, _ := audit.KindOf(p.Event)
	by := &change{index: index, need: max(1, k.PolicyAt(index).Threshold[p.Event]), stands: true}
	actor, other := false, 0
	for _, s := range r.Envelope.Signatures { // one for each key, by ID
		actor = actor || s.KeyID == p.Actor.KeyID
		e := k.believed(s.KeyID, index)
		if e == nil {
			v.add(k.disbelief(s.KeyID, index))
			continue
		}
		if e.public.Verify(dsse.PAE(r.Envelope.PayloadType, r.Envelope.Payload), s.Sig) != nil {
			v.add(Problem{BadSignature, s.KeyID, fmt.Sprintf("the signature of %s is not of this record", e)})
			continue
		}
		v.Signers = append(v.Signers, e.Signer)
		if e.Has(kind.Role) {
			by.signed = append(by.signed, e)
		} else {
			other++
		}
	}
	n := len(by.signed)
	switch {
	case n >= by.need:
	case n == 0 && other > 0:
		v.add(Problem{WrongRole, "", fmt.Sprintf("%s must be signed in the role %q, which %s not", p.Event, kind.Role, have(v.Signers))})
	case n == 0 && by.need == 1: // then something was wrong with each signature, and was said
	default:
		v.add(Problem{BelowThreshold, "", fmt.Sprintf("%s needs %d signatures%s, has %d", p.Event, by.need, inRole(kind.Role), n)})
	}
	if p.Origin != k.origin {
		v.add(Problem{WrongOrigin, "", fmt.Sprintf("it was made for the ledger %q, this is %q", p.Origin, k.origin)})
	}
	if !actor {
		v.add(Problem{ActorNotSigner, p.Actor.KeyID, fmt.Sprintf("%q says to act with key %s, which did not sign", p.Actor.ID, short(p.Actor.KeyID))})
	}
	return v, by
}

// disbelief says why a key is not trusted at an index.
func (k *Keyring) disbelief(id string, index int64) Problem {
	entries := k.keys[id]
	if k.genesis == "" && index > 0 {
		return Problem{UnknownKey, id, fmt.Sprintf("key %s is not known: the ledger has no valid first record that names keys", short(id))}
	}
	if len(entries) == 0 {
		return Problem{UnknownKey, id, fmt.Sprintf("key %s is not known to the ledger", short(id))}
	}
	// The newest that was added before says most.
	e := entries[0]
	for _, other := range entries {
		if other.by.index < index {
			e = other
		}
	}
	switch {
	case e.by.index >= index:
		return Problem{UnknownKey, id, fmt.Sprintf("%s was not trusted before record %d", e, e.by.index+1)}
	case !e.by.stands:
		return Problem{RevokedKey, id, fmt.Sprintf("%s is not believed: those who added it in record %d are not", e, e.by.index)}
	case e.end <= e.ender:
		return Problem{RevokedKey, id, fmt.Sprintf("%s was %s in record %d, and is not believed from record %d on", e, e.how, e.ender, e.end)}
	default:
		return Problem{RevokedKey, id, fmt.Sprintf("%s was %s in record %d", e, e.how, e.ender)}
	}
}

func (s Signer) String() string { return fmt.Sprintf("key %s (%q)", short(s.ID), s.Name) }

// short is enough of an id to find it in a list of keys.
func short(id string) string { return id[:min(len(id), 16)] + "…" }

func have(signers []Signer) string {
	var names []string
	for _, s := range signers {
		names = append(names, s.String())
	}
	if len(names) == 1 {
		return names[0] + " has"
	}
	return strings.Join(names, ", ") + " have"
}

func inRole(r audit.Role) string {
	if r == audit.AnyRole {
		return ""
	}
	return fmt.Sprintf(" in the role %q", r)
}
