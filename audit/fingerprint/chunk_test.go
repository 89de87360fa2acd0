//go:build unix

package fingerprint

import (
	"bytes"
	"crypto/sha3"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// chunkSample makes files of sizes around those of chunks, and the list of chunks
// that openssl would give.
func chunkSample(t *testing.T, chunk int) (dir, list string) {
	t.Helper()
	r := rand.New(rand.NewPCG(3, 4))
	content := make([]byte, 5*readSize)
	for i := range content {
		content[i] = byte(r.Uint32())
	}
	dir = t.TempDir()
	text := ChunkFormat + "\n"
	sizes := []int{0, 1, chunk - 1, chunk, chunk + 1, 2*chunk - 1, 2 * chunk, 2*chunk + 1, readSize - 1, readSize, readSize + 1, 4*readSize + 7}
	for range 30 {
		sizes = append(sizes, r.IntN(3*readSize))
	}
	for i, size := range sizes {
		name, from := fmt.Sprintf("%02d\n", i), r.IntN(readSize)
		b := content[from : from+size]
		must(t, os.WriteFile(filepath.Join(dir, name), b, 0o644))
		if size <= chunk {
			continue
		}
		at := 0
		for c := range slices.Chunk(b, chunk) {
			text += fmt.Sprintf("%x %d %d %x  %02d%%0A\n", sha3.Sum512(c), at, len(c), sha3.Sum512(b), i)
			at += len(c)
		}
	}
	two := filepath.Join(dir, "two names")
	must(t, os.WriteFile(two, content[:3*chunk], 0o644))
	must(t, os.Link(two, two+" of it"))
	return dir, text
}

// TestChunks makes lists of chunks in the pass that hashes whole files, whose
// results must stay what they are, and compares by them.
func TestChunks(t *testing.T) {
	for _, chunk := range []int{3000, 72 * 50, readSize, readSize + 40} {
		dir, want := chunkSample(t, chunk)
		plain := mustTake(t, dir, Options{})
		eachEngine(t, func(t *testing.T, name string) {
			t.Setenv("AUDITLOG_SHA3", name)
			for _, workers := range []int{1, 3, 40} {
				var list bytes.Buffer
				o := Options{Workers: workers, Chunks: &list, SHA256: workers == 3, sizes: sizes{chunk: uint64(chunk)}}
				f := mustTake(t, dir, o)
				if list.String() != want {
					t.Errorf("chunks of %d, %d workers: another list", chunk, workers)
				}
				if f.Tree != plain.Tree || f.Content != plain.Content || f.manifest.String() != plain.manifest.String() {
					t.Errorf("chunks of %d, %d workers: another fingerprint", chunk, workers)
				}
				var end Progress
				c, err := Check(t.Context(), dir, strings.NewReader(plain.manifest.String()), Options{
					Workers: workers, Known: strings.NewReader(want), sizes: o.sizes, Progress: func(p Progress) { end = p },
				})
				must(t, err)
				if files := uint64(strings.Count(want, " 0 ")); !c.OK() || c.ByChunks != files || c.Same != plain.Files || files < 20 {
					t.Errorf("chunks of %d, %d workers: %+v, want %d files by their chunks", chunk, workers, c, files)
				}
				if end.Files != plain.Files || end.Bytes != plain.Bytes || end.TotalBytes != plain.Bytes {
					t.Errorf("progress ends with %+v", end)
				}
			}
		})
	}
}

// TestChunksDiffer damages files that are compared by their chunks.
func TestChunksDiffer(t *testing.T) {
	const chunk = 3000
	dir := t.TempDir()
	big := strings.Repeat("0123456789", chunk/2)
	write(t, dir, map[string]string{"a": big, "b": big, "c": big, "d": big, "small": "s"})
	var list bytes.Buffer
	o := Options{Chunks: &list, sizes: sizes{chunk: chunk}}
	whole := mustTake(t, dir, o)
	known := list.String()
	damaged := []byte(big)
	damaged[chunk] ^= 1
	damaged[len(damaged)-1] ^= 1
	write(t, dir, map[string]string{"b": string(damaged), "c": big + "+"})
	must(t, os.Remove(filepath.Join(dir, "d")))
	cache := t.TempDir()
	check := func(document, known string) (*Comparison, error) {
		return Check(t.Context(), dir, strings.NewReader(document), Options{Cache: cache, Known: strings.NewReader(known), sizes: o.sizes})
	}
	for _, document := range []string{whole.manifest.String(), whole.listing.String()} {
		c, err := check(document, known)
		must(t, err)
		if c.Same != 2 || c.Changed != 2 || c.Missing != 1 || c.ByChunks != 2 {
			t.Fatalf("%+v", c)
		}
		b := c.First[0]
		if b.Path != "b" || b.From != chunk || b.To != 2*chunk || b.Chunks != 2 || b.Got != (Digest{}) {
			t.Errorf("%+v", b)
		}
		if grown := c.First[1]; grown.Path != "c" || grown.Chunks != 0 || grown.Got != sum([]byte(big+"+")) {
			t.Errorf("%+v", grown)
		}
	}
	// A cache holds no digest that was not computed.
	edit(t, dir, cache, func(r *row) {
		if r.path != "c" && r.path != "small" {
			t.Errorf("%q is in the cache", r.path)
		}
	})
	// What the list says of the whole file must be what the document says.
	now := mustTake(t, dir, Options{})
	if _, err := check(now.manifest.String(), known); !errors.Is(err, ErrOtherChunks) {
		t.Errorf("a list of other content: %v", err)
	}
	must(t, os.WriteFile(filepath.Join(dir, "b"), []byte(big), 0o644))
	without := strings.Join(slices.DeleteFunc(strings.SplitAfter(whole.manifest.String(), "\n"), func(l string) bool { return strings.HasSuffix(l, "  b\n") }), "")
	if _, err := check(without, known); !errors.Is(err, ErrOtherChunks) {
		t.Errorf("a list of a file more: %v", err)
	}
}

// TestChunksChanging changes a file while it is read: the list is of what it
// became, and a comparison is refused.
func TestChunksChanging(t *testing.T) {
	const chunk = 3000
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": strings.Repeat("a", 3*chunk), "b": strings.Repeat("b", 3*chunk)})
	var list bytes.Buffer
	o := Options{Workers: 1, Chunks: &list, sizes: sizes{chunk: chunk}}
	o.hooks.read = func(path string, attempt int) {
		if path == "a" && attempt == 0 {
			write(t, dir, map[string]string{"a": strings.Repeat("A", 2*chunk)})
		}
	}
	mustTake(t, dir, o)
	changed := list.String()
	list.Reset()
	o.hooks.read = nil
	plain := mustTake(t, dir, o)
	if list.String() != changed || strings.Count(changed, "  a\n") != 2 {
		t.Errorf("list\n%s\nwant\n%s", changed, &list)
	}
	_, err := Check(t.Context(), dir, &plain.manifest, Options{Workers: 1, Known: &list, sizes: o.sizes, hooks: hooks{read: func(string, int) {
		write(t, dir, map[string]string{"a": strings.Repeat("c", 2*chunk)})
	}}})
	if !errors.Is(err, ErrUnstable) {
		t.Errorf("changed while it is compared: %v", err)
	}
}

// TestChunkLists reads lists that Run would not have written.
func TestChunkLists(t *testing.T) {
	line := func(offset, length int, file, path string) string {
		return fmt.Sprintf("%s %d %d %s  %s\n", zeros, offset, length, file, path)
	}
	ones := strings.Repeat("1", len(zeros))
	good := ChunkFormat + "\n" + line(0, 10, zeros, "a") + line(10, 3, zeros, "a")
	for text, ok := range map[string]bool{
		ChunkFormat + "\n": true,
		good:               true,
		good + line(0, 10, ones, "b") + line(10, 10, ones, "b"): true,
		"":                             false,
		ChunkFormat:                    false,
		"auditlog/chunks/v2\n":         false,
		good + line(20, 3, zeros, "a"): false, // after the last
		good + line(0, 10, zeros, "b"): false, // only one chunk
		good + line(10, 3, zeros, "b"): false,
		good + line(0, 10, zeros, "A"): false,
		good + line(0, 10, zeros, "b") + line(10, 10, ones, "b"):            false,
		good + line(0, 10, zeros, "b") + line(20, 10, zeros, "b"):           false,
		good + line(0, 10, zeros, "b") + line(10, 11, zeros, "b"):           false,
		good + line(0, 10, zeros, "b") + line(10, 0, zeros, "b"):            false,
		good + strings.Replace(line(0, 10, zeros, "b"), " 10 ", " 010 ", 1): false,
		good + strings.Replace(line(0, 10, zeros, "b"), " 10 ", " -1 ", 1):  false,
		good + line(0, 10, zeros, "../b"):                                   false,
		good + line(0, 10, zeros+"0", "b"):                                  false,
	} {
		var err error
		for _, e := range chunks(strings.NewReader(text), 10) {
			err = e
		}
		if (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzChunks reads anything as a list of chunks: what it takes is what it would
// write.
func FuzzChunks(f *testing.F) {
	f.Add([]byte(ChunkFormat + "\n" + zeros + " 0 67108864 " + zeros + "  a%0A\n" + zeros + " 67108864 1 " + zeros + "  a%0A\n"))
	f.Add([]byte(ChunkFormat + "\n"))
	f.Add([]byte(zeros + " 0 1 " + zeros + "  a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		again := []byte(ChunkFormat + "\n")
		for c, err := range Chunks(bytes.NewReader(data)) {
			if err != nil {
				return
			}
			again = c.append(again)
		}
		if !bytes.Equal(again, data) {
			t.Errorf("%q became %q", data, again)
		}
	})
}
