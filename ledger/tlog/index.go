package tlog

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
)

// The index tells which records may have a key. It is derived from the log and
// never trusted over it: each answer is looked up in the log, and each file is
// bound by a hash to the part of the log that it was made from. Whatever is
// missing, damaged, or of another log or version is made again.
//
// Postings of full bundles lie in segments, merged four to one as the log grows;
// those of the last, partial bundle in the tail, a file that is appended to.

// idHash and keyHash are the hashes of postings. Keys of records whose hashes
// collide are told apart by reading the record.
func idHash(id string) uint64 {
	var room [128]byte // so that the usual key is hashed without an allocation
	h := sha256.Sum256(append(append(room[:0], 0), id...))
	return binary.BigEndian.Uint64(h[:])
}

func keyHash(k ledger.Key) uint64 {
	var room [128]byte
	b := append(room[:0], 1, byte(len(k.Name)>>8), byte(len(k.Name)))
	h := sha256.Sum256(append(append(b, k.Name...), k.Value...))
	return binary.BigEndian.Uint64(h[:])
}

func hashesOf(k ledger.Keys) []uint64 { return appendHashes(nil, k) }

// appendHashes puts the hashes of the keys into an empty slice.
func appendHashes(hs []uint64, k ledger.Keys) []uint64 {
	hs = append(hs, idHash(k.ID))
	for _, key := range k.Index {
		hs = append(hs, keyHash(key))
	}
	slices.Sort(hs)
	return slices.Compact(hs)
}

// hashesOfRecord is empty for a record that KeysOf refuses: Verify tells.
func (l *Log) hashesOfRecord(record []byte) []uint64 {
	k, err := ledger.Derive(l.o.KeysOf, record)
	if err != nil {
		return nil
	}
	return hashesOf(k)
}

// index is the index of one tree.
type index struct {
	t        tree
	segments []*segment
	tail     [][]uint64 // hashes of the keys of each record in the last bundle
	err      error      // why it could not be had
}

// close closes the files of an index that is not reused.
func (x *index) close() {
	if x != nil {
		for _, s := range x.segments {
			s.close()
		}
	}
}

// openIndex returns the index of a tree. It takes over the segments of an old
// index that are still good, and closes the others. What is not on disk is
// derived from the log. It writes nothing, so a reader may call it.
func openIndex(t tree, old *index) *index {
	x := &index{t: t}
	taken := map[*segment]bool{}
	if old != nil {
		defer func() {
			for _, s := range old.segments {
				if !taken[s] {
					s.close()
				}
			}
		}()
		if old.err == nil && old.t.head.Size == t.head.Size && old.t.head.Root == t.head.Root {
			for _, s := range old.segments {
				taken[s] = true
			}
			return old
		}
	}
	ids := segmentsOf(t.head.Size / tileWidth)
	subtrees, err := t.subtrees(ids)
	if err != nil {
		x.err = err
		return x
	}
	for i, id := range ids {
		var s *segment
		if old != nil {
			for _, o := range old.segments {
				if o.id == id && o.subtree == subtrees[i] {
					s, taken[o] = o, true
				}
			}
		}
		if s == nil {
			s, err = openSegment(t.l.path(id.path()), id, subtrees[i], t.l.o.KeysVersion)
		}
		if err != nil {
			s, err = t.derive(id, subtrees[i])
		}
		if err != nil {
			x.err = err
			return x
		}
		x.segments = append(x.segments, s)
	}
	x.tail, x.err = t.readTail()
	return x
}

func (t tree) subtrees(ids []segmentID) ([]ledger.Hash, error) {
	nodes := make([]int64, len(ids))
	for i, id := range ids {
		nodes[i] = id.node()
	}
	return t.ReadHashes(nodes)
}

