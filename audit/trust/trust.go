// Package trust says who may sign what, from the ledger itself.
//
// The first record, [audit.LedgerCreated], names the first keys with their roles
// and how many of them an event needs. Records of the events key.added,
// key.rotated, key.revoked and policy.changed change that, each if it is signed
// as the policy of that moment asks. A [Keyring] is what follows from them, at
// every index: [Keyring.Judge] verifies a record with the keys that were trusted
// at its place.
//
// Rules:
//
//   - A change counts for the records after it. One that is not valid is
//     reported and changes nothing.
//   - A key is trusted from the record that adds it to the one that revokes or
//     replaces it, or to the index from which on that says that it must not be
//     believed. Adding a key that is trusted gives it other roles.
//   - A revocation that was valid when it was made stands for good. What it
//     takes back reaches further: keys and policies that only unbelieved keys
//     brought in are not believed either, from their records on.
//   - A threshold counts keys, not signatures. What makes a record not be
//     accepted is a [Problem]; there is no other kind of remark.
//
// So a stolen admin key can at worst make records unbelieved, which everybody
// sees; what it made believed goes when it is revoked.
//
// A ledger that somebody made up is as consistent as the true one. Only an
// [Anchor], got from elsewhere, tells them apart.
package trust

import (
	"context"
	"fmt"
	"math"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/ledger"
)

// A Keyring knows which keys were trusted at each index of a ledger. Methods
// may be called concurrently, but for Add.
type Keyring struct {
	origin   string
	genesis  string // digest of record 0, if it is valid
	keys     map[string][]*entry
	policies []policy
	logs     []logKey
	changes  []Change
	at       map[int64]int // index of a record in changes
}

// An entry is a key as one record made it trusted.
type entry struct {
	Signer
	public keys.Public
	by     *change // which added it
	end    int64   // first index at which it is not believed
	ender  int64   // index of the record that ended it
	how    string  // it was ended
}

// A change is a valid record that made something trusted.
type change struct {
	index  int64
	signed []*entry // who signed it in the role that it needs
	need   int      // how many had to
	stands bool     // so many of them are believed still
}

type policy struct {
	by *change
	audit.Policy
}

type logKey struct {
	by   *change
	vkey string
	note.Verifier
}

// A Change is a record about keys or policy, or one that passed itself off as
// one.
type Change struct {
	Index   int64
	Event   audit.Event // empty if the record cannot be read
	Digest  string
	Verdict Verdict // as it was when it was made
}

// New gives the keyring of an empty ledger. Origin is the name in its
// checkpoints; a genesis for another is not accepted.
func New(origin string) *Keyring {
	return &Keyring{origin: origin, keys: map[string][]*entry{}, at: map[int64]int{}}
}

// Load reads the keyring of the first size records of a ledger. It finds them
// by the ledger's index: whoever does not trust that must Scan the ledger and
// Add what it yields.
func Load(ctx context.Context, l ledger.Ledger, size int64) (*Keyring, error) {
	head, err := l.Head(ctx)
	if err != nil {
		return nil, err
	}
	k := New(head.Origin)
	for e, err := range l.Find(ctx, size, 0, ledger.Key{Name: audit.KeyScope, Value: string(audit.OfLedger)}) {
		if err != nil {
			return nil, fmt.Errorf("keys of the ledger: %w", err)
		}
		k.Add(e.Index, e.Record)
	}
	return k, nil
}

// Add takes in the next record, in order of indices, and judges it. A record
// about something else than keys and policy changes nothing.
func (k *Keyring) Add(index int64, record []byte) Verdict {
	if n := len(k.changes); n > 0 && index <= k.changes[n-1].Index {
		return Verdict{Index: index, Problems: []Problem{{Code: InvalidChange, Message: fmt.Sprintf("record %d comes after record %d", index, k.changes[n-1].Index)}}}
	}
	c := Change{Index: index, Digest: audit.DigestOf(record)}
	r, err := audit.Open(record)
	switch {
	case err != nil:
		c.Verdict = Verdict{Index: index, Problems: []Problem{{Code: InvalidRecord, Message: err.Error()}}}
	case index == 0:
		c.Event = r.Predicate().Event
		c.Verdict = k.begin(r)
	case !ofLedger(r):
		return k.Judge(index, r)
	default:
		c.Event = r.Predicate().Event
		v, by := k.signatures(index, r)
		v.add(k.examine(index, r.Predicate())...)
		if v.OK() {
			k.apply(by, r.Predicate())
		}
		c.Verdict = v
	}
	if c.Verdict.Signers == nil {
		c.Verdict.Signers = []Signer{}
	}
	k.at[index] = len(k.changes)
	k.changes = append(k.changes, c)
	return c.Verdict
}

func ofLedger(r *audit.Record) bool { return r.Predicate().Event.Scope() == audit.OfLedger }

