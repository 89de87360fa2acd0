//go:build unix

package fingerprint

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/internal/shard"
)

func sh(index, count int) Shard { return Shard{Index: index, Count: count} }

// shardAll leaves the parts of n shards of root in a new folder. Workers of
// different shards run side by side, as they will.
func shardAll(t testing.TB, root string, n int, o Options) string {
	t.Helper()
	o.Parts = filepath.Join(t.TempDir(), "new", "parts")
	var group errgroup.Group
	group.SetLimit(4)
	for i := range n {
		group.Go(func() error {
			_, err := RunShard(t.Context(), root, sh(i+1, n), o)
			return err
		})
	}
	must(t, group.Wait())
	return o.Parts
}

// asOne demands that the parts of n shards give what one run gives.
func asOne(t *testing.T, root string, n int) {
	t.Helper()
	want := mustTake(t, root, Options{})
	got := mustTake(t, root, Options{Parts: shardAll(t, root, n, Options{Workers: 2})})
	if got.Cached != got.Files {
		t.Errorf("%d shards: %d of %d files count as cached", n, got.Cached, got.Files)
	}
	if got.manifest.String() != want.manifest.String() {
		t.Errorf("%d shards: another manifest", n)
	}
	if strings.ReplaceAll(got.listing.String(), `"cached"`, `"observed"`) != want.listing.String() {
		t.Errorf("%d shards: another listing", n)
	}
	got.Result.Cached = 0
	if a, b := fmt.Sprintf("%+v", *got.Result), fmt.Sprintf("%+v", *want.Result); a != b {
		t.Errorf("%d shards:\n%s\none run:\n%s", n, a, b)
	}
}

func TestShards(t *testing.T) {
	dir := sample(t)
	for _, n := range []int{1, 2, 7, 16} {
		asOne(t, dir, n)
	}
	asOne(t, filepath.Join(dir, "a"), 3) // a root that is a file
	asOne(t, t.TempDir(), 2)             // nothing at all
}

// TestShardsOfRandomTrees: whatever the names, the depth and the links.
func TestShardsOfRandomTrees(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 31))
	letters := []string{"a", "b", "0", ".", "-", " ", "%", "\n", "é", "A", "\x7f"}
	name := func() string {
		s := "n"
		for range rnd.IntN(4) {
			s += letters[rnd.IntN(len(letters))]
		}
		return s
	}
	for range 12 {
		dir := t.TempDir()
		folders := []string{dir}
		for range rnd.IntN(120) {
			at := filepath.Join(folders[rnd.IntN(len(folders))], name())
			if _, err := os.Lstat(at); err == nil {
				continue
			}
			switch rnd.IntN(6) {
			case 0:
				must(t, os.Mkdir(at, 0o755))
				folders = append(folders, at)
			case 1:
				must(t, os.Symlink(name(), at))
			default:
				must(t, os.WriteFile(at, []byte(name()), 0o644))
			}
		}
		asOne(t, dir, 1+rnd.IntN(9))
	}
}

// TestShardReadsItsOwn: the workers together read every file once, and look at
// no other.
func TestShardReadsItsOwn(t *testing.T) {
	dir, parts := sample(t), t.TempDir()
	var mu sync.Mutex
	readBy := map[string][]Shard{}
	files := uint64(0)
	for i := range 5 {
		s := sh(i+1, 5)
		note := func(path string) {
			mu.Lock()
			defer mu.Unlock()
			readBy[path] = append(readBy[path], s)
		}
		o := Options{Parts: parts, hooks: hooks{read: func(path string, _ int) { note(path) }}}
		p, err := RunShard(t.Context(), dir, s, o)
		must(t, err)
		files += p.Files
		if p.Name != filepath.Join(parts, fmt.Sprintf("%d-of-5.part", i+1)) {
			t.Errorf("the part is %q", p.Name)
		}
	}
	if want := mustTake(t, dir, Options{}).Files; files != want {
		t.Errorf("the shards have %d files, one run %d", files, want)
	}
	for path, by := range readBy {
		if len(by) != 1 || !by[0].Has(path) {
			t.Errorf("%q was read by %v", path, by)
		}
	}
	must(t, os.WriteFile(filepath.Join(parts, "slurm-1.out"), nil, 0o644))
	must(t, os.WriteFile(filepath.Join(parts, ".1-of-5.part.x.tmp"), nil, 0o644))
	o := Options{Parts: parts, hooks: hooks{read: func(path string, _ int) { t.Errorf("the merge has read %q", path) }}}
	mustTake(t, dir, o)
	want := mustTake(t, dir, Options{})
	c, err := Check(t.Context(), dir, bytes.NewReader(want.manifest.Bytes()), Options{Parts: parts})
	if err != nil || !c.OK() || c.Same != want.Files {
		t.Errorf("checked: %+v, %v", c, err)
	}
}

