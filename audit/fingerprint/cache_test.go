//go:build unix

package fingerprint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// later makes what a cache remembers an hour younger than it is, so that files
// just written do not count as racy: their ctime cannot be set back.
func later(t *testing.T, dir string) {
	t.Helper()
	c, err := openCache(&Options{Cache: dir, TempDir: t.TempDir(), Memory: 1 << 20})
	must(t, err)
	defer c.close()
	moved := newSorter(&Options{Memory: 1 << 20})
	defer moved.close()
	for r, err := range c.rows() {
		must(t, err)
		r.seen += int64(time.Hour)
		must(t, moved.addRow(&r))
	}
	must(t, c.replace(moved))
}

func TestCache(t *testing.T) {
	dir, cache := sample(t), filepath.Join(t.TempDir(), "new", "cache")
	reads := map[string]int{}
	o := Options{Workers: 1, Cache: cache, SHA256: true, hooks: hooks{read: func(path string, _ int) { reads[path]++ }}}
	run := func(wantRead string) *taken {
		t.Helper()
		clear(reads)
		f := mustTake(t, dir, o)
		var names []string
		for path := range reads {
			names = append(names, path)
		}
		slices.Sort(names)
		if got := strings.Join(names, ","); wantRead != "all" && got != wantRead {
			t.Errorf("read %q, want %q", got, wantRead)
		}
		if f.Tree != mustTake(t, dir, Options{}).Tree {
			t.Error("another result with the cache")
		}
		return f
	}
	first := run("all")
	if first.Cached != 0 || first.CacheOff != "" || uint64(len(reads)) != first.Files-1 {
		t.Fatalf("%d of %d files read, %+v", len(reads), first.Files, first.Result)
	}
	if again := run("all"); again.Cached != 0 {
		t.Errorf("%d racy entries were trusted", again.Cached)
	}
	later(t, cache)
	second := run("")
	if second.Cached != second.Files {
		t.Errorf("%d of %d cached", second.Cached, second.Files)
	}
	if got := strings.ReplaceAll(second.listing.String(), `"cached"`, `"observed"`); got != first.listing.String() {
		t.Error("another listing from the cache")
	}
	if n := strings.Count(second.listing.String(), `"method":"cached"`); n != int(second.Files) {
		t.Errorf("%d lines say cached", n)
	}

	// A write that keeps size and time of modification, a new name, a file replaced.
	info, err := os.Stat(filepath.Join(dir, "a-b"))
	must(t, err)
	write(t, dir, map[string]string{"a-b": "SORTS before a/", "new": "n"})
	must(t, os.Chtimes(filepath.Join(dir, "a-b"), info.ModTime(), info.ModTime()))
	must(t, os.Rename(filepath.Join(dir, "100%"), filepath.Join(dir, "101%")))
	run("101%,a-b,new")
	later(t, cache)
	if f := run(""); f.Cached != f.Files {
		t.Errorf("%d of %d cached", f.Cached, f.Files)
	}

	// Without SHA-256 the cache forgets it, and asking again reads again.
	o.SHA256 = false
	if f := run(""); strings.Contains(f.listing.String(), "sha256") {
		t.Error("SHA-256 unasked")
	}
	o.SHA256 = true
	run("all")
	if len(reads) == 0 {
		t.Error("SHA-256 from nowhere")
	}
}

