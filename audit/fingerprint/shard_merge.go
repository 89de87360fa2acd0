//go:build unix

package fingerprint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/mmaudit/mmaudit/internal/shard"
)

// openParts reads the parts of all shards, sorted by path.
func (r *run) openParts(ctx context.Context) error {
	if r.o.Cache != "" {
		return errors.New("parts and a cache do not go together: a merge reads no file")
	}
	if err := r.outside(r.o.Parts); err != nil {
		return err
	}
	r.parts = newSorter(ctx, r.o)
	return shard.Each(r.o.Parts, func(s Shard, f io.Reader) error {
		return readPart(f, func(head partHead) error {
			want := headOf(s, r.o)
			switch {
			case head.Shard != want.Shard:
				return fmt.Errorf("%w: it is the part of shard %s", ErrParts, head.Shard)
			case head.AllowUnreadable != want.AllowUnreadable, head.CrossMounts != want.CrossMounts:
				return fmt.Errorf("%w: it was made with other options than this run: %s", ErrParts, head.options())
			case want.SHA256 && !head.SHA256:
				return fmt.Errorf("%w: it has no SHA-256", ErrParts)
			}
			return nil
		}, r.parts.addRow)
	})
}

// join does what readAll does, with what the workers of the shards have read:
// the seal that follows is theirs too, since each file must be here as it was
// there.
func (r *run) join(_ context.Context, found, out *sorter) error {
	next, stop := iter.Pull2(r.parts.seq())
	defer stop()
	var read row
	more := true
	advance := func() error {
		p, err, ok := next()
		if more = ok; !ok || err != nil {
			return err
		}
		read, err = parseRow(p.key, p.val)
		return err
	}
	gone := func() error {
		if err := out.addRow(&row{path: read.path, kind: 'f', trouble: unstable, note: "gone since a shard read it"}); err != nil {
			return err
		}
		return advance()
	}
	if err := advance(); err != nil {
		return err
	}
	if err := found.eachRow(func(f *row) error {
		for more && read.path < f.path {
			if err := gone(); err != nil {
				return err
			}
		}
		was := row{}
		if more && read.path == f.path {
			was = read
			if err := advance(); err != nil {
				return err
			}
		}
		r.take(f, &was)
		return out.addRow(f)
	}); err != nil {
		return err
	}
	for more {
		if err := gone(); err != nil {
			return err
		}
	}
	return nil
}

// take completes f with what a shard read of it, whose path is "" if none did.
// Device and inode are not held against each other: every machine numbers
// devices as it likes, and some file systems files too. Whoever replaces a file
// by another gives it another ctime.
func (r *run) take(f, was *row) {
	switch {
	case f.trouble != none:
	case f.kind != 'f':
		if was.path != "" {
			f.trouble, f.note = unstable, "no file any more since a shard read it"
		}
	case was.path == "":
		f.trouble, f.note = unstable, "no shard has read it"
	case was.trouble != none:
		f.trouble, f.note = was.trouble, cmp.Or(was.note, "a shard could not read it")
	case was.stat.size != f.stat.size, was.stat.mode != f.stat.mode, was.stat.mtime != f.stat.mtime, was.stat.ctime != f.stat.ctime:
		f.trouble, f.note = unstable, "changed since a shard read it"
	default:
		f.cached, f.seen, f.digest = true, was.seen, was.digest
		if r.o.SHA256 {
			f.hasSHA256, f.sha256 = true, was.sha256
		}
		for _, t := range [...]*tally{&r.done, &r.kept} {
			t.files.Add(1)
			t.bytes.Add(f.stat.size)
		}
	}
}
