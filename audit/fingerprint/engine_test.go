//go:build unix

package fingerprint

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha3"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/keccak"
)

// eachEngine runs a test with each engine that there is anywhere.
func eachEngine(t *testing.T, test func(t *testing.T, name string)) {
	for _, name := range []string{"avx512", "avx2", "scalar"} {
		t.Run(name, func(t *testing.T) {
			if !slices.ContainsFunc(keccak.Engines(), func(e keccak.Engine) bool { return e.Name == name }) {
				t.Skip("this processor does not have it")
			}
			test(t, name)
		})
	}
}

// TestEngines repeats the tests of this package with each engine.
func TestEngines(t *testing.T) {
	if os.Getenv("AUDITLOG_SHA3") != "" {
		t.Skip("one engine was asked for")
	}
	if testing.Short() {
		t.Skip("runs all tests three times: run without -short")
	}
	eachEngine(t, func(t *testing.T, name string) {
		t.Parallel()
		cmd := exec.Command(os.Args[0], "-test.short")
		cmd.Env = append(cmd.Environ(), "AUDITLOG_SHA3="+name)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

// TestSizes hashes files of sizes around those of blocks and buffers, and of
// random ones, with few and many workers: lanes end and begin at every moment.
func TestSizes(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	content := make([]byte, 2*large)
	for i := range content {
		content[i] = byte(r.Uint32())
	}
	dir := t.TempDir()
	sizes := []int{0, 1, large - 1, large, large + 1}
	for _, around := range []int{keccak.Rate, readSize, 2 * readSize} {
		sizes = append(sizes, around-keccak.Rate, around-1, around, around+1, around+keccak.Rate)
	}
	for range 150 {
		sizes = append(sizes, r.IntN(3*readSize), r.IntN(3*keccak.Rate))
	}
	r.Shuffle(len(sizes), func(i, j int) { sizes[i], sizes[j] = sizes[j], sizes[i] })
	want := map[string]Entry{}
	for i, size := range sizes {
		name, from := fmt.Sprintf("%03d", i), r.IntN(100)
		b := content[from : from+size]
		sum := sha256.Sum256(b)
		want[name] = Entry{Leaf: Leaf{Digest: sha3.Sum512(b)}, SHA256: sum[:]}
		must(t, os.WriteFile(filepath.Join(dir, name), b, 0o644))
	}
	eachEngine(t, func(t *testing.T, name string) {
		t.Setenv("AUDITLOG_SHA3", name)
		for _, workers := range []int{1, 3, 300} {
			f := mustTake(t, dir, Options{Workers: workers, SHA256: workers < 300})
			n := 0
			for e, err := range Entries(&f.listing) {
				must(t, err)
				if w := want[e.Path]; e.Digest != w.Digest || workers < 300 && !bytes.Equal(e.SHA256, w.SHA256) {
					t.Errorf("%d workers: file %q of %d bytes has other digests", workers, e.Path, e.Size)
				}
				n++
			}
			if n != len(want) {
				t.Errorf("%d workers: %d files, want %d", workers, n, len(want))
			}
		}
	})
}

// TestUnknownEngine wants no other engine in place of the one that was asked for.
func TestUnknownEngine(t *testing.T) {
	t.Setenv("AUDITLOG_SHA3", "mmx")
	if _, err := Run(t.Context(), t.TempDir(), Options{}); err == nil || !strings.Contains(err.Error(), `AUDITLOG_SHA3 is "mmx"`) {
		t.Errorf("%v", err)
	}
}