// TestShardOf holds the share of a path against sha256sum.
func TestShardOf(t *testing.T) {
	for _, v := range []struct {
		path  string
		shard Shard
	}{
		{"a", sh(11, 16)},                 // ca978112ca1bbdca
		{"", sh(5, 16)},                   // e3b0c44298fc1c14
		{"samples/LIDAR_TOP/x", sh(1, 1)}, // all are of the only one
		{"a", sh(0xca978112ca1bbdca%7+1, 7)},
	} {
		for i := range v.shard.Count {
			if s := sh(i+1, v.shard.Count); s.Has(v.path) != (s == v.shard) {
				t.Errorf("%q: in %s %t", v.path, s, s.Has(v.path))
			}
		}
	}
	for _, bad := range []string{"", "1", "0/4", "5/4", "1/0", "-1/4", "01/4", "1/4/4", "1/65537", "1/+4", " 1/4"} {
		if s, err := ParseShard(bad); !errors.Is(err, ErrShard) || s != (Shard{}) {
			t.Errorf("%q: %v, %v", bad, s, err)
		}
	}
	if s, err := ParseShard("65536/65536"); err != nil || s != sh(65536, 65536) {
		t.Error(s, err)
	}
}

// TestShardsRefused breaks a set of parts, or the data after them.
func TestShardsRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(dir, parts string) error
		want error
		says string
	}{
		{"nothing", func(_, _ string) error { return nil }, nil, ""},
		{"a part less", func(_, p string) error { return os.Remove(p + "/2-of-4.part") }, ErrParts, "no part of 2/4"},
		{"no part", func(_, p string) error { return errors.Join(os.RemoveAll(p), os.Mkdir(p, 0o755)) }, ErrParts, "there is none"},
		{"no folder", func(_, p string) error { return os.RemoveAll(p) }, os.ErrNotExist, ""},
		{"another split", func(_, p string) error { return os.WriteFile(p+"/2-of-5.part", nil, 0o644) }, ErrParts, "side by side"},
		{"a part twice", func(_, p string) error { return os.Rename(p+"/2-of-4.part", p+"/3-of-4.part") }, ErrParts, "no part of 2/4"},
		{"a copy", func(_, p string) error {
			return errors.Join(os.Remove(p+"/3-of-4.part"), os.Link(p+"/2-of-4.part", p+"/3-of-4.part"))
		}, ErrParts, "it is the part of shard 2/4"},
		{"a stray part", func(_, p string) error { return os.WriteFile(p+"/old.part", nil, 0o644) }, nil, "is not the name of a part"},
		{"an empty part", func(_, p string) error { return os.WriteFile(p+"/3-of-4.part", nil, 0o644) }, nil, "no first line"},
		{"a write", func(d, _ string) error { return os.WriteFile(d+"/a-b", []byte("sorts Before a/"), 0o644) }, ErrUnstable, "changed since a shard read it"},
		{"a mode", func(d, _ string) error { return os.Chmod(d+"/a-b", 0o600) }, ErrUnstable, "changed since a shard read it"},
		{"a copy over", func(d, _ string) error {
			return errors.Join(os.WriteFile(d+"/d/new", []byte("sorts before a/"), 0o644), os.Rename(d+"/d/new", d+"/a-b"))
		}, ErrUnstable, "changed since a shard read it"},
		{"a new file", func(d, _ string) error { return os.WriteFile(d+"/zzz", nil, 0o644) }, ErrUnstable, "no shard has read it"},
		{"a file less", func(d, _ string) error { return os.Remove(d + "/a-b") }, ErrUnstable, "gone since a shard read it"},
		{"the last file less", func(d, _ string) error { return os.Remove(d + "/é") }, ErrUnstable, "gone since a shard read it"},
		{"a link for a file", func(d, _ string) error {
			return errors.Join(os.Remove(d+"/a-b"), os.Symlink("a", d+"/a-b"))
		}, ErrUnstable, "no file any more"},
		{"a file for a link", func(d, _ string) error {
			return errors.Join(os.Remove(d+"/dangling"), os.WriteFile(d+"/dangling", nil, 0o644))
		}, ErrUnstable, "no shard has read it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := sample(t)
			parts := shardAll(t, dir, 4, Options{})
			must(t, tt.do(dir, parts))
			_, err := Run(t.Context(), dir, Options{Parts: parts})
			if (err != nil) != (tt.want != nil || tt.says != "") || tt.want != nil && !errors.Is(err, tt.want) || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %v, %q", err, tt.want, tt.says)
			}
			if pe := (*ProblemError)(nil); errors.As(err, &pe) && pe.Count != 1 {
				t.Errorf("%d problems: %v", pe.Count, err)
			}
		})
	}
}

