package tlog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	sumdb "golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/ledger"
)

// VerifyOptions say what Verify checks.
type VerifyOptions struct {
	// SkipIndex leaves out what needs the keys of every record: the index, and
	// that no two records have the same idempotency key.
	SkipIndex bool
	// Progress is called now and then with the number of records checked.
	Progress func(done, total int64)
}

// A Report is the outcome of Verify.
type Report struct {
	Head   ledger.Head
	Faults []Fault // in the order of their files; empty if all is well
	More   int     // faults beyond those listed
	// Notes name what is needless or lags but is not wrong: leftovers of killed
	// writers, parts of the index that the next append will write.
	Notes []string

	// Witnessed is how many records, from the first on, are under cosignatures
	// of Options.Quorum witnesses, or of one if that is 0.
	Witnessed int64
	// Cosignatures are the newest that the log has of each of its witnesses.
	Cosignatures []Cosignature
}

// A Fault is something in the folder that cannot be right.
type Fault struct {
	Path    string // of the file
	Index   int64  // of the record, or -1
	Problem string
}

func (f Fault) String() string { return f.Path + ": " + f.Problem }

// maxFaults bounds the list; the rest is counted.
const maxFaults = 100

// Verify recomputes the whole log from its records and compares every file with
// what it must be. An error means that it could not look; what is wrong with
// the log is in the report. Its memory grows by 16 bytes for each key of each
// record, or by nothing to speak of without the index.
func (l *Log) Verify(ctx context.Context, o VerifyOptions) (Report, error) {
	var r Report
	err := l.view(ctx, func(t tree) error {
		v := &verification{t: t, o: o}
		err := v.run(ctx)
		r = v.report()
		return err
	})
	if errors.Is(err, ledger.ErrCorrupt) || errors.Is(err, ledger.ErrRollback) {
		// Of the checkpoint itself: there is nothing to hold the rest against.
		r.Faults = append(r.Faults, Fault{l.path("checkpoint"), -1, err.Error()})
		err = nil
	}
	return r, err
}

type verification struct {
	t tree
	o VerifyOptions

	blocks   []ledger.Hash // tree hash of each bundle's records
	segments []segmentID

	mu       sync.Mutex // guards what follows
	faults   []Fault
	notes    []string
	done     int64
	ids      []posting
	postings [][]posting // by segment
	tail     [][]uint64  // as index.tail
	leaves   []ledger.Hash

	witnessed    int64
	cosignatures []Cosignature
}

func (v *verification) fault(path string, index int64, format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.faults = append(v.faults, Fault{v.t.l.path(path), index, fmt.Sprintf(format, args...)})
}

func (v *verification) note(format string, args ...any) {
	v.notes = append(v.notes, fmt.Sprintf(format, args...))
}

func (v *verification) report() Report {
	slices.SortFunc(v.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Index, b.Index), cmp.Compare(a.Problem, b.Problem))
	})
	slices.Sort(v.notes)
	n := min(len(v.faults), maxFaults)
	return Report{Head: v.t.head, Faults: v.faults[:n], More: len(v.faults) - n, Notes: v.notes, Witnessed: v.witnessed, Cosignatures: v.cosignatures}
}

