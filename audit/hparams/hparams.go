// Package hparams gives a training run's hyper-parameters one typed form, and
// that form a hash, so that a record says which values were used however they
// were written down.
//
// Readers take YAML, JSON, TOML, k=v strings and the JSON dump of a training
// hook to a [Set]: parameters sorted by key, each with a type. Types are part of
// the form: the integer 1, the float 1.0 and the string "1" are three values.
// Integers have no bounds and floats are the shortest text that reads back as
// the same double, so nothing is rounded. What readers of the same file disagree
// about (1e-4, on, 017, 12:30:00) is read in one documented way and reported as
// an [Ambiguity]; what has no one meaning (a key given twice, 1e400) is refused.
//
// The canonical form is, in the terms of RFC 8785,
//
//	{"v":1,"params":[{"k":"optimizer.lr","t":"f64","v":"0.0001"},…]}
//
// and its hash is SHA3-512("auditlog/hparams/v1\n" ‖ form). A Merkle root over
// the parameters ([Set.Tree]) lets one be disclosed without the others.
package hparams

import (
	"crypto/sha3"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mmaudit/mmaudit/audit/canonical"
)

const (
	// MaxDepth is how deep lists and maps may nest in one parameter, and maps
	// in one document.
	MaxDepth = 24
	// MaxValues bounds the values of a document, also after YAML aliases.
	MaxValues = 200_000
	// MaxFile bounds a file of parameters, in bytes.
	MaxFile = 8 << 20
)

var (
	// ErrDuplicate is a key given twice in one document.
	ErrDuplicate = errors.New("key given twice")
	// ErrConflict is a key that is a value and holds other keys as well.
	ErrConflict = errors.New("key is both a value and a group")
	// ErrNotMap is a document whose top level is not a map of parameters.
	ErrNotMap = errors.New("top level is not a map of parameters")
	// ErrTooBig is a document beyond the limits of this package.
	ErrTooBig = errors.New("beyond the limits for parameters")
	// ErrValue is a value that has no exact meaning.
	ErrValue = errors.New("value cannot be recorded as written")
)

// Param is one parameter: its full key and its value.
type Param struct {
	Key string
	Value
}

// Set is a set of parameters, sorted by the bytes of their keys, each key once.
// It is not changed after it was made.
type Set struct{ params []Param }

// NewSet sorts parameters into a Set. It refuses a key that occurs twice, and
// one that is a value and a group of others.
func NewSet(params []Param) (*Set, error) {
	if len(params) > MaxValues {
		return nil, fmt.Errorf("%d parameters: %w", len(params), ErrTooBig)
	}
	s := &Set{params: slices.Clone(params)}
	slices.SortStableFunc(s.params, func(a, b Param) int { return strings.Compare(a.Key, b.Key) })
	keys := make(map[string]bool, len(s.params))
	for _, p := range s.params {
		if err := p.check(0); err != nil {
			return nil, fmt.Errorf("%q: %w", p.Key, err)
		}
		path, err := SplitKey(p.Key)
		if err != nil {
			return nil, err
		}
		if len(path) > MaxDepth {
			return nil, fmt.Errorf("%q: %w", p.Key, ErrTooBig)
		}
		if keys[p.Key] {
			return nil, fmt.Errorf("%q: %w", p.Key, ErrDuplicate)
		}
		keys[p.Key] = true
	}
	for _, p := range s.params {
		path, _ := SplitKey(p.Key)
		for i := 1; i < len(path); i++ {
			if group := JoinKey(path[:i]); keys[group] {
				return nil, fmt.Errorf("%q, %q: %w", group, p.Key, ErrConflict)
			}
		}
	}
	return s, nil
}

// Params gives the parameters in order. The caller must not change them.
func (s *Set) Params() []Param { return s.params }

// Len gives the number of parameters.
func (s *Set) Len() int { return len(s.params) }

// Get finds a parameter by its full key.
func (s *Set) Get(key string) (Value, bool) {
	if i, ok := s.index(key); ok {
		return s.params[i].Value, true
	}
	return Value{}, false
}

func (s *Set) index(key string) (int, bool) {
	return slices.BinarySearchFunc(s.params, key, func(p Param, key string) int { return strings.Compare(p.Key, key) })
}

// Domain is hashed before the canonical form.
const Domain = "auditlog/hparams/v1\n"

// Hash is a SHA3-512 digest.
type Hash [64]byte

func (h Hash) String() string { return fmt.Sprintf("%x", h[:]) }

// MarshalText gives lower-case hexadecimal.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText takes 128 digits of lower-case hexadecimal.
func (h *Hash) UnmarshalText(text []byte) error {
	var got Hash
	if len(text) != 2*len(got) {
		return fmt.Errorf("a SHA3-512 digest has %d hexadecimal digits, not %d", 2*len(got), len(text))
	}
	for i := range got {
		b, err := strconv.ParseUint(string(text[2*i:2*i+2]), 16, 8)
		if err != nil {
			return fmt.Errorf("not hexadecimal: %q", text)
		}
		got[i] = byte(b)
	}
	if got.String() != string(text) {
		return fmt.Errorf("not lower-case hexadecimal: %q", text)
	}
	*h = got
	return nil
}

// Hash gives SHA3-512("auditlog/hparams/v1\n" ‖ canonical form).
func (s *Set) Hash() (Hash, error) {
	form, err := s.Canonical()
	if err != nil {
		return Hash{}, err
	}
	return digest([]byte(Domain), form), nil
}

func digest(parts ...[]byte) (h Hash) {
	d := sha3.New512()
	for _, p := range parts {
		d.Write(p)
	}
	d.Sum(h[:0])
	return h
}

// Canonical gives the canonical form.
func (s *Set) Canonical() ([]byte, error) {
	b := []byte(`{"params":[`)
	for i, p := range s.params {
		if i > 0 {
			b = append(b, ',')
		}
		b = p.append(b)
	}
	b = append(b, `],"v":1}`...)
	return canonical.Transform(b)
}

// MarshalJSON gives the canonical form.
func (s *Set) MarshalJSON() ([]byte, error) { return s.Canonical() }

// UnmarshalJSON reads what [Set.Canonical] wrote, in any JSON layout: records
// are indented when shown.
func (s *Set) UnmarshalJSON(data []byte) error {
	v, err := canonical.Parse(data)
	if err != nil {
		return err
	}
	got, err := setFromJSON(v)
	if err != nil {
		return err
	}
	*s = *got
	return nil
}

func setFromJSON(v *canonical.Value) (*Set, error) {
	version, _ := v.Get("v")
	list, ok := v.Get("params")
	if !ok || version == nil || len(v.Members) != 2 || version.Text != "1" || version.Kind != canonical.NumberKind || list.Kind != canonical.ArrayKind {
		return nil, fmt.Errorf("not a parameter set of version 1: %w", ErrValue)
	}
	params, err := paramsFromJSON(list)
	if err != nil {
		return nil, err
	}
	return NewSet(params)
}