// TestShardOptions: parts that were made otherwise than the run asks are refused.
func TestShardOptions(t *testing.T) {
	dir := sample(t)
	plain := shardAll(t, dir, 2, Options{})
	lax := shardAll(t, dir, 2, Options{AllowUnreadable: true, CrossMounts: true, SHA256: true})
	for _, tt := range []struct {
		parts string
		o     Options
		ok    bool
	}{
		{plain, Options{}, true},
		{plain, Options{AllowUnreadable: true}, false},
		{plain, Options{CrossMounts: true}, false},
		{plain, Options{SHA256: true}, false},
		{lax, Options{}, false},
		{lax, Options{AllowUnreadable: true, CrossMounts: true}, true},
		{lax, Options{AllowUnreadable: true, CrossMounts: true, SHA256: true}, true},
	} {
		tt.o.Parts = tt.parts
		if got, err := take(t.Context(), dir, tt.o); tt.ok != (err == nil) || err != nil && !errors.Is(err, ErrParts) {
			t.Errorf("%+v: %v", tt.o, err)
		} else if tt.ok && tt.o.SHA256 != strings.Contains(got.listing.String(), `"sha256"`) {
			t.Error("SHA-256 is not as asked for")
		}
	}
	if _, err := Run(t.Context(), dir, Options{Parts: plain, Cache: t.TempDir()}); err == nil {
		t.Error("a cache was taken beside parts")
	}
	in := filepath.Join(dir, "d", "parts")
	if _, err := RunShard(t.Context(), dir, sh(1, 2), Options{Parts: in}); !errors.Is(err, ErrInside) {
		t.Errorf("parts in the data: %v", err)
	}
	if _, err := os.Stat(in); err == nil {
		t.Error("the folder was made")
	}
	must(t, os.Mkdir(in, 0o755))
	if _, err := Run(t.Context(), dir, Options{Parts: in}); !errors.Is(err, ErrInside) {
		t.Errorf("parts in the data: %v", err)
	}
	for _, s := range []Shard{{}, sh(0, 1), sh(2, 1), sh(1, shard.Max+1)} {
		if _, err := RunShard(t.Context(), dir, s, Options{Parts: t.TempDir()}); !errors.Is(err, ErrShard) {
			t.Errorf("%v: %v", s, err)
		}
	}
}

// TestShardUnreadable: what a worker could not read is a leaf of the merge.
func TestShardUnreadable(t *testing.T) {
	dir := sample(t)
	o := Options{AllowUnreadable: true, hooks: hooks{fail: func(during Phase, path string) error {
		if during == Reading && path == "d/copy" {
			return os.ErrPermission
		}
		return nil
	}}}
	want := mustTake(t, dir, o)
	got := mustTake(t, dir, Options{AllowUnreadable: true, Parts: shardAll(t, dir, 3, o)})
	if got.Status != Partial || got.Tree != want.Tree || got.Content != want.Content || len(got.Unreadable.First) != 1 ||
		got.Unreadable.First[0].String() != want.Unreadable.First[0].String() {
		t.Errorf("got %+v, want %+v", got.Result, want.Result)
	}
	o.AllowUnreadable = false
	failed := 0
	for i := range 3 {
		o.Parts = t.TempDir()
		if _, err := RunShard(t.Context(), dir, sh(i+1, 3), o); err != nil {
			failed++
			list, _ := os.ReadDir(o.Parts)
			if !errors.Is(err, ErrUnreadable) || len(list) > 0 {
				t.Errorf("%v left %v", err, list)
			}
		}
	}
	if failed != 1 {
		t.Errorf("%d shards failed for one file", failed)
	}
}

