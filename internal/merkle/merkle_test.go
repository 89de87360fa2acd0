package merkle

import (
	"crypto/sha3"
	"fmt"
	"slices"
	"testing"

	"github.com/mmaudit/mmaudit/internal/keccak"
)

type hash [64]byte

func sum(b ...byte) hash { return sha3.Sum512(b) }

func leavesOf(n int) []hash {
	leaves := make([]hash, n)
	for i := range leaves {
		leaves[i] = sum(0, byte(i))
	}
	return leaves
}

// split is the largest power of two below n.
func split(n int) int {
	k := 1
	for k*2 < n {
		k *= 2
	}
	return k
}

// mth is RFC 6962, section 2.1, word for word.
func mth(leaves []hash) hash {
	switch n := len(leaves); n {
	case 0:
		return sum()
	case 1:
		return leaves[0]
	default:
		k := split(n)
		l, r := mth(leaves[:k]), mth(leaves[k:])
		return sum(append(append([]byte{1}, l[:]...), r[:]...)...)
	}
}

// auditPath is RFC 6962, section 2.1.1, word for word.
func auditPath(m int, leaves []hash) []hash {
	n := len(leaves)
	if n == 1 {
		return nil
	}
	k := split(n)
	if m < k {
		return append(auditPath(m, leaves[:k]), mth(leaves[k:]))
	}
	return append(auditPath(m-k, leaves[k:]), mth(leaves[:k]))
}

// TestTrees takes the path of every leaf in every tree of up to 70 leaves, and
// then breaks it.
func TestTrees(t *testing.T) {
	for n := range 71 {
		leaves := leavesOf(n)
		want := mth(leaves)
		var tree Tree[hash]
		var paths []*Path[hash]
		for _, l := range leaves {
			paths = append(paths, tree.Watch(l))
		}
		if got := tree.Root(); got != want || tree.Root() != want || tree.Len() != uint64(n) {
			t.Fatalf("%d leaves: root %.8x, want %.8x", n, got, want)
		}
		var plain Tree[hash]
		for _, l := range leaves {
			plain.Push(l)
		}
		if plain.Root() != want {
			t.Fatalf("%d leaves: another root when nothing is watched", n)
		}
		for i, p := range paths {
			if p.Index != uint64(i) || !slices.Equal(p.Hashes, auditPath(i, leaves)) {
				t.Fatalf("leaf %d of %d: another path than that of RFC 6962", i, n)
			}
			if err := Check(leaves[i], *p, uint64(n), want); err != nil {
				t.Fatalf("leaf %d of %d: %v", i, n, err)
			}
			for name, bad := range breaks(leaves[i], p, n, want) {
				if Check(bad.leaf, bad.path, bad.n, bad.root) == nil {
					t.Fatalf("leaf %d of %d verified with %s", i, n, name)
				}
			}
		}
	}
}

type claim struct {
	leaf hash
	path Path[hash]
	n    uint64
	root hash
}

// breaks lists false claims beside a true one.
func breaks(leaf hash, p *Path[hash], n int, root hash) map[string]claim {
	m := map[string]claim{
		"another leaf":  {sum(9), *p, uint64(n), root},
		"another root":  {leaf, *p, uint64(n), sum(9)},
		"no leaves":     {leaf, *p, 0, root},
		"a longer path": {leaf, Path[hash]{p.Index, append(slices.Clone(p.Hashes), sum(9))}, uint64(n), root},
	}
	if len(p.Hashes) > 0 {
		m["a shorter path"] = claim{leaf, Path[hash]{p.Index, p.Hashes[:len(p.Hashes)-1]}, uint64(n), root}
	}
	for i := range p.Hashes {
		hashes := slices.Clone(p.Hashes)
		hashes[i][i%64] ^= 1
		m[fmt.Sprintf("hash %d changed", i)] = claim{leaf, Path[hash]{p.Index, hashes}, uint64(n), root}
	}
	for i := range uint64(n + 2) {
		if i != p.Index {
			m[fmt.Sprintf("index %d", i)] = claim{leaf, Path[hash]{i, p.Hashes}, uint64(n), root}
		}
	}
	return m
}

// TestLength wants paths refused that lead to the root, but not from a leaf of
// a tree of this size.
func TestLength(t *testing.T) {
	a, b := sum(0, 0), sum(0, 1)
	root := parent(a, b)
	if err := Check(b, Path[hash]{1, []hash{a}}, 2, root); err != nil {
		t.Fatal(err)
	}
	if Check(b, Path[hash]{0, []hash{a}}, 1, root) == nil {
		t.Error("a leaf of two passed for the only one")
	}
	if Check(root, Path[hash]{0, nil}, 2, root) == nil {
		t.Error("a node passed for one of two leaves")
	}
	if Check(a, Path[hash]{1<<64 - 2, make([]hash, 64)}, 1<<64-1, root) == nil {
		t.Error("a leaf of the largest tree")
	}
}

// TestEmpty holds the root of no leaves to FIPS 202's value for no bytes.
func TestEmpty(t *testing.T) {
	const want = "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1475c80a615b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e301758586281dcd26"
	var tree Tree[hash]
	if got := fmt.Sprintf("%x", tree.Root()); got != want {
		t.Error(got)
	}
}

// TestPushAll wants the roots of Push, however leaves are divided, with every
// engine.
func TestPushAll(t *testing.T) {
	for _, engine := range keccak.Engines() {
		lanes := engine.New()
		for n := range 71 {
			leaves := leavesOf(n)
			want := mth(leaves)
			for size := 1; size <= n; size++ {
				var tree Tree[hash]
				for part := range slices.Chunk(leaves, size) {
					tree.PushAll(part, lanes)
				}
				if tree.Root() != want || tree.Len() != uint64(n) {
					t.Fatalf("%s: %d leaves, %d at once: root %.8x, want %.8x", engine.Name, n, size, tree.Root(), want)
				}
			}
		}
	}
}
