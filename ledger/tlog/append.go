package tlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"

	sumdb "golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/ledger"
)

// maxBatch is from how many appends on a commit waits for no more of them, and
// the most that come together. So fewer than two times as many share one.
const maxBatch = 1024

// request is an append on its way to the committer.
type request struct {
	ctx    context.Context
	record []byte
	keys   ledger.Keys
	done   chan<- outcome // has room for one

	after   *request // is refused if this one is
	refused bool     // known once it was prepared
}

// errAfter ends a request because the one before it was refused.
var errAfter = errors.New("an earlier record was refused")

type outcome struct {
	receipt ledger.Receipt
	err     error
}

// Append implements ledger.Ledger. Appends that arrive during a commit share
// the next one.
func (l *Log) Append(ctx context.Context, record []byte) (ledger.Receipt, error) {
	receipts, err := l.AppendAll(ctx, [][]byte{record})
	if err != nil {
		return ledger.Receipt{}, err
	}
	return receipts[0], nil
}

// AppendAll implements ledger.Batcher: up to 1024 records share a commit.
func (l *Log) AppendAll(ctx context.Context, records [][]byte) (receipts []ledger.Receipt, err error) {
	if l.o.Signer == nil {
		return nil, ledger.ErrReadOnly
	}
	for err == nil && len(receipts) < len(records) {
		var some []ledger.Receipt
		rest := records[len(receipts):]
		some, err = l.appendSome(ctx, rest[:min(len(rest), maxBatch)])
		receipts = append(receipts, some...)
	}
	return receipts, err
}

// appendSome appends records that fit into one commit.
func (l *Log) appendSome(ctx context.Context, records [][]byte) ([]ledger.Receipt, error) {
	var refusal error // of the first record that is not even tried
	group := make([]*request, 0, len(records))
	done := make([]chan outcome, len(records))
	for i, record := range records {
		keys, err := ledger.Derive(l.o.KeysOf, record)
		if err != nil {
			refusal = err
			break
		}
		done[i] = make(chan outcome, 1)
		// The caller may go and reuse the record before it is written.
		q := &request{ctx: ctx, record: bytes.Clone(record), keys: keys, done: done[i]}
		if i > 0 {
			q.after = group[i-1]
		}
		group = append(group, q)
	}
	if len(group) == 0 {
		return nil, refusal
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if l.isClosed() {
		return nil, ledger.ErrClosed
	}
	select {
	case l.requests <- group:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-l.closing:
		return nil, ledger.ErrClosed
	}
	var receipts []ledger.Receipt
	for i := range group {
		o, err := l.await(ctx, done[i])
		if err == nil {
			err = o.err
		}
		if err != nil {
			return receipts, err
		}
		receipts = append(receipts, o.receipt)
	}
	return receipts, refusal
}

// await waits for what became of a request.
func (l *Log) await(ctx context.Context, done <-chan outcome) (outcome, error) {
	select {
	case o := <-done:
		return o, nil
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	case <-l.stopped:
	}
	select { // its commit may have been the last
	case o := <-done:
		return o, nil
	default:
		return outcome{}, ledger.ErrClosed
	}
}

// committer is what the committing goroutine keeps from one commit to the next.
type committer struct {
	index   *index // of the head committed last
	synced  []byte // the checkpoint whose name is known to be durable
	cleaned bool   // leftovers of killed writers were looked for
}

// commitAll commits batches until the log is closed.
func (l *Log) commitAll() {
	defer close(l.stopped)
	defer func() { l.committer.index.close() }()
	for {
		var batch []*request
		select {
		case group := <-l.requests:
			batch = group
		case <-l.closing:
			return
		}
		// Let those that were just answered, and are ready to run, come along.
		runtime.Gosched()
		for more := true; more && len(batch) < maxBatch; {
			select {
			case group := <-l.requests:
				batch = append(batch, group...)
			default:
				more = false
			}
		}
		l.commit(batch)
	}
}

// commit appends a batch under the lock, and answers each of its requests.
func (l *Log) commit(batch []*request) {
	unlock, err := l.lock(l.closing)
	if err != nil {
		if l.isClosed() {
			err = ledger.ErrClosed
		}
		answer(batch, err)
		return
	}
	defer unlock()
	p, err := l.prepare(batch)
	if err == nil {
		err = l.write(p)
	}
	if err != nil {
		answer(p.open, err)
		return
	}
	for _, q := range p.open {
		q.done <- outcome{receipt: ledger.Receipt{Index: p.index[q], Size: p.head.Size, Known: p.known[q]}}
	}
	if len(p.fresh) > 0 {
		l.witnesses.wake()
	}
	// What follows leaves no one waiting, and no record depends on it: the
	// next writer does it if this one is killed.
	l.clean(p)
	if l.committer.index.stale(p) {
		l.committer.index = l.committer.index.extend(tree{l, p.head}, p.fresh)
	}
}

func answer(batch []*request, err error) {
	for _, q := range batch {
		q.done <- outcome{err: err}
	}
}

// plan is a batch that was held against the log.
type plan struct {
	old   tree       // the tree on disk, checked
	grown overlay    // its frontier, with the new records
	tail  [][]byte   // records of its last bundle, if that is not full
	fresh []*request // records to be added, in order

	open  []*request         // requests that wait for this commit
	index map[*request]int64 // where their records are or will be
	known map[*request]bool  // was there before

	head ledger.Head // once written
}

// prepare checks the log and finds what of a batch is new. Requests that fail by
// themselves are answered at once.
func (l *Log) prepare(batch []*request) (*plan, error) {
	p := &plan{open: batch, index: map[*request]int64{}, known: map[*request]bool{}}
	var err error
	if p.old, err = l.load(); err == nil {
		p.grown, err = p.old.grow()
	}
	if err == nil && p.old.head.Size%tileWidth != 0 {
		p.tail, err = p.old.last(p.grown)
	}
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && !errors.Is(err, ledger.ErrNoLedger) {
			err = missing(err)
		}
		return p, err
	}
	l.committer.index = openIndex(p.old, l.committer.index)

	byID := map[string]*request{}
	p.open = nil
	for _, q := range batch {
		if q.after != nil && q.after.refused {
			q.refused = true
			q.done <- outcome{err: errAfter}
			continue
		}
		index, record, err := l.find(p, byID, q)
		if err == nil {
			err = q.ctx.Err()
		}
		if err == nil && index >= 0 && !bytes.Equal(record, q.record) {
			err = fmt.Errorf("%w: record %d has %q", ledger.ErrConflict, index, q.keys.ID)
		}
		if err != nil {
			q.refused = true
			q.done <- outcome{err: err}
			continue
		}
		p.open = append(p.open, q)
		if index >= 0 {
			p.index[q], p.known[q] = index, true
			continue
		}
		p.index[q] = p.old.head.Size + int64(len(p.fresh))
		byID[q.keys.ID] = q
		p.fresh = append(p.fresh, q)
	}
	return p, nil
}

