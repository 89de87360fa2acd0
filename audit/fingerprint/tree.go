package fingerprint

import (
	"github.com/mmaudit/mmaudit/internal/keccak"
	"github.com/mmaudit/mmaudit/internal/merkle"
)

// treeBatch is how many leaves are hashed at once.
const treeBatch = 512

// A tree is a Merkle tree whose leaves and nodes are hashed side by side.
type tree struct {
	lanes  *keccak.Lanes
	tree   merkle.Tree[Digest]
	text   []byte // of leaves that are not in the tree yet
	ends   []int  // of them, in text
	hashes []Digest
}

func newTree(e keccak.Engine) *tree { return &tree{lanes: e.New()} }

// push appends a leaf, of which text makes what is hashed.
func (t *tree) push(l *Leaf, text func([]byte, *Leaf) []byte) {
	t.text = text(t.text, l)
	if t.ends = append(t.ends, len(t.text)); len(t.ends) == treeBatch {
		t.flush()
	}
}

func (t *tree) flush() {
	messages, from := make([][]byte, len(t.ends)), 0
	for i, end := range t.ends {
		messages[i], from = t.text[from:end], end
	}
	t.hashes = append(t.hashes[:0], make([]Digest, len(messages))...)
	t.lanes.Sums(messages, func(i int, d [keccak.Size]byte) { t.hashes[i] = d })
	t.tree.PushAll(t.hashes, t.lanes)
	t.text, t.ends = t.text[:0], t.ends[:0]
}

// root returns the root and the number of leaves. The tree takes no more of them.
func (t *tree) root() (root Digest, leaves uint64) {
	t.flush()
	return t.tree.Root(), t.tree.Len()
}
