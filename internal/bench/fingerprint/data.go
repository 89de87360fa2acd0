package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// A kind of data set.
type kind struct {
	what     string
	files    int
	from, to int // sizes of files, in bytes
	perDir   int
}

var kinds = map[string]kind{
	"kitti":    {"KITTI-like", 1200, 800_000, 1_900_000, 400},
	"nuscenes": {"nuScenes-like", 3500, 150_000, 700_000, 500},
	"tiny":     {"tiny", 20_000, 0, 30_000, 1000},
	"large":    {"large", 3, 1_000_000_000, 1_000_000_000, 3},
	"million":  {"a million", 1_000_000, 8, 8, 1000},
}

// A set is a data set on disk.
type set struct {
	dir, text string
	files     int
	bytes     int64
}

// generate makes a data set, unless it is there.
func (b *bench) generate(name string) (set, error) {
	k, ok := kinds[name]
	if !ok {
		return set{}, errors.New("there is no such data set")
	}
	if k.from > 100_000_000 {
		k.from, k.to = k.from/b.scale, k.to/b.scale
	} else {
		k.files = max(1, k.files/b.scale)
	}
	s := set{dir: filepath.Join(b.dir, fmt.Sprintf("%s-%d", name, b.scale)), files: k.files}
	s.text = fmt.Sprintf("%s: %d files of %s to %s", k.what, k.files, size(k.from), size(k.to))
	if k.from == k.to {
		s.text = fmt.Sprintf("%s: %d files of %s", k.what, k.files, size(k.from))
	}
	r := rand.New(rand.NewPCG(5, 512))
	pattern := make([]byte, 4<<20)
	for i := range pattern {
		pattern[i] = byte(r.Uint32())
	}
	_, err := os.Stat(s.dir)
	exists := err == nil
	for i := range k.files {
		n, from := k.from+r.IntN(k.to-k.from+1), r.IntN(len(pattern))
		s.bytes += int64(n)
		if exists {
			continue
		}
		dir := filepath.Join(s.dir, fmt.Sprintf("%04d", i/k.perDir))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return s, err
		}
		if err := writeFile(filepath.Join(dir, fmt.Sprintf("%07d", i)), pattern, from, n); err != nil {
			return s, err
		}
	}
	return s, nil
}

// writeFile writes n bytes of the pattern, which repeats.
func writeFile(name string, pattern []byte, from, n int) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for n > 0 {
		part := pattern[from:min(len(pattern), from+n)]
		if _, err := f.Write(part); err != nil {
			return err
		}
		n, from = n-len(part), 0
	}
	return f.Close()
}

func size(n int) string {
	switch {
	case n >= 1_000_000_000:
		return fmt.Sprintf("%.0f GB", float64(n)/1e9)
	case n >= 1_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d bytes", n)
}

// files calls fn with the path of each file of a folder.
func files(dir string, fn func(path string) error) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return fn(path)
	})
}

// warm brings a data set to the page cache.
func warm(dir string) error {
	buf := make([]byte, 1<<20)
	return files(dir, func(path string) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, buf)
		return err
	})
}

// compare holds the manifests of all engines against what openssl says.
func (b *bench) compare(s set) error {
	list := filepath.Join(b.dir, "openssl.txt")
	out, err := os.Create(list)
	if err != nil {
		return err
	}
	defer os.Remove(list)
	defer out.Close()
	cmd := b.openssl(s, 1) // of several, lines would be mixed
	cmd.Stdout = out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("openssl: %w", err)
	}
	want, err := digests(list, " *./")
	if err != nil {
		return err
	}
	manifest := filepath.Join(b.dir, "manifest.txt")
	defer os.Remove(manifest)
	for _, engine := range b.engines {
		if out, err := b.fingerprint(engine, s.dir, "--manifest", manifest).CombinedOutput(); err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		got, err := digests(manifest, "  ")
		if err != nil {
			return err
		}
		for path, digest := range want {
			if got[path] != digest {
				return fmt.Errorf("%s: %q has %s, and %s with openssl", engine, path, got[path], digest)
			}
		}
		if len(got) != len(want) {
			return fmt.Errorf("%s: %d files, and %d with openssl", engine, len(got), len(want))
		}
	}
	return nil
}

// digests reads a list of digests and paths with something between.
func digests(name, between string) (map[string]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for line := range strings.Lines(string(text)) {
		digest, path, ok := strings.Cut(strings.TrimSuffix(line, "\n"), between)
		if !ok {
			return nil, fmt.Errorf("%q: no digest in line %q", name, line)
		}
		all[path] = digest
	}
	return all, nil
}
