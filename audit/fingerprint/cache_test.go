//go:build unix

package fingerprint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// later makes what a cache remembers an hour younger than it is, so that files
// just written do not count as racy: their ctime cannot be set back.
func later(t *testing.T, root, cache string) {
	t.Helper()
	edit(t, root, cache, func(r *row) { r.seen += int64(time.Hour) })
}

// edit changes what the cache of a root remembers.
func edit(t *testing.T, root, cache string, change func(r *row)) {
	t.Helper()
	real, err := resolve(root)
	must(t, err)
	c, err := openCache(t.Context(), &Options{Cache: cache, TempDir: t.TempDir(), Memory: 1 << 20}, real)
	must(t, err)
	defer c.close()
	changed := newSorter(t.Context(), &Options{Memory: 1 << 20})
	defer changed.close()
	for r, err := range c.rows() {
		must(t, err)
		change(&r)
		must(t, changed.addRow(&r))
	}
	must(t, c.replace(changed))
}

// cacheOf is the only cache in a folder of caches.
func cacheOf(t *testing.T, dir string) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "*"+cacheEnd))
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	return list[0]
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
	const margin = int64(2 * time.Second)
	edit(t, dir, cache, func(r *row) { r.seen = max(r.stat.ctime, r.stat.mtime) + margin })
	if again := run("all"); again.Cached != 0 {
		t.Errorf("%d racy entries were trusted", again.Cached)
	}
	edit(t, dir, cache, func(r *row) { r.seen = max(r.stat.ctime, r.stat.mtime) + margin + 1 })
	c, err := Check(t.Context(), dir, bytes.NewReader(first.manifest.Bytes()), Options{Cache: cache, SHA256: true})
	must(t, err)
	if !c.OK() || c.Cached != first.Files {
		t.Errorf("checked: %+v", c)
	}
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
	later(t, dir, cache)
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
	later(t, dir, cache)
	name := cacheOf(t, cache)
	good, err := os.ReadFile(name)
	must(t, err)
	if f := mustTake(t, dir, Options{Cache: cache}); f.Cached != 3 {
		t.Fatalf("%d cached", f.Cached)
	}
	for i := range good {
		for _, bad := range [][]byte{good[:i], append(append(bytes.Clone(good[:i]), good[i]^0x10), good[i+1:]...)} {
			must(t, os.WriteFile(name, bad, 0o600))
			foreign := i < len(cacheFormat) && len(bad) == len(good)
			c, err := openCache(t.Context(), &Options{Cache: cache, Memory: 1 << 20}, dir)
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

// FuzzCache reads anything as a cache: what it takes is what it would write.
func FuzzCache(f *testing.F) {
	one := appendCached([]byte(cacheFormat), &row{path: "a/b", kind: 'f', hasSHA256: true, seen: 9, stat: stat{size: 3}})
	f.Add(one)
	f.Add(appendCached(one, &row{path: "c", kind: 'f'}))
	f.Add(append(one, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0))
	f.Add([]byte("auditlog"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := cache{old: newSorter(t.Context(), &Options{Memory: 1 << 20})}
		good, err := c.load(bytes.NewReader(data))
		if err != nil {
			return
		}
		size := int64(0)
		must(t, c.old.eachRow(func(r *row) error {
			b := appendCached(nil, r)
			size += int64(len(b))
			if !r.cached && !bytes.Contains(data, b) {
				t.Errorf("%+v was read from %q", r, data)
			}
			return nil
		}))
		if size > 0 && good != int64(len(cacheFormat))+size || good > int64(len(data)) {
			t.Errorf("%d bytes of %d are good, %d of records", good, len(data), size)
		}
	})
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
		later(t, dir, cache)
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
		c, err := openCache(t.Context(), &o, "root")
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

// TestCacheRoots lets two roots share a folder for caches: neither forgets for
// the other.
func TestCacheRoots(t *testing.T) {
	cache := t.TempDir()
	roots := []string{t.TempDir(), t.TempDir()}
	for i, dir := range roots {
		write(t, dir, map[string]string{"f": fmt.Sprint(i)})
		mustTake(t, dir, Options{Cache: cache})
	}
	for i, dir := range roots {
		later(t, dir, cache)
		f := mustTake(t, dir, Options{Cache: cache})
		if f.Cached != 1 || f.Tree != mustTake(t, dir, Options{}).Tree {
			t.Errorf("root %d: %+v", i, f.Result)
		}
	}
}

// TestCacheRemote leaves the cache alone on a network file system unless told.
func TestCacheRemote(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"f": "1"})
	for _, use := range []bool{false, true} {
		cache := filepath.Join(t.TempDir(), "cache")
		o := Options{Cache: cache, CacheRemote: use, hooks: hooks{remote: "NFS"}}
		f := mustTake(t, dir, o)
		_, err := os.Stat(cache)
		if (f.CacheOff == "") != use || (err == nil) != use || !use && f.CacheOff != "NFS" {
			t.Errorf("to be used %v: off on %q, %v", use, f.CacheOff, err)
		}
	}
}

// TestCacheMounts trusts no cache on another file system than the root's unless told to.
func TestCacheMounts(t *testing.T) {
	st := stat{dev: 7, ctime: 1, mtime: 1}
	old, now := row{stat: st, seen: 1 << 40}, row{stat: st}
	for _, tt := range []struct {
		dev  uint64
		o    Options
		want bool
	}{
		{7, Options{CrossMounts: true}, true},
		{8, Options{CrossMounts: true}, false},
		{8, Options{CrossMounts: true, CacheRemote: true}, true},
		{8, Options{}, true}, // an overlay: its files have other numbers than its folders
	} {
		r := run{o: &tt.o, dev: tt.dev}
		if got := r.usable(&old, &now); got != tt.want {
			t.Errorf("%+v: %v", tt, got)
		}
	}
}

// TestKill kills a run without a warning after some files, again and again. The
// next run reads what is missing and gets the right result.
func TestKill(t *testing.T) {
	const files, reads = 800, 300
	if dir := os.Getenv("FINGERPRINT_TEST_KILL"); dir != "" {
		n := 0
		h := hooks{read: func(string, int) {
			if n++; n == reads {
				unix.Kill(os.Getpid(), unix.SIGKILL)
			}
		}}
		_, err := Run(t.Context(), dir+"/data", Options{Workers: 1, Cache: dir + "/cache", hooks: h})
		must(t, err)
		return
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	for i := range files {
		write(t, data, map[string]string{fmt.Sprintf("%d/%d", i%7, i): fmt.Sprint(i)})
	}
	want := mustTake(t, data, Options{})
	for killed := 0; ; killed++ {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
		cmd.Env = append(os.Environ(), "FINGERPRINT_TEST_KILL="+dir)
		out, err := cmd.CombinedOutput()
		later(t, data, filepath.Join(dir, "cache"))
		if err == nil {
			if killed != 2 { // at most 50 of 300 are lost each time
				t.Errorf("killed %d times", killed)
			}
			break
		}
		var ee *exec.ExitError
		if !errors.As(err, &ee) || ee.ProcessState.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL || killed > 2 {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	f := mustTake(t, data, Options{Cache: filepath.Join(dir, "cache")})
	if f.Cached != files || f.Tree != want.Tree || f.manifest.String() != want.manifest.String() {
		t.Errorf("%+v, want %+v", f.Result, want.Result)
	}
}

// TestCacheFlush wants records on disk once much would be lost with them.
func TestCacheFlush(t *testing.T) {
	dir := t.TempDir()
	c, err := openCache(t.Context(), &Options{Cache: dir, Memory: 1 << 20}, "root")
	must(t, err)
	defer c.close()
	for size, want := range []bool{false, true, false} {
		must(t, os.Truncate(cacheOf(t, dir), 0))
		must(t, c.add(&row{path: "p", kind: 'f', stat: stat{size: flushAfter/2 + uint64(size)}}))
		info, err := os.Stat(cacheOf(t, dir))
		must(t, err)
		if got := info.Size() > 0; got != want {
			t.Errorf("record %d: written %v", size, got)
		}
	}
}
