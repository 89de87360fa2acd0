//go:build unix

package fingerprint

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mmaudit/mmaudit/internal/durable"
)

// RunShard does one worker's share of a fingerprint of root, and leaves what it
// found as a part in the folder o.Parts, which is made if missing, in place of
// any that an earlier try has left. Run with the same o.Parts makes the
// fingerprint of the parts of all shards.
//
// The worker lists every folder, since it cannot know otherwise what is its
// own, but looks at no file that is not. What Run refuses, it refuses; there is
// no part then. Of o, Manifest and Listing do not count.
func RunShard(ctx context.Context, root string, s Shard, o Options) (*Part, error) {
	if s.Index < 1 || s.Index > s.Count || s.Count > MaxShards {
		return nil, fmt.Errorf("%q: %w", s, ErrShard)
	}
	parts := o.Parts
	o.Parts, o.shard = "", s
	r, err := newRun(ctx, root, &o)
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.outside(parts); err != nil {
		return nil, err
	}
	if err := durable.MkdirAll(parts, 0o755); err != nil {
		return nil, err
	}
	dir, err := os.OpenRoot(parts)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	p := &Part{Shard: s, Name: filepath.Join(parts, s.partName())}
	out, err := durable.NewStream(dir, ".", 0o644)
	if err != nil {
		return nil, durable.Failed(p.Name, err)
	}
	defer out.Abort()
	w := newPartWriter(out, headOf(s, &o))
	if err := r.rows(ctx, func(f *row) error {
		if f.kind != 'f' {
			return nil
		}
		if f.trouble != none {
			p.Unreadable++
			return w.add(f)
		}
		p.Files++
		p.Bytes += f.stat.size
		if f.cached {
			p.Cached++
		}
		return w.add(f)
	}); err != nil {
		return nil, err
	}
	p.CacheOff = r.cacheOff
	if err := w.end(); err != nil {
		return nil, durable.Failed(p.Name, err)
	}
	if err := out.Commit(s.partName()); err != nil {
		return nil, durable.Failed(p.Name, err)
	}
	return p, nil
}

// list gives more names of the folder fd, which dir is as a file; io.EOF at the
// end. For a shard, it leaves out what is known to be neither its own nor a
// folder.
func (s *scan) list(dir *os.File, fd int, path string) ([]string, error) {
	if s.o.shard.Count == 0 {
		return dir.Readdirnames(names)
	}
	all, err := readFolder(fd)
	var list []string
	for _, e := range all {
		if e.kind == 'd' || e.kind == 0 || s.o.shard.Has(join2(path, e.name)) {
			list = append(list, e.name)
		}
	}
	return list, err
}

// An entry is a name in a folder, with its kind as rows have it, or 0 where
// the file system does not say.
type entry struct {
	name string
	kind byte
}