// find returns the record with the idempotency key of a request, in the log or
// earlier in the batch; index -1 if there is none.
func (l *Log) find(p *plan, byID map[string]*request, q *request) (int64, []byte, error) {
	if same := byID[q.keys.ID]; same != nil {
		return p.index[same], same.record, nil
	}
	for index, err := range l.committer.index.candidates(idHash(q.keys.ID), 0) {
		if err != nil {
			return 0, nil, err
		}
		var record []byte
		if start := p.old.head.Size &^ (tileWidth - 1); index >= start {
			record = p.tail[index-start]
		} else {
			e, err := p.old.entry(index)
			if err != nil {
				return 0, nil, err
			}
			record = e.Record
		}
		if keys, err := ledger.Derive(l.o.KeysOf, record); err == nil && keys.ID == q.keys.ID {
			return index, record, nil
		}
	}
	return -1, nil, nil
}

// write makes the new records of a plan durable.
func (l *Log) write(p *plan) error {
	old := p.old.head
	p.head = old
	if len(p.fresh) == 0 {
		// What is known is acknowledged too, and its writer may have been
		// killed between renaming the checkpoint and syncing the folder.
		if len(p.open) > 0 && !bytes.Equal(l.committer.synced, old.Note) {
			if err := l.disk.SyncDir(l.dir); err != nil {
				return err
			}
			l.committer.synced = old.Note
		}
		return nil
	}
	if !l.committer.cleaned {
		l.sweep(old.Size)
		l.committer.cleaned = true
	}
	size := old.Size
	for _, q := range p.fresh {
		if err := p.grown.add(size, q.record); err != nil {
			return err
		}
		size++
	}
	root, err := sumdb.TreeHash(size, p.grown)
	if err != nil {
		return err
	}
	note, err := l.sign(size, root)
	if err != nil {
		return err
	}
	// All that has to be durable before the commit, in no order: the disk waits
	// once for all of it.
	var g errgroup.Group
	g.SetLimit(16) // they wait for the disk, not for a processor
	var checkpoint, mark string
	defer func() {
		for _, name := range []string{checkpoint, mark} {
			if name != "" {
				l.disk.Remove(name)
			}
		}
	}()
	g.Go(func() (err error) {
		checkpoint, err = l.disk.Stage(l.path("checkpoint"), note)
		return err
	})
	if l.pin != nil {
		g.Go(func() (err error) {
			return l.disk.inFolder("", l.pin.name, func() error {
				mark, err = l.disk.Stage(l.pin.name, note)
				return err
			})
		})
	}
	if err := errors.Join(l.writeTiles(&g, p, size), g.Wait()); err != nil {
		return err
	}
	// The commit. What was written so far is out of reach of readers.
	if err := l.disk.Replace(checkpoint, l.path("checkpoint")); err != nil {
		return err
	}
	checkpoint = ""
	p.head = ledger.Head{Origin: l.origin, Size: size, Root: root, Note: note}
	l.committer.synced = note
	if l.pin != nil {
		raised, err := l.pin.raise(l, p.head, mark, old)
		if err != nil {
			return fmt.Errorf("recorded, but the high-water mark was not raised: %w", err)
		}
		if raised {
			mark = ""
		}
	}
	l.saw(p.head)
	return nil
}

