//go:build unix

package fingerprint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// mth is RFC 6962 section 2.1, word for word.
func mth(leaves []Digest) Digest {
	switch n := len(leaves); n {
	case 0:
		return sum(nil)
	case 1:
		return leaves[0]
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		l, r := mth(leaves[:k]), mth(leaves[k:])
		return sum(append(append([]byte{1}, l[:]...), r[:]...))
	}
}

// auditPath is RFC 6962 section 2.1.1, word for word.
func auditPath(m int, leaves []Digest) []Digest {
	n := len(leaves)
	if n == 1 {
		return nil
	}
	k := 1
	for k*2 < n {
		k *= 2
	}
	if m < k {
		return append(auditPath(m, leaves[:k]), mth(leaves[k:]))
	}
	return append(auditPath(m-k, leaves[k:]), mth(leaves[:k]))
}

func testLeaves(kind treeKind, n int) []Leaf {
	leaves := make([]Leaf, n)
	for i := range leaves {
		if kind == contentTree {
			d := sum([]byte{byte(i)})
			d[0] = byte(2*i + 1) // in order, with gaps
			leaves[i] = Leaf{Digest: d, Size: uint64(i), Copies: uint64(i%3 + 1)}
			continue
		}
		leaves[i] = Leaf{Path: fmt.Sprintf("d/%03d", 2*i+1), Type: TypeFile, Size: uint64(i), Digest: sum([]byte{byte(i)})}
	}
	return leaves
}

// gap is a key before leaf i, behind leaf i-1.
func gap(kind treeKind, i int) string {
	if kind == contentTree {
		d := Digest{byte(2 * i)}
		for j := range d[1:] {
			d[j+1] = 0xFF
		}
		return string(d[:])
	}
	return fmt.Sprintf("d/%03d", 2*i)
}

func keyOf(kind treeKind, l *Leaf) string {
	if kind == contentTree {
		return string(l.Digest[:])
	}
	return l.Path
}

func prove(kind treeKind, leaves []Leaf, key string) (*Proof, Head) {
	p := newProver(kind, key)
	for _, l := range leaves {
		p.add(l)
	}
	return p.finish(Head{})
}

// TestTrees proves, in every tree of up to 32 leaves, every leaf and every gap,
// and then breaks the proofs.
func TestTrees(t *testing.T) {
	for _, kind := range []treeKind{pathTree, contentTree} {
		for n := range 33 {
			leaves := testLeaves(kind, n)
			hashes := make([]Digest, n)
			for i := range leaves {
				hashes[i] = kind.leafHash(&leaves[i])
			}
			want := Head{Root: mth(hashes), Leaves: uint64(n)}
			var present, absent []*Proof
			for i := range n {
				key := keyOf(kind, &leaves[i])
				p, head := prove(kind, leaves, key)
				if head != want {
					t.Fatalf("%s, %d leaves: head %v, want %v", kind, n, head, want)
				}
				if p.Found == nil || p.Found.Index != uint64(i) || fmt.Sprint(p.Found.Hashes) != fmt.Sprint(auditPath(i, hashes)) {
					t.Fatalf("%s, leaf %d of %d: another path than that of RFC 6962", kind, i, n)
				}
				if err := p.verify(kind, head, key); err != nil {
					t.Fatalf("%s, leaf %d of %d: %v", kind, i, n, err)
				}
				present = append(present, p)
			}
			for i := range n + 1 {
				key := gap(kind, i)
				p, head := prove(kind, leaves, key)
				if p.Found != nil || head != want {
					t.Fatalf("%s, gap %d of %d: %+v", kind, i, n, p)
				}
				if err := p.verify(kind, head, key); err != nil {
					t.Fatalf("%s, gap %d of %d: %v", kind, i, n, err)
				}
				absent = append(absent, p)
			}
			// No proof serves another key or another head.
			for i, p := range absent {
				for j := range absent {
					if n > 16 && (j < i-1 || j > i+1) {
						continue
					}
					if err := p.verify(kind, want, gap(kind, j)); (err == nil) != (i == j) {
						t.Fatalf("%s, %d leaves: proof of gap %d for gap %d: %v", kind, n, i, j, err)
					}
				}
				for j := range present {
					if n > 16 && (j < i-1 || j > i+1) {
						continue
					}
					if p.verify(kind, want, keyOf(kind, &leaves[j])) == nil {
						t.Fatalf("%s, %d leaves: proof of gap %d denies leaf %d", kind, n, i, j)
					}
				}
			}
			for i, p := range present {
				for j := range leaves {
					if n > 16 && (j < i-1 || j > i+1) {
						continue
					}
					if err := p.verify(kind, want, keyOf(kind, &leaves[j])); (err == nil) != (i == j) {
						t.Fatalf("%s, %d leaves: proof of leaf %d for leaf %d: %v", kind, n, i, j, err)
					}
				}
			}
			for _, p := range append(present, absent...) {
				for _, bad := range []Head{{want.Root, want.Leaves + 1, 0, 0}, {want.Root, want.Leaves - 1, 0, 0}, {sum([]byte("x")), want.Leaves, 0, 0}} {
					key := gap(kind, n)
					if p.Found != nil {
						key = keyOf(kind, &p.Found.Leaf)
					} else if p.After != nil {
						key = gap(kind, int(p.After.Index))
					}
					// The count moves no leaf in the left subtree: the root
					// alone does not bind it. The index and neighbours do.
					if bad.Root == want.Root && (p.Found != nil || p.After != nil) {
						continue
					}
					if p.verify(kind, bad, key) == nil {
						t.Fatalf("%s, %d leaves: verified under %v", kind, n, bad)
					}
				}
			}
			partial := want
			partial.Unreadable = 1
			if err := absent[0].verify(kind, partial, gap(kind, 0)); err != ErrPartial {
				t.Fatalf("absence in a partial tree: %v", err)
			}
		}
	}
}