// derive makes a segment from the log, in memory, once in the life of the
// process.
func (t tree) derive(id segmentID, subtree ledger.Hash) (*segment, error) {
	t.l.mu.Lock()
	s := t.l.derived[id]
	t.l.mu.Unlock()
	if s != nil && s.subtree == subtree {
		return s, nil
	}
	s = &segment{id: id, subtree: subtree}
	for n := id.from() / tileWidth; n < id.to()/tileWidth; n++ {
		records, err := t.checked(n)
		if err != nil {
			return nil, err
		}
		for i, r := range records {
			for _, h := range t.l.hashesOfRecord(r) {
				s.postings = append(s.postings, posting{h, n*tileWidth + int64(i)})
			}
		}
	}
	slices.SortFunc(s.postings, comparePostings)
	s.count = int64(len(s.postings))
	t.l.mu.Lock()
	t.l.derived[id] = s
	t.l.mu.Unlock()
	return s, nil
}

// candidates yields the indexes, from one on and in order, of records that may
// have a key of this hash.
func (x *index) candidates(hash uint64, from int64) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		if x.err != nil {
			yield(0, x.err)
			return
		}
		for i, s := range x.segments {
			if s.id.to() <= from {
				continue
			}
			found, err := s.find(hash)
			if errors.Is(err, errSegment) {
				// A flipped bit: the log knows.
				if s, err = x.t.derive(s.id, s.subtree); err == nil {
					x.segments[i].close()
					x.segments[i] = s
					found, err = s.find(hash)
				}
			}
			if err != nil {
				yield(0, err)
				return
			}
			for _, index := range found {
				if index >= max(from, s.id.from()) && index < s.id.to() && !yield(index, nil) {
					return
				}
			}
		}
		start := x.t.head.Size &^ (tileWidth - 1)
		for i, hashes := range x.tail {
			if index := start + int64(i); index >= from && slices.Contains(hashes, hash) && !yield(index, nil) {
				return
			}
		}
	}
}

// Find implements ledger.Ledger.
func (l *Log) Find(ctx context.Context, size, from int64, key ledger.Key) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		next, stopped := from, false
		err := l.view(ctx, func(t tree) error {
			if from < 0 || size < 0 {
				return fmt.Errorf("%w: index %d, size %d", ledger.ErrInvalid, from, size)
			}
			if size > t.head.Size || from > size {
				return fmt.Errorf("%w: from %d in the tree of size %d; the ledger has %d", ledger.ErrNotFound, from, size, t.head.Size)
			}
			x := openIndex(t, nil)
			defer x.close()
			f := finder{t: t, bundle: -1}
			for index, err := range x.candidates(keyHash(key), next) {
				if err == nil {
					err = ctx.Err()
				}
				if err != nil {
					return err
				}
				if index >= size {
					return nil
				}
				e, err := f.entry(index)
				if err != nil {
					return err
				}
				next = index + 1
				keys, err := ledger.Derive(l.o.KeysOf, e.Record)
				if err != nil || !slices.Contains(keys.Index, key) {
					continue
				}
				if !yield(e, nil) {
					stopped = true
					return nil
				}
			}
			return nil
		})
		if err != nil && !stopped {
			yield(ledger.Entry{}, err)
		}
	}
}

// tailPath names the file with the hashes of the keys of the last bundle's
// records, by the number of that bundle.
func tailPath(size int64) string { return fmt.Sprint("index/tail.", size/tileWidth) }

// appendFrame adds a record to a tail. The checksum covers index and version
// too, so that a frame is valid in its place only.
func appendFrame(tail []byte, version uint32, index int64, leaf ledger.Hash, hashes []uint64) []byte {
	start := len(tail)
	tail = append(tail, leaf[:]...)
	tail = binary.BigEndian.AppendUint16(tail, uint16(len(hashes)))
	for _, h := range hashes {
		tail = binary.BigEndian.AppendUint64(tail, h)
	}
	return binary.BigEndian.AppendUint32(tail, frameSum(version, index, tail[start:]))
}

