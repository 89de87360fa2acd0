package hparams

import (
	"fmt"
	"strings"

	"github.com/mmaudit/mmaudit/audit/redact"
)

// Change is a parameter that two sets do not share.
type Change struct {
	Key string
	Old *Value // nil if it was added
	New *Value // nil if it was removed
}

func (c Change) String() string {
	switch {
	case c.Old == nil:
		return fmt.Sprintf("+ %s = %s", c.Key, c.New)
	case c.New == nil:
		return fmt.Sprintf("- %s = %s", c.Key, c.Old)
	case c.Old.Type != c.New.Type:
		return fmt.Sprintf("~ %s = %s (%s) -> %s (%s)", c.Key, c.Old, c.Old.Type, c.New, c.New.Type)
	default:
		return fmt.Sprintf("~ %s = %s -> %s", c.Key, c.Old, c.New)
	}
}

// Diff lists what differs between two sets, sorted by key. A change of type
// alone (1 to 1.0) is a change.
func Diff(older, newer *Set) []Change {
	var changes []Change
	a, b := older.params, newer.params
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = strings.Compare(a[0].Key, b[0].Key)
		}
		switch {
		case order < 0:
			changes = append(changes, Change{Key: a[0].Key, Old: &a[0].Value})
			a = a[1:]
		case order > 0:
			changes = append(changes, Change{Key: b[0].Key, New: &b[0].Value})
			b = b[1:]
		default:
			if !a[0].Value.Equal(b[0].Value) {
				changes = append(changes, Change{Key: a[0].Key, Old: &a[0].Value, New: &b[0].Value})
			}
			a, b = a[1:], b[1:]
		}
	}
	return changes
}

// Redact gives the set without its secrets, and the keys of what was taken out.
// A secret becomes a value of type [Redacted]: equal secrets under one site key
// stay equal, so sets can still be compared.
func (s *Set) Redact(r *redact.Redactor) (*Set, []string) {
	out := &Set{params: make([]Param, len(s.params))}
	var keys []string
	for i, p := range s.params {
		var hit bool
		out.params[i].Key = p.Key
		if out.params[i].Value, hit = redactValue(r, p.Key, p.Value); hit {
			keys = append(keys, p.Key)
		}
	}
	return out, keys
}

func redactValue(r *redact.Redactor, name string, v Value) (Value, bool) {
	hit := false
	switch v.Type {
	case Null, Bool, Redacted:
	case List:
		items := make([]Value, len(v.List))
		for i, item := range v.List {
			var h bool
			items[i], h = redactValue(r, name, item)
			hit = hit || h
		}
		if hit {
			v.List = items
		}
	case Map:
		members := make([]Param, len(v.Map))
		for i, p := range v.Map {
			var h bool
			members[i].Key = p.Key
			members[i].Value, h = redactValue(r, name+"."+p.Key, p.Value)
			hit = hit || h
		}
		if hit {
			v.Map = members
		}
	case Str:
		var text string
		if text, hit = r.Value(name, v.Text); hit {
			v = Value{Type: Redacted, Text: text}
		}
	default:
		// Digits are a secret by their name only.
		if redact.SecretName(name) {
			v, hit = Value{Type: Redacted, Text: r.Commit(v.Text)}, true
		}
	}
	return v, hit
}
