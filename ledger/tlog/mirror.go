package tlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"

	sumdb "golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/ledger"
)

// mirrorStep is how many bundles are written before more is read.
const mirrorStep = 4

// A mirroring brings a folder to the head of another ledger.
type mirroring struct {
	*Log
	from  ledger.Ledger
	head  ledger.Head // of the other ledger
	old   tree        // the folder as it was
	reuse bool        // bundles that lie there already are believed until the root is known
	done  func(records int64)

	size  int64 // so many records are written
	grown overlay
	tail  [][]byte // records of the last bundle, if that is not full
	next  func() (ledger.Entry, error, bool)
}

// Mirror makes, in a folder that it creates if need be, a log with the records
// of another ledger up to a head of it, whose signed checkpoint it takes over
// word for word; or brings a log that is there up to it. Such a log is read as
// any other, with the keys of the other ledger.
//
// It is ledger.ErrRollback, and nothing is changed, if the log that is there does
// not lie within the other ledger: it has more records, or others. A head that is
// not signed by a key of Options.Verifiers, or does not fit the records, is
// ledger.ErrCorrupt.
//
// The checkpoint comes last. What was cut short leaves the log as it was, or
// tiles without a checkpoint, and goes on where it was when it is called again.
// Progress, if not nil, is told how many records are there.
func Mirror(ctx context.Context, dir string, o Options, from ledger.Ledger, head ledger.Head, progress func(records int64)) error {
	return mirror(ctx, dir, o, from, head, progress, durably)
}

func mirror(ctx context.Context, dir string, o Options, from ledger.Ledger, head ledger.Head, progress func(int64), d disk) error {
	if err := d.Mkdir("", dir); err != nil {
		return err
	}
	o.Signer = nil
	l, err := newLog(dir, o, d)
	if err != nil {
		return err
	}
	m := &mirroring{Log: l, from: from, done: progress, reuse: true}
	if m.done == nil {
		m.done = func(int64) {}
	}
	if m.head, err = l.parseCheckpoint(head.Note); err != nil {
		return fmt.Errorf("%w: the checkpoint %w", ledger.ErrCorrupt, err)
	}
	if m.head.Size != head.Size || m.head.Root != head.Root {
		return fmt.Errorf("%w: the checkpoint is not that of the head with %d records", ledger.ErrInvalid, head.Size)
	}
	unlock, err := l.lock(ctx.Done())
	if err != nil {
		return errors.Join(ctx.Err(), err)
	}
	defer unlock()
	if err := m.begin(ctx); err != nil {
		return err
	}
	err = m.write(ctx)
	if errors.Is(err, errOtherRoot) && m.reuse {
		m.reuse = false // what a killed mirroring left may be torn
		err = m.write(ctx)
	}
	return err
}

