package hparams

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
)

func numbered(t *testing.T, n int) *Set {
	t.Helper()
	var params []Param
	for i := range n {
		params = append(params, Param{Key: fmt.Sprintf("p%03d", i), Value: OfBool(i%2 == 0)})
	}
	s, err := NewSet(params)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var secret = bytes.Repeat([]byte{7}, SecretSize)

// Every parameter of every small set verifies, and nothing else does: each byte
// of each disclosure is changed.
func TestDisclosures(t *testing.T) {
	for n := 1; n <= 20; n++ {
		s := numbered(t, n)
		tree, err := s.Tree(secret)
		if err != nil {
			t.Fatal(err)
		}
		root := tree.Root()
		if root.Count != n {
			t.Fatalf("count %d, want %d", root.Count, n)
		}
		for i, p := range s.Params() {
			d, err := tree.Disclose(p.Key)
			if err != nil || d.Verify(root) != nil {
				t.Fatalf("%d of %d: %v, %v", i, n, err, d.Verify(root))
			}
			text, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			var back Disclosure
			if err := json.Unmarshal(text, &back); err != nil || back.Verify(root) != nil {
				t.Fatalf("%s: %v", text, err)
			}
			for index := -1; index <= n; index++ {
				if wrong := *d; index != i {
					if wrong.Index = index; wrong.Verify(root) == nil {
						t.Errorf("%d of %d verifies as %d", i, n, index)
					}
				}
			}
			for j := range d.Path {
				wrong := *d
				wrong.Path = append([]Hash(nil), d.Path...)
				wrong.Path[j][j%64] ^= 1
				if wrong.Verify(root) == nil {
					t.Errorf("%d of %d: hash %d of the path does not matter", i, n, j)
				}
			}
			for _, path := range [][]Hash{append(d.Path[:len(d.Path):len(d.Path)], Hash{}), d.Path[:max(0, len(d.Path)-1)]} {
				if wrong := *d; len(path) != len(d.Path) {
					if wrong.Path = path; wrong.Verify(root) == nil {
						t.Errorf("%d of %d verifies with a path of length %d", i, n, len(path))
					}
				}
			}
			wrong := *d
			wrong.Param.Value = OfString("other")
			if !errors.Is(wrong.Verify(root), ErrDisclosure) {
				t.Errorf("another value: %v", wrong.Verify(root))
			}
		}
	}
}

// Whichever byte of a disclosure's JSON changes, it does not verify; it need
// not even parse.
func TestDisclosureBytes(t *testing.T) {
	tree, err := numbered(t, 5).Tree(secret)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := tree.Disclose("p003")
	text, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	for i := range text {
		bad := bytes.Clone(text)
		bad[i] ^= 1
		var back Disclosure
		if json.Unmarshal(bad, &back) == nil && back.Verify(tree.Root()) == nil {
			t.Errorf("byte %d does not matter: %s", i, bad)
		}
	}
}

// The root of three parameters, computed with Python's hashlib and hmac as
// docs/formats.md says.
func TestForeignRoot(t *testing.T) {
	const want = "a7613ea7f5d75c3e4309ca05836a01ee648f7463dacbcab685c4dccb099f0ff05a417aa926f877852ea1c1e9f269513cb34036a103eb5898e37ab6a432c64828"
	tree, err := parse(t, JSON, `{"c":"x","a":1,"b":1e-4}`).Set.Tree(secret)
	if err != nil {
		t.Fatal(err)
	}
	if got := tree.Root(); got.Count != 3 || got.Hash.String() != want {
		t.Errorf("got %+v", got)
	}
}

// Without its salt a leaf cannot be found by trying all likely values, and the
// salt of one parameter is not that of another or of another record.
func TestSalts(t *testing.T) {
	s := numbered(t, 3)
	a, _ := s.Tree(secret)
	b, _ := s.Tree(bytes.Repeat([]byte{8}, SecretSize))
	if a.Root() == b.Root() {
		t.Error("the root does not depend on the secret")
	}
	if bytes.Equal(a.salts[0], a.salts[1]) || bytes.Equal(a.salts[0], b.salts[0]) {
		t.Error("salts repeat")
	}
	if _, err := s.Tree(secret[1:]); err == nil {
		t.Error("a short secret was taken")
	}
	if _, err := a.Disclose("p9"); err == nil {
		t.Error("what is not there was disclosed")
	}
}

func TestHostileRoot(t *testing.T) {
	tree, _ := numbered(t, 1).Tree(secret)
	d, _ := tree.Disclose("p000")
	for _, root := range []Root{{Count: 1<<63 - 1}, {Count: -1}, {}, {Count: MaxValues}} {
		if d.Verify(root) == nil {
			t.Errorf("verifies against %+v", root)
		}
	}
	empty, _ := numbered(t, 0).Tree(secret)
	// SHA3-512 of nothing, FIPS 202.
	if got := empty.Root().Hash.String(); got != "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a615b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26" {
		t.Errorf("root of nothing: %s", got)
	}
}
