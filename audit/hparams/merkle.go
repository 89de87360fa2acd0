package hparams

import (
	"crypto/hmac"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"

	"github.com/mmaudit/mmaudit/audit/canonical"
	"github.com/mmaudit/mmaudit/internal/merkle"
)

// The tree over a set has the shape of RFC 6962, section 2.1, with SHA3-512:
//
//	leaf i = H(0x00 ‖ "auditlog/hparams-leaf/v1\n" ‖ salt i ‖ canonical form of {"k","t","v"})
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

// Root gives the root. That of an empty set is SHA3-512 of nothing.
func (t *Tree) Root() Root {
	var tree merkle.Tree[Hash]
	for _, l := range t.leaves {
		tree.Push(l)
	}
	return Root{Count: len(t.leaves), Hash: tree.Root()}
}

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
	var tree merkle.Tree[Hash]
	var path *merkle.Path[Hash]
	for j, l := range t.leaves {
		if j == i {
			path = tree.Watch(l)
		} else {
			tree.Push(l)
		}
	}
	tree.Root()
	return &Disclosure{Param: t.set.params[i], Index: i, Salt: t.salts[i], Path: path.Hashes}, nil
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
	path := merkle.Path[Hash]{Index: uint64(d.Index), Hashes: d.Path}
	if merkle.Check(leaf, path, uint64(root.Count), root.Hash) != nil {
		return fmt.Errorf("%q: %w", d.Param.Key, ErrDisclosure)
	}
	return nil
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
	var j disclosureJSON
	if err := canonical.Decode(data, &j); err != nil {
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