// begin reads what is there, and holds it against the other ledger.
func (m *mirroring) begin(ctx context.Context) error {
	m.old = tree{m.Log, ledger.Head{Origin: m.origin, Root: ledger.EmptyRoot()}}
	if _, err := os.Lstat(m.path("checkpoint")); err == nil {
		if m.old, err = m.load(); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	seen, err := m.pin.read(m.Log, m.old.head)
	if err != nil {
		return err
	}
	for _, have := range []ledger.Head{m.old.head, seen} {
		if err := m.holds(ctx, have); err != nil {
			return err
		}
	}
	return nil
}

// holds refuses another ledger that does not begin with what was seen of it.
func (m *mirroring) holds(ctx context.Context, have ledger.Head) error {
	if have.Size > m.head.Size {
		return fmt.Errorf("%w: it has %d records, and the mirror %s had %d of them", ledger.ErrRollback, m.head.Size, m.dir, have.Size)
	}
	proof, err := m.from.ProveConsistency(ctx, m.head.Size, have.Size)
	if err != nil {
		return err
	}
	if ledger.CheckConsistency(proof, m.head.Size, m.head.Root, have.Size, have.Root) != nil {
		return fmt.Errorf("%w: its first %d records are not those of the mirror %s", ledger.ErrRollback, have.Size, m.dir)
	}
	return nil
}

var errOtherRoot = fmt.Errorf("%w: the records do not hash to the root that was signed", ledger.ErrCorrupt)

// write writes all records that are missing, and then the checkpoint.
func (m *mirroring) write(ctx context.Context) (err error) {
	if bytes.Equal(m.old.head.Note, m.head.Note) {
		m.done(m.head.Size)
		return nil
	}
	m.size, m.tail = m.old.head.Size, nil
	if m.grown, err = m.old.grow(); err == nil && m.size%tileWidth != 0 {
		m.tail, err = m.old.last(m.grown)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = missing(err)
	}
	if err != nil {
		return err
	}
	m.sweep(m.size)
	stop := func() {}
	defer func() { stop() }()
	reuse := m.reuse
	for m.size < m.head.Size {
		m.done(m.size)
		var fresh [][]byte
		to := min(m.head.Size, (m.size/tileWidth+mirrorStep)*tileWidth)
		for at := m.size; at < to; {
			n := at / tileWidth
			if reuse {
				if records := m.left(n); records != nil {
					fresh = append(fresh, records[at%tileWidth:]...)
					at = (n + 1) * tileWidth
					continue
				}
				reuse = false
			}
			if m.next == nil {
				m.next, stop = iter.Pull2(m.from.Scan(ctx, m.head.Size, at))
			}
			e, err, ok := m.next()
			if err != nil {
				return err
			}
			if !ok || e.Index != at {
				return fmt.Errorf("%w: record %d was not given", ledger.ErrCorrupt, at)
			}
			fresh = append(fresh, e.Record)
			at++
		}
		if err := m.step(fresh); err != nil {
			return err
		}
	}
	m.next = nil
	root, err := sumdb.TreeHash(m.size, m.grown)
	if err != nil {
		return err
	}
	if root != m.head.Root {
		return errOtherRoot
	}
	return m.commit()
}

// left reads a full bundle that a mirroring before this one has left, or nil.
func (m *mirroring) left(n int64) [][]byte {
	b := bundleOf(n, m.head.Size)
	if b.W < tileWidth {
		return nil
	}
	records, err := m.bundle(b)
	if err != nil {
		return nil
	}
	return records
}

// step adds records to the tree, and writes the bundles and tiles that are full
// or will not become so.
func (m *mirroring) step(fresh [][]byte) error {
	var g errgroup.Group
	g.SetLimit(16)
	create := func(t sumdb.Tile, data []byte) {
		name := m.path(tilePath(t))
		g.Go(func() error {
			return m.disk.inFolder(m.dir, name, func() error { return m.disk.Create(name, data) })
		})
	}
	from := m.size
	for _, r := range fresh {
		if err := m.grown.add(m.size, r); err != nil {
			return err
		}
		m.size++
	}
	end := m.size == m.head.Size
	records := append(slices.Clip(m.tail), fresh...)
	for n := from / tileWidth; n*tileWidth < m.size; n++ {
		b := bundleOf(n, m.size)
		var data []byte
		for _, r := range records[:b.W] {
			data = appendEntry(data, r)
		}
		records = records[b.W:]
		create(b, data)
	}
	m.tail = nil // a step ends with a bundle, or at the end
	tiles := slices.DeleteFunc(sumdb.NewTiles(tileHeight, from, m.size), func(t sumdb.Tile) bool { return t.W < tileWidth })
	for level := 0; end && m.size>>(tileHeight*level) > 0; level++ {
		// The last step may not have touched those of higher levels.
		n := m.size >> (tileHeight * level)
		if w := int(n % tileWidth); w > 0 {
			tiles = append(tiles, sumdb.Tile{H: tileHeight, L: level, N: n / tileWidth, W: w})
		}
	}
	for _, t := range tiles {
		data, err := sumdb.ReadTileData(t, m.grown)
		if err != nil {
			return errors.Join(err, g.Wait())
		}
		create(t, data)
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if end {
		return nil
	}
	// What lies behind the frontier is needed no more.
	keep := overlay{}
	for _, x := range frontier(m.size) {
		keep[x] = m.grown[x]
	}
	m.grown = keep
	return nil
}

// commit makes the checkpoint of the other ledger that of this log.
func (m *mirroring) commit() error {
	if err := m.disk.WriteFile(m.dir, m.path("checkpoint"), m.head.Note); err != nil {
		return err
	}
	t := tree{m.Log, m.head}
	m.saw(m.head)
	if m.pin != nil {
		if _, err := m.pin.raise(m.Log, m.head, "", m.old.head); err != nil {
			return fmt.Errorf("mirrored, but the high-water mark was not raised: %w", err)
		}
	}
	// What follows is derived or needless; see Log.commit.
	m.clean(&plan{old: m.old, head: m.head})
	t.reindex(m.old.head.Size)
	m.done(m.size)
	return nil
}

// reindex brings the index on disk from the tree of an older size to this one.
// Its errors are not reported: what is missing is derived when it is needed.
func (t tree) reindex(old int64) {
	before, after := segmentsOf(old/tileWidth), segmentsOf(t.head.Size/tileWidth)
	ids := slices.Concat(before, after)
	subtrees, err := t.subtrees(ids)
	if err != nil {
		return
	}
	have := map[segmentID]*segment{}
	for i, id := range ids {
		if have[id] != nil {
			continue
		}
		if s, err := openSegment(t.l.path(id.path()), id, subtrees[i], t.l.o.KeysVersion); err == nil {
			defer s.close()
			have[id] = s
		}
	}
	y := &index{t: t}
	defer y.close()
	if t.writeSegments(y, have) != nil {
		return
	}
	for _, id := range before {
		if !slices.Contains(after, id) { // a larger one has what it had
			os.Remove(t.l.path(id.path()))
		}
	}
	if tail, err := t.readTail(); err == nil {
		t.writeTail(tail)
	}
}
