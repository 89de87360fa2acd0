//go:build unix

package fingerprint

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/keccak"
)

// TestResumeWithin interrupts a run within a file: the next one goes on there,
// with any engine.
func TestResumeWithin(t *testing.T) {
	for _, sha256 := range []bool{false, true} {
		dir, cache := t.TempDir(), t.TempDir()
		const bytes = 8*readSize + 5
		write(t, dir, map[string]string{"big": strings.Repeat("0123456789abcdef!", bytes)[:bytes]})
		want := mustTake(t, dir, Options{SHA256: sha256})
		o := Options{Workers: 1, Cache: cache, SHA256: sha256, sizes: sizes{chunk: ChunkSize, save: 3 * readSize}}
		interrupt := func() {
			t.Helper()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := o
			o.hooks.saved = func(uint64) { cancel() }
			if _, err := take(ctx, dir, o); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			later(t, dir, cache)
		}
		resume := func(wantKept uint64, o Options) *taken {
			t.Helper()
			var end Progress
			o.Progress = func(p Progress) { end = p }
			f := mustTake(t, dir, o)
			if end.CachedBytes != wantKept || end.Bytes != bytes || end.TotalBytes != bytes {
				t.Errorf("%+v, want %d bytes from the cache", end, wantKept)
			}
			return f
		}
		interrupt()
		interrupt()
		f := resume(6*readSize, o)
		if f.Tree != want.Tree || f.Cached != 1 || sha256 && strings.Replace(f.listing.String(), `"cached"`, `"observed"`, 1) != want.listing.String() {
			t.Errorf("%+v, want %+v", f.Result, want.Result)
		}
		later(t, dir, cache)
		if f := resume(bytes, o); f.Tree != want.Tree || f.Cached != 1 {
			t.Errorf("%+v", f.Result)
		}

		// With another engine.
		must(t, os.RemoveAll(cache))
		interrupt()
		t.Run("scalar", func(t *testing.T) {
			t.Setenv("AUDITLOG_SHA3", "scalar")
			if f := resume(3*readSize, o); f.Tree != want.Tree {
				t.Errorf("%+v", f.Result)
			}
		})

		// What is not the same is read from the start, and so is what has no state
		// of SHA-256 that is wanted, or is not old enough.
		for name, change := range map[string]func(r *row){
			"racy":         func(r *row) { r.seen = r.stat.mtime + 1 },
			"another time": func(r *row) { r.stat.ctime++ },
			"cut":          func(r *row) { r.note = r.note[:8+keccak.StateSize-1] },
			"no block":     func(r *row) { r.note = r.note[:7] + "\x01" + r.note[8:] },
			"beyond":       func(r *row) { r.note = "\x01" + r.note[1:] },
		} {
			must(t, os.RemoveAll(cache))
			interrupt()
			edit(t, dir, cache, change)
			if f := resume(0, o); f.Tree != want.Tree || f.Cached != 0 {
				t.Errorf("%s: %+v", name, f.Result)
			}
		}
		must(t, os.RemoveAll(cache))
		interrupt()
		other := o
		other.SHA256 = !sha256
		if f := resume(0, other); f.Tree != want.Tree {
			t.Errorf("%+v", f.Result)
		}
		must(t, os.RemoveAll(cache))
		interrupt()
		must(t, os.WriteFile(filepath.Join(dir, "big"), []byte(strings.Repeat("!", bytes)), 0o644))
		if f := resume(0, o); f.Tree != mustTake(t, dir, Options{}).Tree || f.Cached != 0 {
			t.Errorf("changed meanwhile: %+v", f.Result)
		}
	}
}