// TestShardCache: shards of one root have caches of their own, and may run side
// by side with one folder for them.
func TestShardCache(t *testing.T) {
	dir, cache := sample(t), t.TempDir()
	o := Options{Cache: cache, Workers: 1}
	shardAll(t, dir, 3, o)
	list, err := filepath.Glob(filepath.Join(cache, "*"+cacheEnd))
	if err != nil || len(list) != 3 {
		t.Fatal(list, err)
	}
	reads := 0
	o.hooks.read = func(string, int) { reads++ }
	shardAll(t, dir, 1, o)
	if reads == 0 {
		t.Error("the cache of other shards was used")
	}
}

// TestPartDamage cuts and flips a part at every byte: it is never taken.
func TestPartDamage(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a": "1", "b": "22", "c/d": "333"})
	name := filepath.Join(shardAll(t, dir, 1, Options{}), "1-of-1.part")
	good, err := os.ReadFile(name)
	must(t, err)
	rows := func(data []byte) (n int, err error) {
		err = readPart(bytes.NewReader(data), func(partHead) error { return nil }, func(*row) error { n++; return nil })
		return n, err
	}
	if n, err := rows(good); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	for i := range good {
		if _, err := rows(good[:i]); err == nil {
			t.Errorf("cut at byte %d of %d: taken", i, len(good))
		}
		flipped := append(append(bytes.Clone(good[:i]), good[i]^1), good[i+1:]...)
		if _, err := rows(flipped); err == nil {
			t.Errorf("byte %d of %d: taken", i, len(good))
		}
	}
	if _, err := rows(append(bytes.Clone(good), 0)); err == nil {
		t.Error("more than its end: taken")
	}

	// What a shard would not write, with checksums that are right.
	for _, tt := range []struct {
		name  string
		shard Shard
		rows  []row
		ok    bool
	}{
		{"in order", sh(11, 16), []row{{path: "a", kind: 'f'}}, true},
		{"of another shard", sh(12, 16), []row{{path: "a", kind: 'f'}}, false},
		{"out of order", sh(1, 1), []row{{path: "b", kind: 'f'}, {path: "a", kind: 'f'}}, false},
		{"twice", sh(1, 1), []row{{path: "a", kind: 'f'}, {path: "a", kind: 'f'}}, false},
		{"outside", sh(1, 1), []row{{path: "../a", kind: 'f'}}, false},
		{"the root", sh(1, 1), []row{{path: "", kind: 'f'}}, false},
		{"a folder", sh(1, 1), []row{{path: "a", kind: 'd'}}, false},
		{"with SHA-256", sh(1, 1), []row{{path: "a", kind: 'f', hasSHA256: true}}, false},
		{"unreadable", sh(1, 1), []row{{path: "a", kind: 'f', trouble: unreadable}}, false},
	} {
		var b bytes.Buffer
		head := headOf(tt.shard, &Options{})
		w, err := shard.NewWriter(&b, head.append(nil))
		must(t, err)
		for i := range tt.rows {
			must(t, w.Add(appendPart(nil, &tt.rows[i])))
		}
		must(t, w.End())
		if _, err := rows(b.Bytes()); (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrPart) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// FuzzPart reads anything as a part: what it takes is what it would write.
func FuzzPart(f *testing.F) {
	for _, o := range []Options{{}, {SHA256: true, CrossMounts: true}, {AllowUnreadable: true}} {
		var b bytes.Buffer
		head := headOf(sh(1, 1), &o)
		w, _ := shard.NewWriter(&b, head.append(nil))
		w.Add(appendPart(nil, &row{path: "a/b", kind: 'f', hasSHA256: o.SHA256, seen: 9, stat: stat{size: 3}}))
		if o.AllowUnreadable {
			w.Add(appendPart(nil, &row{path: "c", kind: 'f', trouble: unreadable, note: "permission denied"}))
		}
		w.End()
		f.Add(b.Bytes())
	}
	f.Add([]byte(`{"format":"auditlog/part/v1"}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var head partHead
		var rows []row
		err := readPart(bytes.NewReader(data), func(h partHead) error {
			head = h
			return nil
		}, func(r *row) error {
			rows = append(rows, *r)
			return nil
		})
		if err != nil {
			return
		}
		var b bytes.Buffer
		w, err := shard.NewWriter(&b, head.append(nil))
		must(t, err)
		for i := range rows {
			must(t, w.Add(appendPart(nil, &rows[i])))
		}
		must(t, w.End())
		if !bytes.Equal(b.Bytes(), data) {
			t.Errorf("%q was read, %q is written", data, b.Bytes())
		}
	})
}
