package hparams

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha3"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"

	"github.com/mmaudit/mmaudit/audit/canonical"
)

// The tree over a set has the shape of RFC 6962, section 2.1, with SHA3-512:
//
//	leaf i = H(0x00 ‖ "auditlog/hparams-leaf/v1\n" ‖ salt i ‖ canonical form of {"k","t","v"})
//	node   = H(0x01 ‖ left ‖ right)
//	salt i = HMAC-SHA3-256(secret, "auditlog/hparams-salt/v1\n" ‖ key of parameter i)
//
// Leaves are in order of the keys. A parameter has few likely values, so an
// unsalted leaf could be found by trying them all; the salt, known for disclosed
// parameters only, prevents that. One secret of 32 random bytes for each record
// suffices, and stays with the record's owner. Whoever must not be able to test
// guesses about the whole set may publish the root without [Set.Hash], which is
// not salted.
const (
	leafDomain = "auditlog/hparams-leaf/v1\n"
	saltDomain = "auditlog/hparams-salt/v1\n"
	// SecretSize is the length of a tree's secret, in bytes.
	SecretSize = 32
)

// ErrDisclosure is a disclosure that does not belong to a root.
var ErrDisclosure = errors.New("parameter is not in the set with this root")

// Root commits to the parameters of a set and to their number.
type Root struct {
	Count int  `json:"count"`
	Hash  Hash `json:"sha3_512"`
}

// Tree is the Merkle tree over a set.
type Tree struct {
	set    *Set
	salts  [][]byte
	leaves []Hash
}

// Tree builds the Merkle tree of the set, salted from secret.
func (s *Set) Tree(secret []byte) (*Tree, error) {
	if len(secret) != SecretSize {
		return nil, fmt.Errorf("a tree's secret has %d bytes, not %d", SecretSize, len(secret))
	}
	t := &Tree{set: s}
	for _, p := range s.params {
		mac := hmac.New(func() hash.Hash { return sha3.New256() }, secret)
		mac.Write([]byte(saltDomain))
		mac.Write([]byte(p.Key))
		salt := mac.Sum(nil)
		leaf, err := leafHash(salt, p)
		if err != nil {
			return nil, err
		}
		t.salts = append(t.salts, salt)
		t.leaves = append(t.leaves, leaf)
	}
	return t, nil
}

func leafHash(salt []byte, p Param) (Hash, error) {
	form, err := canonical.Transform(p.append(nil))
	if err != nil {
		return Hash{}, fmt.Errorf("%q: %w", p.Key, err)
	}
	return digest([]byte{0}, []byte(leafDomain), salt, form), nil
}

func nodeHash(left, right Hash) Hash { return digest([]byte{1}, left[:], right[:]) }

// split gives the largest power of two below n, n > 1.
func split(n int) int {
	k := 1
	for 2*k < n {
		k *= 2
	}
	return k
}

func rootOf(leaves []Hash) Hash {
	switch n := len(leaves); n {
	case 0:
		return digest()
	case 1:
		return leaves[0]
	default:
		k := split(n)
		return nodeHash(rootOf(leaves[:k]), rootOf(leaves[k:]))
	}
}

// Root gives the root. That of an empty set is SHA3-512 of nothing.
func (t *Tree) Root() Root { return Root{Count: len(t.leaves), Hash: rootOf(t.leaves)} }

// Disclosure is one parameter with what proves it against a Root. It reveals
// nothing about the others but the number of them, and how many come before.
type Disclosure struct {
	Param Param
	Index int
	Salt  []byte // 32 bytes
	Path  []Hash // from the leaf upwards
}

// Disclose proves one parameter.
func (t *Tree) Disclose(key string) (*Disclosure, error) {
	i, ok := t.set.index(key)
	if !ok {
		return nil, fmt.Errorf("no parameter %q", key)
	}
	return &Disclosure{Param: t.set.params[i], Index: i, Salt: t.salts[i], Path: pathOf(t.leaves, i)}, nil
}

func pathOf(leaves []Hash, i int) []Hash {
	if len(leaves) <= 1 {
		return nil
	}
	k := split(len(leaves))
	if i < k {
		return append(pathOf(leaves[:k], i), rootOf(leaves[k:]))
	}
	return append(pathOf(leaves[k:], i-k), rootOf(leaves[:k]))
}

// Verify checks a disclosure against the root that a record holds.
func (d *Disclosure) Verify(root Root) error {
	if err := d.Param.check(0); err != nil {
		return err
	}
	if len(d.Salt) != SecretSize || d.Index < 0 || d.Index >= root.Count || root.Count > MaxValues {
		return ErrDisclosure
	}
	leaf, err := leafHash(d.Salt, d.Param)
	if err != nil {
		return err
	}
	got, ok := climb(leaf, d.Path, d.Index, root.Count)
	if !ok || subtle.ConstantTimeCompare(got[:], root.Hash[:]) != 1 {
		return fmt.Errorf("%q: %w", d.Param.Key, ErrDisclosure)
	}
	return nil
}

// climb gives the root of n leaves, of which leaf i and its path are known. It
// gives false unless the path has exactly the length that it must have.
func climb(leaf Hash, path []Hash, i, n int) (Hash, bool) {
	if n == 1 {
		return leaf, len(path) == 0
	}
	if len(path) == 0 {
		return Hash{}, false
	}
	last := path[len(path)-1]
	path = path[:len(path)-1]
	k := split(n)
	if i < k {
		left, ok := climb(leaf, path, i, k)
		return nodeHash(left, last), ok
	}
	right, ok := climb(leaf, path, i-k, n-k)
	return nodeHash(last, right), ok
}

type disclosureJSON struct {
	V     int             `json:"v"`
	Index int             `json:"index"`
	Param json.RawMessage `json:"param"`
	Salt  string          `json:"salt"`
	Path  []Hash          `json:"path"`
}

// MarshalJSON gives {"v":1,"index","param":{"k","t","v"},"salt","path":[…]},
// binary values in lower-case hexadecimal.
func (d *Disclosure) MarshalJSON() ([]byte, error) {
	path := d.Path
	if path == nil {
		path = []Hash{}
	}
	return canonical.Marshal(disclosureJSON{V: 1, Index: d.Index, Param: d.Param.append(nil), Salt: hex.EncodeToString(d.Salt), Path: path})
}

// UnmarshalJSON reads what MarshalJSON gives, and nothing else.
func (d *Disclosure) UnmarshalJSON(data []byte) error {
	if _, err := canonical.Transform(data); err != nil {
		return err
	}
	var j disclosureJSON
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&j); err != nil {
		return err
	}
	param, err := canonical.Parse(j.Param)
	if err != nil {
		return err
	}
	params, err := paramsFromJSON(&canonical.Value{Kind: canonical.ArrayKind, Items: []canonical.Value{*param}})
	if err != nil {
		return err
	}
	salt, err := hex.DecodeString(j.Salt)
	if err != nil || j.V != 1 {
		return fmt.Errorf("not a disclosure of version 1: %w", ErrValue)
	}
	*d = Disclosure{Param: params[0], Index: j.Index, Salt: salt, Path: j.Path}
	return nil
}
