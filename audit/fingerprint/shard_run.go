//go:build unix

package fingerprint

import (
	"context"
	"os"

	"github.com/mmaudit/mmaudit/internal/shard"
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
	if err := s.Check(); err != nil {
		return nil, err
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
	p := &Part{Shard: s}
	head := headOf(s, &o)
	var b []byte
	p.Name, err = shard.Leave(parts, s, head.append(nil), func(w *shard.Writer) error {
		return r.rows(ctx, func(f *row) error {
			switch {
			case f.kind != 'f':
				return nil
			case f.trouble != none:
				p.Unreadable++
			default:
				p.Files++
				p.Bytes += f.stat.size
				if f.cached {
					p.Cached++
				}
			}
			b = appendPart(b[:0], f)
			return w.Add(b)
		})
	})
	if err != nil {
		return nil, err
	}
	p.CacheOff = r.cacheOff
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