// TestCacheDamage cuts and flips a cache at every byte: the result stays true.
func TestCacheDamage(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "1", "b": "22", "c/d": "333"})
	cache := t.TempDir()
	want := mustTake(t, dir, Options{Cache: cache})
	later(t, cache)
	name := filepath.Join(cache, cacheFile)
	good, err := os.ReadFile(name)
	must(t, err)
	if f := mustTake(t, dir, Options{Cache: cache}); f.Cached != 3 {
		t.Fatalf("%d cached", f.Cached)
	}
	for i := range good {
		for _, bad := range [][]byte{good[:i], append(append(bytes.Clone(good[:i]), good[i]^0x10), good[i+1:]...)} {
			must(t, os.WriteFile(name, bad, 0o600))
			foreign := i < len(cacheFormat) && len(bad) == len(good)
			c, err := openCache(&Options{Cache: cache, Memory: 1 << 20})
			if foreign != (err != nil) {
				t.Fatalf("byte %d: %v", i, err)
			}
			if foreign {
				continue
			}
			n := 0
			for r, err := range c.rows() {
				must(t, err)
				n++
				if !bytes.Contains(good, appendCached(nil, &r)) {
					t.Fatalf("byte %d: a damaged record was read", i)
				}
			}
			c.close()
			if n > 2 {
				t.Fatalf("byte %d of %d: all records were read", i, len(good))
			}
			if i%50 != 0 { // a run syncs its cache, which takes long
				continue
			}
			f, err := take(t.Context(), dir, Options{Cache: cache, Workers: 1})
			if err != nil || f.Tree != want.Tree || f.Content != want.Content || f.Cached > 2 {
				t.Fatalf("byte %d: %+v, %v", i, f.Result, err)
			}
		}
	}
}

func TestCacheBusy(t *testing.T) {
	dir, cache := sample(t), t.TempDir()
	o := Options{Cache: cache}
	o.hooks.scanned = func() {
		if _, err := Run(t.Context(), dir, Options{Cache: cache}); !errors.Is(err, ErrCacheBusy) {
			t.Errorf("second run: %v", err)
		}
	}
	mustTake(t, dir, o)
}

// TestResume interrupts a run after each file in turn; the next one reads the others.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	for i := range 8 {
		write(t, dir, map[string]string{fmt.Sprintf("%d/file", i): fmt.Sprint("content ", i)})
	}
	want := mustTake(t, dir, Options{})
	for stopAt := 1; stopAt <= 8; stopAt++ {
		cache := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		reads := 0
		count := hooks{read: func(string, int) {
			if reads++; reads == stopAt {
				cancel()
			}
		}}
		res, err := take(ctx, dir, Options{Workers: 1, Cache: cache, hooks: count})
		if stopAt < 8 && !errors.Is(err, context.Canceled) {
			t.Fatalf("stopped at %d: %v, %v", stopAt, res.Result, err)
		}
		done := reads
		later(t, cache)
		reads = 100
		f := mustTake(t, dir, Options{Workers: 1, Cache: cache, hooks: count})
		if again := reads - 100; done+again != 8 || f.Cached != uint64(done) {
			t.Errorf("stopped at %d: %d and %d files read, %d cached", stopAt, done, again, f.Cached)
		}
		if f.Tree != want.Tree || f.manifest.String() != want.manifest.String() {
			t.Errorf("stopped at %d: another result", stopAt)
		}
		cancel()
	}
}

// TestCancelInFile wants a run to stop within a large file.
func TestCancelInFile(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "sparse"), nil, 0o644))
	must(t, os.Truncate(filepath.Join(dir, "sparse"), 1<<40)) // an hour of hashing
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Progress: func(p Progress) {
		if p.Bytes > 0 {
			cancel()
		}
	}}
	if _, err := Run(ctx, dir, o); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestCacheNewest wants the last of several records of a file.
func TestCacheNewest(t *testing.T) {
	o := Options{Cache: t.TempDir(), Memory: 1 << 20}
	for i := range 3 {
		c, err := openCache(&o)
		must(t, err)
		for r, err := range c.rows() {
			must(t, err)
			if r.seen != int64(10*i) {
				t.Errorf("round %d: record %d of %q", i, r.seen, r.path)
			}
		}
		for j := range 10 {
			for _, path := range []string{"b", "a"} {
				must(t, c.add(&row{path: path, kind: 'f', seen: int64(10*i + j + 1)}))
			}
		}
		c.close()
	}
}