func (v *verification) run(ctx context.Context) error {
	size := v.t.head.Size
	v.blocks = make([]ledger.Hash, (size+tileWidth-1)/tileWidth)
	v.segments = segmentsOf(size / tileWidth)
	v.postings = make([][]posting, len(v.segments))

	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for n := range v.blocks {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error { return v.block(int64(n)) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := v.uppers(); err != nil {
		return err
	}
	if size > 0 && root(v.blocks) != v.t.head.Root {
		v.fault("checkpoint", -1, "the records hash to another root than was signed")
	}
	if !v.o.SkipIndex {
		v.duplicates()
		v.index()
	}
	if err := v.witnesses(); err != nil {
		return err
	}
	return v.strays()
}

// read reads a file that the log must have. Missing is a fault, unless the log
// has moved on: then Verify begins anew.
func (v *verification) read(path string) ([]byte, error) {
	data, err := os.ReadFile(v.t.l.path(path))
	if errors.Is(err, fs.ErrNotExist) {
		now, err2 := v.t.l.readCheckpoint()
		if err2 != nil || !bytes.Equal(now, v.t.head.Note) {
			return nil, errors.Join(err, err2)
		}
		v.fault(path, -1, "is missing")
		return nil, nil
	}
	return data, err
}

// tile compares a tile with the hashes that it must hold.
func (v *verification) tile(t sumdb.Tile, want []ledger.Hash) error {
	data, err := v.read(tilePath(t))
	if err != nil || data == nil {
		return err
	}
	if len(data) != len(want)*sumdb.HashSize {
		v.fault(tilePath(t), -1, "has %d bytes, want %d", len(data), len(want)*sumdb.HashSize)
		return nil
	}
	for i, h := range want {
		if !bytes.Equal(h[:], data[i*sumdb.HashSize:][:sumdb.HashSize]) {
			v.fault(tilePath(t), t.N*tileWidth+int64(i), "hash %d is not that of the records", t.N*tileWidth+int64(i))
		}
	}
	return nil
}

// block checks a bundle, its records, and the tile of their hashes.
func (v *verification) block(n int64) error {
	b := bundleOf(n, v.t.head.Size)
	data, err := v.read(tilePath(b))
	if err != nil || data == nil {
		return err
	}
	records, err := splitBundle(data, b.W)
	if err != nil {
		v.fault(tilePath(b), -1, "%v", err)
		return nil
	}
	leaves := make([]ledger.Hash, b.W)
	for i, r := range records {
		leaves[i] = ledger.RecordHash(r)
	}
	v.blocks[n] = root(leaves)
	if err := v.tile(tileOf(0, n, v.t.head.Size), leaves); err != nil {
		return err
	}
	if !v.o.SkipIndex {
		v.keys(n, records, leaves)
	}
	v.mu.Lock()
	v.done += int64(b.W)
	done := v.done
	v.mu.Unlock()
	if v.o.Progress != nil && (done%(1<<14) < tileWidth || done == v.t.head.Size) {
		v.o.Progress(done, v.t.head.Size)
	}
	return nil
}

// keys gathers the keys of a bundle's records.
func (v *verification) keys(n int64, records [][]byte, leaves []ledger.Hash) {
	var ids, postings []posting
	var tail [][]uint64
	for i, r := range records {
		index := n*tileWidth + int64(i)
		k, err := ledger.Derive(v.t.l.o.KeysOf, r)
		if err != nil {
			v.fault(tilePath(bundleOf(n, v.t.head.Size)), index, "record %d: %v", index, err)
			tail = append(tail, nil)
			continue
		}
		ids = append(ids, posting{idHash(k.ID), index})
		hashes := hashesOf(k)
		tail = append(tail, hashes)
		for _, h := range hashes {
			postings = append(postings, posting{h, index})
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ids = append(v.ids, ids...)
	for i, s := range v.segments {
		if first := n * tileWidth; s.from() <= first && first < s.to() {
			v.postings[i] = append(v.postings[i], postings...)
			return
		}
	}
	v.tail, v.leaves = tail, leaves
}

// root is the RFC 6962 tree hash above some leaves, or above the roots of
// subtrees of which all but the last are complete and of the same size.
func root(hs []ledger.Hash) ledger.Hash {
	if len(hs) == 1 {
		return hs[0]
	}
	k := 1 << (bits.Len(uint(len(hs)-1)) - 1)
	return sumdb.NodeHash(root(hs[:k]), root(hs[k:]))
}

// uppers checks the tiles above those of the leaves.
func (v *verification) uppers() error {
	hs := v.blocks[:v.t.head.Size/tileWidth]
	for level := 1; len(hs) > 0; level++ {
		var above []ledger.Hash
		for n := 0; n*tileWidth < len(hs); n++ {
			part := hs[n*tileWidth : min(len(hs), (n+1)*tileWidth)]
			if err := v.tile(tileOf(level, int64(n), v.t.head.Size), part); err != nil {
				return err
			}
			if len(part) == tileWidth {
				above = append(above, root(part))
			}
		}
		hs = above
	}
	return nil
}

// duplicates looks for records with the same idempotency key.
func (v *verification) duplicates() {
	slices.SortFunc(v.ids, comparePostings)
	for i := 1; i < len(v.ids); i++ {
		a, b := v.ids[i-1], v.ids[i]
		if a.hash != b.hash {
			continue
		}
		var id [2]string
		for j, p := range []posting{a, b} {
			if e, err := v.t.entry(p.index); err == nil {
				k, _ := ledger.Derive(v.t.l.o.KeysOf, e.Record)
				id[j] = k.ID
			}
		}
		if id[0] == id[1] {
			v.fault(tilePath(bundleOf(b.index/tileWidth, v.t.head.Size)), b.index, "record %d has the idempotency key of record %d, %q", b.index, a.index, id[0])
		}
	}
}

// index compares the index with what it must be. What is missing is no fault:
// a writer may have been killed before it came to that.
func (v *verification) index() {
	version := v.t.l.o.KeysVersion
	for i, id := range v.segments {
		subtree := root(v.blocks[id.from()/tileWidth : id.to()/tileWidth])
		s, err := openSegment(v.t.l.path(id.path()), id, subtree, version)
		if errors.Is(err, fs.ErrNotExist) {
			v.note("%s is not written yet", v.t.l.path(id.path()))
			continue
		}
		if err == nil {
			slices.SortFunc(v.postings[i], comparePostings)
			err = sameSegment(s, v.postings[i])
			s.close()
		}
		if err != nil {
			v.fault(id.path(), -1, "%v", err)
		}
	}
	tailName := tailPath(v.t.head.Size)
	data, err := os.ReadFile(v.t.l.path(tailName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		v.fault(tailName, -1, "%v", err)
		return
	}
	var want []byte
	for i, hashes := range v.tail {
		want = appendFrame(want, version, v.t.head.Size&^(tileWidth-1)+int64(i), v.leaves[i], hashes)
	}
	switch {
	case bytes.Equal(data, want):
	case bytes.HasPrefix(want, data): // it is not synced, so a power failure may tear it
		v.note("%s lacks the last records", v.t.l.path(tailName))
	default:
		v.fault(tailName, -1, "is not derived from the last %d records", len(v.tail))
	}
}

func sameSegment(s *segment, want []posting) error {
	c := s.cursor()
	for {
		p, err := c.peek()
		if err != nil {
			return err
		}
		if p == nil || len(want) == 0 {
			if p != nil || len(want) > 0 {
				return fmt.Errorf("has %d keys, another number than the records", s.count)
			}
			return nil
		}
		if *p != want[0] {
			return fmt.Errorf("says of record %d what its keys do not", p.index)
		}
		c.ps, want = c.ps[1:], want[1:]
	}
}

// strays notes the files of the folder that do not belong to this tree.
func (v *verification) strays() error {
	keep := map[string]bool{"checkpoint": true, "lock": true, tailPath(v.t.head.Size): true}
	for _, id := range v.segments {
		keep[id.path()] = true
	}
	for _, c := range v.t.l.witnesses.cosigners {
		keep[c.path()] = true
	}
	return filepath.WalkDir(v.t.l.dir, func(name string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a writer is at work
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(v.t.l.dir, name)
		if err != nil {
			return err
		}
		switch rel = filepath.ToSlash(rel); {
		case keep[rel], v.isTile(rel):
		case strings.HasPrefix(rel, "cosigned/") && !isTemporary(rel):
			v.note("%s is of a witness that is not known here, and was not checked", name)
		default:
			v.note("%s is not part of the log", name)
		}
		return nil
	})
}

// isTile reports whether a path is that of a tile or bundle of the tree.
func (v *verification) isTile(path string) bool {
	t, ok := parseTilePath(path)
	return ok && t == tileOf(t.L, t.N, v.t.head.Size)
}