func frameSum(version uint32, index int64, frame []byte) uint32 {
	place := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, version), uint64(index))
	return crc32.Update(crc32.Checksum(place, castagnoli), castagnoli, frame)
}

// splitTail reads the frames that are whole and belong to these leaves, and
// returns how many bytes they take.
func splitTail(tail []byte, version uint32, start int64, leaves []ledger.Hash) (hashes [][]uint64, size int) {
	for i, leaf := range leaves {
		const fixed = len(leaf) + 2
		frame := tail[size:]
		if len(frame) < fixed || !bytes.Equal(frame[:len(leaf)], leaf[:]) {
			break
		}
		count := int(binary.BigEndian.Uint16(frame[len(leaf):]))
		end := fixed + 8*count
		if len(frame) < end+4 || binary.BigEndian.Uint32(frame[end:]) != frameSum(version, start+int64(i), frame[:end]) {
			break
		}
		hs := make([]uint64, count)
		for j := range hs {
			hs[j] = binary.BigEndian.Uint64(frame[fixed+8*j:])
		}
		hashes, size = append(hashes, hs), size+end+4
	}
	return hashes, size
}

// readTail returns the hashes of the keys of each record in the last bundle,
// those that the tail lacks from the log.
func (t tree) readTail() ([][]uint64, error) {
	start := t.head.Size &^ (tileWidth - 1)
	leaves, err := t.leaves(start, t.head.Size)
	if err != nil || len(leaves) == 0 {
		return nil, err
	}
	data, err := durable.ReadFile(t.l.path(tailPath(t.head.Size)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	hashes, _ := splitTail(data, t.l.o.KeysVersion, start, leaves)
	if len(hashes) == len(leaves) {
		return hashes, nil
	}
	records, err := t.checked(start / tileWidth)
	if err != nil {
		return nil, err
	}
	for _, r := range records[len(hashes):] {
		hashes = append(hashes, t.l.hashesOfRecord(r))
	}
	return hashes, nil
}

// stale reports whether the index on disk may lag behind a plan that was
// carried out: it got records, or parts of the index had to be derived.
func (x *index) stale(p *plan) bool {
	return len(p.fresh) > 0 || x.err != nil || slices.ContainsFunc(x.segments, func(s *segment) bool { return s.file == nil })
}

// extend brings the index on disk to a tree that has these records more. Its
// errors are not reported: what is missing is derived again when it is needed.
func (x *index) extend(t tree, fresh []*request) *index {
	if x.err != nil {
		x.close()
		return nil
	}
	pending := x.tail // keys of the records since start
	start := x.t.head.Size &^ (tileWidth - 1)
	for _, q := range fresh {
		pending = append(pending, hashesOf(q.keys))
	}
	have := map[segmentID]*segment{}
	for _, s := range x.segments {
		have[s.id] = s
	}
	for n := start / tileWidth; n < t.head.Size/tileWidth; n++ {
		s := &segment{id: segmentID{0, n}}
		for i, hashes := range pending[:tileWidth] {
			for _, h := range hashes {
				s.postings = append(s.postings, posting{h, n*tileWidth + int64(i)})
			}
		}
		slices.SortFunc(s.postings, comparePostings)
		s.count = int64(len(s.postings))
		have[s.id], pending = s, pending[tileWidth:]
	}
	y := &index{t: t, tail: pending}
	y.err = t.writeSegments(y, have)
	for _, s := range have { // those that were merged
		if !slices.Contains(y.segments, s) {
			s.close()
		}
	}
	if y.err == nil {
		y.err = t.writeTail(pending)
	}
	if y.err != nil {
		y.close()
		return nil
	}
	return y
}

// writeSegments gives y the segments of its tree, made from those in have.
func (t tree) writeSegments(y *index, have map[segmentID]*segment) error {
	ids := segmentsOf(t.head.Size / tileWidth)
	subtrees, err := t.subtrees(ids)
	if err != nil {
		return err
	}
	for i, id := range ids {
		s := have[id]
		if s == nil || s.file == nil {
			parts := parts(id, have)
			if parts == nil {
				d, err := t.derive(id, subtrees[i])
				if err != nil {
					return err
				}
				parts = []*segment{d}
			}
			name := t.l.path(id.path())
			// A log that was moved away meanwhile is not begun anew.
			if err := t.l.disk.Mkdir(t.l.dir, filepath.Dir(name)); err != nil {
				return err
			}
			if err := writeSegment(name, id, subtrees[i], t.l.o.KeysVersion, parts); err != nil {
				return err
			}
			if s, err = openSegment(name, id, subtrees[i], t.l.o.KeysVersion); err != nil {
				return err
			}
			if id.level <= smallLevel {
				if err := s.keep(); err != nil {
					return err
				}
			}
			for _, p := range parts {
				if p.id != id {
					os.Remove(t.l.path(p.id.path()))
				}
			}
			t.l.mu.Lock()
			delete(t.l.derived, id)
			t.l.mu.Unlock()
		}
		y.segments = append(y.segments, s)
	}
	return nil
}

// parts lists the segments in have that make up a segment, or nil.
func parts(id segmentID, have map[segmentID]*segment) []*segment {
	if s := have[id]; s != nil {
		return []*segment{s}
	}
	if id.level == 0 {
		return nil
	}
	var all []*segment
	for i := range int64(fan) {
		some := parts(segmentID{id.level - 1, id.n*fan + i}, have)
		if some == nil {
			return nil
		}
		all = append(all, some...)
	}
	return all
}

// writeTail brings the tail to these keys of the last bundle's records: by
// appending if the file is right so far. It is not synced: a torn frame has a
// wrong checksum.
func (t tree) writeTail(hashes [][]uint64) error {
	start := t.head.Size &^ (tileWidth - 1)
	leaves, err := t.leaves(start, t.head.Size)
	if err != nil {
		return err
	}
	name := t.l.path(tailPath(t.head.Size))
	if err := t.l.disk.Mkdir(t.l.dir, filepath.Dir(name)); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	data := make([]byte, 0)
	if err == nil {
		data = make([]byte, info.Size())
		_, err = f.ReadAt(data, 0)
	}
	if err == nil && len(data) == 0 { // a new one: those of bundles that are full now can go
		files, _ := os.ReadDir(filepath.Dir(name)) // no Glob: the log's own path may look like a pattern
		for _, f := range files {
			if strings.HasPrefix(f.Name(), "tail.") && f.Name() != filepath.Base(name) {
				os.Remove(filepath.Join(filepath.Dir(name), f.Name()))
			}
		}
	}
	if err == nil {
		have, size := splitTail(data, t.l.o.KeysVersion, start, leaves)
		var frames []byte
		for i := len(have); i < len(leaves); i++ {
			frames = appendFrame(frames, t.l.o.KeysVersion, start+int64(i), leaves[i], hashes[i])
		}
		if size < len(data) {
			err = f.Truncate(int64(size))
		}
		if err == nil && len(frames) > 0 {
			_, err = f.WriteAt(frames, int64(size))
		}
	}
	return errors.Join(err, f.Close())
}

// Reindex brings the index on disk up to the log, and writes anew what of it
// is missing or cannot be right. Appending does the same on its way.
func (l *Log) Reindex(ctx context.Context) error {
	unlock, err := l.lock(ctx.Done())
	if err != nil {
		return errors.Join(ctx.Err(), err)
	}
	defer unlock()
	return l.view(ctx, func(t tree) error {
		if err := os.RemoveAll(l.path("index")); err != nil {
			return err
		}
		x := openIndex(t, nil)
		if x.err != nil {
			return x.err
		}
		y := &index{t: t}
		defer y.close()
		if err := t.writeSegments(y, map[segmentID]*segment{}); err != nil {
			return err
		}
		return t.writeTail(x.tail)
	})
}
