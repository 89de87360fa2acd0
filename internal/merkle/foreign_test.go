package merkle

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestForeign has transparency-dev/merkle judge all paths of trees of up to 40
// leaves, and as many with a changed hash.
func TestForeign(t *testing.T) {
	if testing.Short() {
		t.Skip("builds another program: run without -short")
	}
	var lines bytes.Buffer
	held, refused := 0, 0
	for n := range 41 {
		var tree Tree[hash]
		var paths []*Path[hash]
		leaves := leavesOf(n)
		for _, l := range leaves {
			paths = append(paths, tree.Watch(l))
		}
		root := tree.Root()
		for i, p := range paths {
			line := func() {
				fmt.Fprintf(&lines, "inclusion %d %d %x %x", p.Index, n, leaves[i], root)
				for _, h := range p.Hashes {
					fmt.Fprintf(&lines, " %x", h)
				}
				fmt.Fprintln(&lines)
			}
			line()
			held++
			if len(p.Hashes) > 0 {
				p.Hashes[i%len(p.Hashes)][i] ^= 1
				line()
				refused++
			}
		}
	}
	var stderr bytes.Buffer
	build := exec.Command("go", "-C", filepath.Join("..", "..", "tools"), "tool", "-n", "tlog")
	build.Stderr = &stderr
	out, err := build.Output()
	if err != nil {
		t.Skipf("tools/foreign/tlog cannot be built here: %v\n%s", err, &stderr)
	}
	cmd := exec.Command(strings.TrimSpace(string(out)), "prove")
	cmd.Stdin = &lines
	out, err = cmd.CombinedOutput()
	if want := fmt.Sprintf("%d hold, %d do not\n", held, refused); err != nil || string(out) != want {
		t.Errorf("%v, %s, want %s", err, out, want)
	}
}