// TestProofBytes flips every byte of proofs in trees of all shapes, in its
// lowest bit and in the one that tells capitals from small letters.
func TestProofBytes(t *testing.T) {
	for _, kind := range []treeKind{pathTree, contentTree} {
		for _, n := range []int{0, 1, 3} {
			leaves := testLeaves(kind, n)
			keys := []string{gap(kind, 0), gap(kind, n), gap(kind, n/2)}
			if n > 0 {
				keys = append(keys, keyOf(kind, &leaves[0]), keyOf(kind, &leaves[n-1]))
			}
			for _, key := range keys {
				p, head := prove(kind, leaves, key)
				data := p.Marshal()
				if !json.Valid(data) {
					t.Fatalf("not JSON: %s", data)
				}
				q, err := ParseProof(data)
				if err != nil {
					t.Fatalf("%v: %s", err, data)
				}
				if err := q.verify(kind, head, key); err != nil {
					t.Fatal(err)
				}
				for i := range data {
					for _, bit := range []byte{1, 0x20} {
						bad := bytes.Clone(data)
						bad[i] ^= bit
						q, err := ParseProof(bad)
						if err == nil {
							err = q.verify(kind, head, key)
						}
						if err == nil {
							t.Fatalf("byte %d flipped by %#x: verified\n%s", i, bit, bad)
						}
					}
				}
				for _, cut := range []int{0, 1, len(data) / 2, len(data) - 1} {
					if _, err := ParseProof(data[:cut]); err == nil {
						t.Fatalf("verified after %d of %d bytes", cut, len(data))
					}
				}
			}
		}
	}
}

// TestNoNeighbours shows why neighbours must be neighbours: leaves 0 and 2 do
// not deny leaf 1.
func TestNoNeighbours(t *testing.T) {
	leaves := testLeaves(pathTree, 5)
	first, head := prove(pathTree, leaves, leaves[0].Path)
	third, _ := prove(pathTree, leaves, leaves[2].Path)
	last, _ := prove(pathTree, leaves, leaves[4].Path)
	for name, p := range map[string]*Proof{
		"a leaf skipped":      {kind: pathTree, Before: first.Found, After: third.Found},
		"as if first":         {kind: pathTree, After: third.Found},
		"as if last":          {kind: pathTree, Before: first.Found},
		"as if empty":         {kind: pathTree},
		"present and absent":  {kind: pathTree, Found: third.Found, Before: first.Found},
		"the wrong way round": {kind: pathTree, Before: last.Found, After: third.Found},
		"of another tree":     {kind: contentTree, Found: third.Found},
	} {
		for _, key := range []string{leaves[1].Path, leaves[2].Path} {
			if p.VerifyPath(head, key) == nil {
				t.Errorf("%s: verified for %s", name, key)
			}
		}
	}
}

func TestParseProof(t *testing.T) {
	for _, data := range []string{
		"", "null", "{}", `{"format":"auditlog/proof/v1","tree":"other"}`, `{"format":"auditlog/proof/v2","tree":"path"}`,
		`{"format":"auditlog/proof/v1","tree":"path"}` + strings.Repeat(" ", maxProof),
	} {
		if p, err := ParseProof([]byte(data)); err == nil || p != nil {
			t.Errorf("%.60s: taken", data)
		}
	}
}

func FuzzParseProof(f *testing.F) {
	for _, kind := range []treeKind{pathTree, contentTree} {
		leaves := testLeaves(kind, 5)
		for _, key := range []string{keyOf(kind, &leaves[2]), gap(kind, 2), gap(kind, 0), gap(kind, 5)} {
			p, _ := prove(kind, leaves, key)
			f.Add(p.Marshal())
		}
	}
	f.Add([]byte(`{"format":"auditlog/proof/v1","tree":"path"}`))
	f.Add([]byte(strings.Repeat("[", 1000)))
	leaves := testLeaves(pathTree, 5)
	_, head := prove(pathTree, leaves, "")
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProof(data)
		if err != nil {
			if p != nil {
				t.Fatal("a proof and an error")
			}
			return
		}
		if again := p.Marshal(); !bytes.Equal(again, data) {
			t.Fatalf("%s\nbecame\n%s", data, again)
		}
		if p.VerifyPath(head, leaves[1].Path) == nil && p.Found == nil {
			t.Fatalf("a leaf was denied: %s", data)
		}
		if p.VerifyPath(head, "d/004") == nil && p.Found != nil {
			t.Fatalf("what is not there was found: %s", data)
		}
	})
}
