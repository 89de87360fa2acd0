//go:build unix

package fingerprint

import (
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"math"
	"time"

	"golang.org/x/sync/errgroup"
)

// large is the size of files that are read before all others, the largest first:
// a file is hashed by one processor from start to end, however many there are,
// so that nobody should be waiting for the last of them. What is smaller is read
// in the order of paths, which is that of the disk where there is one.
const large = 4 << 20

// readAll puts a row with digests into out for each row of found. Files with
// several names are read once: they are sorted by device and inode number, and
// what the first name of each gives is joined to the others.
func (r *run) readAll(ctx context.Context, found, out *sorter) error {
	if r.known != nil {
		if err := r.readChunks(ctx, found, out); err != nil {
			return err
		}
	}
	bySize, err := r.largeOf(ctx, found)
	if err != nil {
		return err
	}
	defer bySize.close()
	linked, firsts := newSorter(ctx, r.o), newSorter(ctx, r.o)
	defer linked.close()
	defer firsts.close()
	others := r.unread(found, out, func(f *row) (bool, error) {
		if isLarge(f) || f.byChunks {
			return false, nil
		}
		if f.stat.links > 1 {
			return false, linked.add(append(inodeKey(f.stat), f.path...), f.append(nil))
		}
		return true, nil
	})
	if err := r.read(ctx, int64(r.total.files.v.Load()), func(yield func(row, error) bool) {
		for rec, err := range bySize.seq() {
			var f row
			if err == nil {
				f, err = parseRow(rec.key[8:], rec.val)
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
		others(yield)
	}, func(_ stat, f *row) error { return out.addRow(f) }); err != nil {
		return err
	}

	if err := r.read(ctx, int64(linked.total), func(yield func(row, error) bool) {
		var last []byte
		for rec, err := range linked.seq() {
			var f row
			if err == nil {
				f, err = parseRow(rec.key[inodeSize:], rec.val)
			}
			if err == nil && string(last) == string(rec.key[:inodeSize]) {
				continue
			}
			if err == nil {
				last = append(last[:0], rec.key[:inodeSize]...)
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	}, func(was stat, f *row) error {
		return firsts.add(inodeKey(was), f.append(nil))
	}); err != nil {
		return err
	}
	return r.joinLinks(linked, firsts, out)
}

// isLarge tells the rows of largeOf. Of files with several names, which are
// read last, one is read.
func isLarge(f *row) bool { return f.stat.size >= large && f.stat.links == 1 }

// largeOf sorts the large files among found that must be read, the largest
// first.
func (r *run) largeOf(ctx context.Context, found *sorter) (*sorter, error) {
	bySize := newSorter(ctx, r.o)
	if r.large.v.Load() == 0 {
		return bySize, nil
	}
	for f, err := range r.unread(found, nil, func(f *row) (bool, error) { return isLarge(f) && !f.byChunks, nil }) {
		if err == nil {
			err = bySize.add(append(binary.BigEndian.AppendUint64(nil, math.MaxUint64-f.stat.size), f.path...), f.append(nil))
		}
		if err != nil {
			bySize.close()
			return nil, err
		}
	}
	return bySize, nil
}

// unread yields the files among found, in order, that must be read and that
// wanted wants. What the cache knows, and what is no file, goes to out, unless
// that is nil.
func (r *run) unread(found, out *sorter, wanted func(f *row) (bool, error)) iter.Seq2[row, error] {
	pass := func(f *row) error {
		if out == nil {
			return nil
		}
		if f.cached {
			for _, t := range [...]*tally{&r.done, &r.kept} {
				t.files.Add(1)
				t.bytes.Add(f.stat.size)
			}
		}
		return out.addRow(f)
	}
	return func(yield func(row, error) bool) {
		next, stop := iter.Pull2(r.cache.rows())
		defer stop()
		known := r.finder()
		defer known.stop()
		old, err, more := next()
		if err == nil {
			err = found.eachRow(func(f *row) error {
				if f.kind != 'f' || f.trouble != none {
					return pass(f)
				}
				for more && old.path < f.path {
					if old, err, more = next(); err != nil {
						return err
					}
				}
				usable := more && old.path == f.path && r.usable(&old, f)
				if usable && !old.part {
					f.cached, f.seen, f.digest = true, old.seen, old.digest
					if r.o.SHA256 {
						f.hasSHA256, f.sha256 = true, old.sha256
					}
					return pass(f)
				}
				if f.byChunks, err = known.has(f); err != nil {
					return err
				}
				if usable && !f.byChunks {
					f.part, f.seen, f.note = true, old.seen, old.note
				}
				want, err := wanted(f)
				if err == nil && want && !yield(*f, nil) {
					err = errStop
				}
				return err
			})
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(row{}, err)
		}
	}
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
	if r.chunkSums != nil && r.chunked(now.stat) {
		return false // a list of chunks needs all of the file
	}
	return old.stat.same(now.stat) && (old.hasSHA256 || !r.o.SHA256) &&
		(now.stat.dev == r.dev || !r.o.CrossMounts || r.o.CacheRemote) &&
		max(old.stat.mtime, old.stat.ctime) < old.seen-margin
}

// read hashes files, total of them at most, in parallel, and passes them to sink
// with what was known of them before. sink is called from many goroutines.
func (r *run) read(ctx context.Context, total int64, files iter.Seq2[row, error], sink func(was stat, f *row) error) error {
	next, stop := iter.Pull2(files)
	defer stop()
	q := &queue{next: next, left: total, workers: int64(r.o.Workers)}
	r.reading.Store(q)
	defer r.reading.Store(nil)
	group, ctx := errgroup.WithContext(ctx)
	for range max(1, min(q.workers, total)) { // one goes through what is no file
		group.Go(func() error { return newWorker(r, q, sink).work(ctx) })
	}
	return group.Wait()
}