// writeTiles writes the bundles and tiles in which the tree of a size differs
// from the old one.
func (l *Log) writeTiles(g *errgroup.Group, p *plan, size int64) error {
	create := func(t sumdb.Tile, data []byte) {
		name := l.path(tilePath(t))
		g.Go(func() error {
			return l.disk.inFolder(l.dir, name, func() error { return l.disk.Create(name, data) })
		})
	}
	records := slices.Clone(p.tail)
	for _, q := range p.fresh {
		records = append(records, q.record)
	}
	for n := p.old.head.Size / tileWidth; n*tileWidth < size; n++ {
		b := bundleOf(n, size)
		var data []byte
		for _, r := range records[:b.W] {
			data = appendEntry(data, r)
		}
		records = records[b.W:]
		create(b, data)
	}
	for _, t := range sumdb.NewTiles(tileHeight, p.old.head.Size, size) {
		data, err := sumdb.ReadTileData(t, p.grown)
		if err != nil {
			return err
		}
		create(t, data)
	}
	return nil
}

// clean deletes the partial tiles that a commit made needless, those of killed
// writers among them. Errors are left to the next commit: a leftover takes
// space and does no harm.
func (l *Log) clean(p *plan) {
	size := p.head.Size
	if size == p.old.head.Size {
		return
	}
	for level := -1; level <= 0 || size>>(tileHeight*level) > 0; level++ {
		from, to := p.old.head.Size, size
		if level > 0 {
			from, to = from>>(tileHeight*level), to>>(tileHeight*level)
		}
		if from == to {
			continue
		}
		for n := from / tileWidth; n*tileWidth < to; n++ {
			l.cleanTile(tileOf(level, n, size))
		}
	}
}

// cleanTile deletes the other widths of a tile.
func (l *Log) cleanTile(t sumdb.Tile) {
	keep := ""
	partial := t
	if t.W < tileWidth {
		keep = filepath.Base(tilePath(t))
	} else {
		partial.W = 1
	}
	dir := filepath.Dir(l.path(tilePath(partial)))
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		if f.Name() != keep {
			l.disk.Remove(filepath.Join(dir, f.Name()))
		}
	}
	if keep == "" && files != nil {
		l.disk.Remove(dir)
	}
}

// sweep deletes the temporary files of killed writers, from the folders that an
// append to the tree of a size can have written to, and from beside the
// high-water mark. It needs the lock.
func (l *Log) sweep(size int64) {
	dirs := map[string]bool{l.dir: true, l.path("cosigned"): true}
	for level := -1; level <= 0 || size>>(tileHeight*level) > 0; level++ {
		at := size
		if level > 0 {
			at >>= tileHeight * level
		}
		t := sumdb.Tile{H: tileHeight, L: level, N: at / tileWidth, W: 1}
		partials := filepath.Dir(l.path(tilePath(t)))
		dirs[partials], dirs[filepath.Dir(partials)] = true, true
	}
	l.pin.sweep()
	for dir := range dirs {
		files, _ := os.ReadDir(dir)
		for _, f := range files {
			if isTemporary(f.Name()) {
				l.disk.Remove(filepath.Join(dir, f.Name()))
			}
		}
	}
}
