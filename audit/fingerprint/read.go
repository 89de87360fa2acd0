//go:build unix

package fingerprint

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	retries  = 3         // for a file that changes while it is read
	readSize = 256 << 10 // fits the second-level cache beside the hash
	dropSize = 8 << 20   // pages are given back in pieces of this size
)

// readAll puts a row with digests into out for each row of found. Files with
// several names are read once: they are sorted by device and inode number, and
// what the first name of each gives is joined to the others.
func (r *run) readAll(ctx context.Context, found, out *sorter) error {
	linked, firsts := newSorter(ctx, r.o), newSorter(ctx, r.o)
	defer linked.close()
	defer firsts.close()

	next, stop := iter.Pull2(r.cache.rows())
	defer stop()
	old, err, more := next()
	if err != nil {
		return err
	}
	err = r.read(ctx, func(send func(row) error) error {
		return found.eachRow(func(f *row) error {
			if f.kind != 'f' || f.trouble != none {
				return out.addRow(f)
			}
			for more && old.path < f.path {
				if old, err, more = next(); err != nil {
					return err
				}
			}
			switch {
			case more && old.path == f.path && r.usable(&old, f):
				f.cached, f.seen, f.digest = true, old.seen, old.digest
				if r.o.SHA256 {
					f.hasSHA256, f.sha256 = true, old.sha256
				}
				for _, t := range [...]*tally{&r.done, &r.kept} {
					t.files.Add(1)
					t.bytes.Add(f.stat.size)
				}
				return out.addRow(f)
			case f.stat.links > 1:
				return linked.add(append(inodeKey(f.stat), f.path...), f.append(nil))
			}
			return send(*f)
		})
	}, func(_ stat, f *row) error { return out.addRow(f) })
	if err != nil {
		return err
	}

	if err := r.read(ctx, func(send func(row) error) error {
		var last []byte
		return linked.each(func(key, val []byte) error {
			f, err := parseRow(key[inodeSize:], val)
			if err != nil || string(last) == string(key[:inodeSize]) {
				return err
			}
			last = append(last[:0], key[:inodeSize]...)
			return send(f)
		})
	}, func(was stat, f *row) error {
		return firsts.add(inodeKey(was), f.append(nil))
	}); err != nil {
		return err
	}
	return r.joinLinks(linked, firsts, out)
}

// joinLinks gives each name of a file what was read by the first of them.
func (r *run) joinLinks(linked, firsts, out *sorter) error {
	next, stop := iter.Pull2(firsts.seq())
	defer stop()
	var inode []byte
	var read row
	return linked.each(func(key, val []byte) error {
		f, err := parseRow(key[inodeSize:], val)
		if err != nil {
			return err
		}
		if string(inode) != string(key[:inodeSize]) {
			inode = append(inode[:0], key[:inodeSize]...)
			rec, err, ok := next()
			if err != nil || !ok {
				return errors.Join(errRow, err)
			}
			if read, err = parseRow(nil, rec.val); err != nil {
				return err
			}
		} else {
			r.done.files.Add(1)
			r.done.bytes.Add(f.stat.size)
		}
		joined := read
		joined.path = f.path
		return out.addRow(&joined)
	})
}

// inodeSize is the length of the key of one file among those with many names.
const inodeSize = 16

func inodeKey(s stat) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 128), s.dev)
	return binary.BigEndian.AppendUint64(b, s.ino)
}

// usable reports whether what an earlier run found of a file still counts. Not
// if a time of the file lies so close before the reading, or behind it, that a
// later write may have left it the same (git calls such entries racy). Nor on
// another file system than the root's, which alone was looked at.
func (r *run) usable(old, now *row) bool {
	const margin = 2 * int64(time.Second)
	return old.stat.same(now.stat) && (old.hasSHA256 || !r.o.SHA256) &&
		(now.stat.dev == r.dev || !r.o.CrossMounts || r.o.CacheRemote) &&
		max(old.stat.mtime, old.stat.ctime) < old.seen-margin
}

// read hashes the files that source sends, in parallel, and passes them to
// sink with what was known of them before. sink is called from many goroutines.
func (r *run) read(ctx context.Context, source func(send func(row) error) error, sink func(was stat, f *row) error) error {
	group, ctx := errgroup.WithContext(ctx)
	jobs := make(chan row, 4*r.o.Workers)
	group.Go(func() error {
		defer close(jobs)
		return source(func(f row) error {
			select {
			case jobs <- f:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	for range r.o.Workers {
		group.Go(func() error {
			w := &reader{run: r, hasher: newHasher(r.o.SHA256), at: climber{root: r.root}, buf: make([]byte, readSize)}
			defer w.at.close()
			for f := range jobs {
				was := f.stat
				if err := w.file(ctx, &f); err != nil {
					return err
				}
				r.total.bytes.Add(f.stat.size - was.size) // it may have changed since
				if err := sink(was, &f); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// A reader hashes one file after the other.
type reader struct {
	*run
	*hasher
	at  climber
	buf []byte
}

// file completes f. What is wrong with the file becomes its trouble; an error
// ends the run.
func (w *reader) file(ctx context.Context, f *row) error {
	for attempt := 0; ; attempt++ {
		n, err := w.once(ctx, f, attempt)
		if err == nil {
			w.done.files.Add(1)
			if w.cache != nil {
				return w.cache.add(f)
			}
			return nil
		}
		w.done.bytes.Add(-n)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if fatal(err) {
			return fmt.Errorf("%q: %w", f.path, err)
		}
		if t := troubleOf(err); t != unstable || attempt == retries {
			f.trouble, f.note = t, errnoText(err)
			w.done.files.Add(1)
			return nil
		}
		w.at.close() // a folder on the way may be another by now
		select {
		case <-time.After(10 * time.Millisecond << (2 * attempt)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// once reads f from start to end. It returns the number of bytes read, also
// where it fails.
func (w *reader) once(ctx context.Context, f *row, attempt int) (n uint64, err error) {
	dir, base, err := w.at.folder(f.path)
	if err != nil {
		return 0, err
	}
	fd, err := openAt(dir, base, 0)
	if err != nil {
		return 0, err
	}
	defer unixClose(fd)
	if err := w.o.hooks.fault(Reading, f.path); err != nil {
		return 0, err
	}
	f.seen = time.Now().UnixNano()
	before, err := fstat(fd)
	if err != nil {
		return 0, err
	}
	if before.kind() != 'f' {
		return 0, errChanged
	}
	if err := settle(ctx, before); err != nil {
		return 0, err
	}
	cold := announce(fd)
	w.reset()
	dropped := uint64(0)
	for n <= before.size { // not until the end: a file may grow as fast as we read
		if err := ctx.Err(); err != nil {
			return n, err
		}
		k, err := read(fd, w.buf)
		w.write(w.buf[:k])
		n += uint64(k)
		w.done.bytes.Add(uint64(k))
		if cold && (n-dropped >= dropSize || err != nil) {
			forget(fd, int64(dropped), int64(n-dropped))
			dropped = n
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return n, err
		}
	}
	if w.o.hooks.read != nil {
		w.o.hooks.read(f.path, attempt)
	}
	after, err := fstat(fd)
	if err != nil {
		return n, err
	}
	if n != before.size || !before.same(after) {
		return n, errChanged
	}
	f.stat = before
	f.digest, f.sha256 = w.sums()
	f.hasSHA256 = w.o.SHA256
	return n, nil
}