// begin takes the first record: its keys sign it themselves.
func (k *Keyring) begin(r *audit.Record) Verdict {
	p := r.Predicate()
	g := p.Ledger
	if p.Event != audit.LedgerCreated {
		return Verdict{Problems: []Problem{{Code: GenesisNotFirst, Message: fmt.Sprintf("record 0 is %s, want %s", p.Event, audit.LedgerCreated)}}}
	}
	by := &change{index: -1, stands: true} // before itself
	try := New(k.origin)
	var problems []Problem
	log, err := newLogKey(g.Log, k.origin)
	if err != nil {
		problems = append(problems, Problem{Code: BadKey, Message: err.Error()})
	}
	log.by = by
	for i := range g.Keys {
		problems = append(problems, try.checkSigner(&g.Keys[i])...)
		if len(try.keys[g.Keys[i].ID]) > 0 {
			problems = append(problems, Problem{Code: InvalidChange, KeyID: g.Keys[i].ID, Message: "the genesis names the key twice"})
		}
		try.trust(by, &g.Keys[i])
	}
	try.policies = []policy{{by, g.Policy}}
	v, _ := try.signatures(0, r)
	v.add(problems...)
	if v.OK() {
		k.keys, k.policies, k.logs, k.genesis = try.keys, try.policies, []logKey{log}, r.Digest()
	}
	return v
}

// trust makes a key trusted after a change.
func (k *Keyring) trust(by *change, s *audit.SignerKey) {
	public, _ := keys.ParsePublic(s.Public) // was checked
	if old := k.believed(s.ID, by.index); old != nil {
		old.finish(by.index, by.index+1, "given other roles")
	}
	k.keys[s.ID] = append(k.keys[s.ID], &entry{
		Signer: Signer{s.ID, s.Name, slices.Clone(s.Roles)}, public: public,
		by: by, end: math.MaxInt64, ender: -1,
	})
}

func (e *entry) finish(by, end int64, how string) {
	if end < e.end {
		e.end, e.ender, e.how = end, by, how
	}
}

// at reports whether the key had not ended yet. The record that ends a key may
// be signed with it.
func (e *entry) at(index int64) bool { return index < e.end || index == e.ender }

// believed finds the key as it is trusted at an index, or nil.
func (k *Keyring) believed(id string, index int64) *entry {
	for _, e := range k.keys[id] {
		if e.by.stands && e.by.index < index && e.at(index) {
			return e
		}
	}
	return nil
}

// apply does what a valid change says.
func (k *Keyring) apply(by *change, p *audit.Predicate) {
	if p.Policy != nil {
		k.policies = append(k.policies, policy{by, *p.Policy})
		return
	}
	c := p.Key
	if c.Log != "" {
		log, _ := newLogKey(c.Log, k.origin) // was checked
		log.by = by
		k.logs = append(k.logs, log)
		return
	}
	if c.Old != "" {
		how := "revoked"
		if p.Event == audit.KeyRotated {
			how = "replaced"
		}
		end := by.index + 1
		if c.Since != nil {
			end = min(end, *c.Since)
		}
		for _, e := range k.keys[c.Old] {
			e.finish(by.index, end, how)
		}
	}
	if c.New != nil {
		k.trust(by, c.New)
	}
	k.follow()
}

// follow finds what does not stand any more because its signers are not
// believed any more. A change depends on earlier ones only, so that one pass in
// order of indices is enough.
func (k *Keyring) follow() {
	var all []*change
	for _, entries := range k.keys {
		for _, e := range entries {
			all = append(all, e.by)
		}
	}
	for _, p := range k.policies {
		all = append(all, p.by)
	}
	for _, l := range k.logs {
		all = append(all, l.by)
	}
	slices.SortFunc(all, func(a, b *change) int { return int(a.index - b.index) })
	for _, c := range all {
		n := 0
		for _, e := range c.signed {
			if e.by.stands && c.index < e.end {
				n++
			}
		}
		c.stands = c.index < 0 || n >= c.need
	}
}

// Origin is the name of the ledger.
func (k *Keyring) Origin() string { return k.origin }

// Genesis is the digest of the first record, or empty if that is not valid:
// then no key is trusted.
func (k *Keyring) Genesis() string { return k.genesis }

// Changes lists the records that were added about keys and policy, in order.
func (k *Keyring) Changes() []Change { return slices.Clone(k.changes) }

// Prev points at the newest record about keys and policy, for the next one: so
// that none can be left out between two. It is nil before the first.
func (k *Keyring) Prev() *audit.Prev {
	if len(k.changes) == 0 {
		return nil
	}
	c := k.changes[len(k.changes)-1]
	return &audit.Prev{Index: c.Index, Digest: c.Digest}
}

// PolicyAt is the policy for the record with an index.
func (k *Keyring) PolicyAt(index int64) audit.Policy {
	for _, p := range slices.Backward(k.policies) {
		if p.by.stands && p.by.index < index {
			return p.Policy
		}
	}
	return audit.Policy{}
}

// A Key is a key of people, as a record made it trusted.
type Key struct {
	Signer
	Public keys.Public
	From   int64  // index of that record
	Until  int64  // first index at which it is not believed; -1 while there is none
	Ended  int64  // index of the record that ended it, or -1
	How    string // it did: revoked, replaced, given other roles
	// Believed is false if those who added it are not believed any more.
	Believed bool
}

// Keys lists all keys that ever were trusted, by From and ID.
func (k *Keyring) Keys() []Key {
	var all []Key
	for _, entries := range k.keys {
		for _, e := range entries {
			key := Key{e.Signer, e.public, max(e.by.index, 0), e.end, e.ender, e.how, e.by.stands}
			if e.end == math.MaxInt64 {
				key.Until = -1
			}
			all = append(all, key)
		}
	}
	slices.SortFunc(all, func(a, b Key) int {
		if a.From != b.From {
			return int(a.From - b.From)
		}
		return compare(a.ID, b.ID)
	})
	return all
}
