package trust

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
)

// examine looks at what a record of scope ledger wants to change, whoever
// signed it.
func (k *Keyring) examine(index int64, p *audit.Predicate) []Problem {
	if p.Event == audit.LedgerCreated {
		if k.genesis == "" {
			return []Problem{{Code: GenesisNotFirst, Message: fmt.Sprintf("%s is record %d; only record 0 can be", p.Event, index)}}
		}
		return []Problem{{Code: SecondGenesis, Message: fmt.Sprintf("%s was record 0 already; this one changes nothing", p.Event)}}
	}
	c := p.Key
	if c == nil {
		return nil // a policy, which Open has checked
	}
	var problems []Problem
	switch {
	case c.Log != "":
		if i := k.currentLog(); i < 0 || k.logs[i].vkey != c.Old {
			problems = append(problems, Problem{Code: InvalidChange, Message: fmt.Sprintf("the log does not sign with %q, so that this key cannot be replaced", c.Old)})
		}
		if _, err := newLogKey(c.Log, k.origin); err != nil {
			problems = append(problems, Problem{Code: BadKey, Message: err.Error()})
		}
		for _, l := range k.logs {
			if l.vkey == c.Log {
				problems = append(problems, Problem{Code: InvalidChange, Message: fmt.Sprintf("the log has signed with %q before", c.Log)})
			}
		}
	case c.Old != "":
		// One that is not trusted any more can still turn out to be stolen since earlier.
		again := p.Event == audit.KeyRevoked && c.Since != nil && len(k.keys[c.Old]) > 0
		if k.believed(c.Old, index) == nil && !again {
			problems = append(problems, Problem{Code: InvalidChange, KeyID: c.Old, Message: fmt.Sprintf("key %s is not trusted, so that nothing changes", short(c.Old))})
		}
		if c.New != nil && c.New.ID == c.Old {
			problems = append(problems, Problem{Code: InvalidChange, KeyID: c.Old, Message: "a key cannot take its own place"})
		}
	}
	return append(problems, k.checkSigner(c.New)...)
}

// checkSigner holds what is said of a key against the key.
func (k *Keyring) checkSigner(s *audit.SignerKey) []Problem {
	if s == nil {
		return nil
	}
	bad := func(format string, args ...any) []Problem {
		return []Problem{{BadKey, s.ID, fmt.Sprintf("key %s (%q) %s", short(s.ID), s.Name, fmt.Sprintf(format, args...))}}
	}
	public, err := keys.ParsePublic(s.Public)
	switch {
	case err != nil:
		return bad("cannot be read: %v", err)
	case public.ID() != s.ID:
		return bad("has the id %s", public.ID())
	case string(public.Algorithm()) != s.Algorithm:
		return bad("is of algorithm %s, not %q", public.Algorithm(), s.Algorithm)
	}
	return nil
}

func newLogKey(vkey, origin string) (logKey, error) {
	v, err := endorsed.NewVerifier(vkey)
	if err != nil {
		return logKey{}, fmt.Errorf("verifier key of the log %q: %w", vkey, err)
	}
	if name := v.Name(); name != origin {
		return logKey{}, fmt.Errorf("verifier key of the log %q: it is of %q, the ledger is %q", vkey, name, origin)
	}
	return logKey{vkey: vkey, Verifier: v}, nil
}

// currentLog is the position in logs of the key with which the log signs, or -1.
func (k *Keyring) currentLog() int {
	for i := len(k.logs) - 1; i >= 0; i-- {
		if k.logs[i].by.stands {
			return i
		}
	}
	return -1
}

// LogVerifiersAt gives the verifiers of the log's keys that may sign the
// checkpoint of a tree of this size, the oldest first: a key signs no tree beyond the first that has the record that replaced
// it.
func (k *Keyring) LogVerifiersAt(size int64) []note.Verifier {
	var all []note.Verifier
	next := int64(math.MaxInt64) // first size that only later keys sign
	for _, l := range slices.Backward(k.logs) {
		if !l.by.stands {
			continue
		}
		if l.by.index < size && size < next {
			all = append(all, l.Verifier)
		}
		next = l.by.index + 2
	}
	slices.Reverse(all)
	return all
}

// KeyNames says which keys of a log may have signed, for messages: origin, plus
// sign and id of each, as they stand before a signature.
func KeyNames(keys []note.Verifier) string {
	var all []string
	for _, k := range keys {
		all = append(all, fmt.Sprintf("%s+%08x", k.Name(), k.KeyHash()))
	}
	return strings.Join(all, " or ")
}

// LogKey is the verifier key of the log's newest key, or empty.
func (k *Keyring) LogKey() string {
	if i := k.currentLog(); i >= 0 {
		return k.logs[i].vkey
	}
	return ""
}

// LogKeys gives the verifier keys with which the log signed or signs its
// checkpoints, the oldest first.
func (k *Keyring) LogKeys() []string {
	var all []string
	for _, l := range k.logs {
		if l.by.stands {
			all = append(all, l.vkey)
		}
	}
	return all
}
