package tlog

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"math/bits"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	sumdb "golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/internal/durable"
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
// what it must be. Where records and hashes contradict each other, it blames
// those that are not under the signature. An error means that it could not
// look; what is wrong with the log is in the report. Its memory grows by 16 bytes for each record, or by
// nothing to speak of without the index.
func (l *Log) Verify(ctx context.Context, o VerifyOptions) (Report, error) {
	var r Report
	err := l.view(ctx, func(t tree) error {
		v := &verification{t: t, o: o, seed: maphash.MakeSeed()}
		err := v.run(ctx)
		r = v.report()
		return err
	})
	if f, ok := faultOf(err); ok {
		// Of the checkpoint itself: there is nothing to hold the rest against.
		r.Faults = append(r.Faults, f)
		err = nil
	}
	return r, err
}

type verification struct {
	t tree
	o VerifyOptions

	seed     maphash.Seed  // of sums
	blocks   []ledger.Hash // tree hash of each bundle's records
	segments []segmentID

	mu       sync.Mutex // guards what follows
	faults   []Fault
	notes    []string
	done     int64
	suspects []int64        // bundles that contradict their tile, or cannot be read
	damaged  map[int64]bool // bundles whose records are not as signed
	ids      []posting
	sums     []sum      // of the postings of each segment
	tail     [][]uint64 // as index.tail
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
	v.segments = segmentsOf(size / tileWidth)
	bundles, err := v.strays()
	if err != nil {
		return err
	}
	blocks := (size + tileWidth - 1) / tileWidth
	if blocks > 2*bundles+tileWidth { // memory for what a checkpoint claims is for those who have something to show
		v.fault("tile/entries", -1, "has %d bundles of the %d that %d records fill", bundles, blocks, size)
		return nil
	}
	v.blocks = make([]ledger.Hash, blocks)
	v.sums = make([]sum, len(v.segments))
	v.damaged = map[int64]bool{}
	if !v.o.SkipIndex {
		v.ids = make([]posting, 0, size)
	}

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
	if err := v.blame(); err != nil {
		return err
	}
	if err := v.uppers(); err != nil {
		return err
	}
	if !v.o.SkipIndex {
		v.duplicates()
		if !v.signed() {
			v.note("the index was not checked: it is that of the records, and they are not as signed")
		} else if err := v.index(); err != nil {
			return err
		}
	}
	return v.witnesses()
}

// read reads a file that the log must have, into a buffer if that is large
// enough. Missing is a fault, unless the log has moved on: then Verify begins
// anew.
func (v *verification) read(path string, buf []byte) (data []byte, problem string, err error) {
	data, err = readInto(v.t.l.path(path), buf)
	if errors.Is(err, fs.ErrNotExist) {
		now, err2 := v.t.l.readCheckpoint()
		if err2 != nil || !bytes.Equal(now, v.t.head.Note) {
			return nil, "", errors.Join(err, err2)
		}
		return nil, "is missing", nil
	}
	return data, "", err
}

// readTile reads a tile of hashes.
func (v *verification) readTile(t sumdb.Tile, buf []byte) (data []byte, problem string, err error) {
	data, problem, err = v.read(tilePath(t), buf)
	if err == nil && problem == "" && len(data) != t.W*sumdb.HashSize {
		problem = fmt.Sprintf("has %d bytes, want %d", len(data), t.W*sumdb.HashSize)
	}
	return data, problem, err
}

// tile finds fault with a tile that does not hold these hashes.
func (v *verification) tile(t sumdb.Tile, want []ledger.Hash) error {
	data, problem, err := v.readTile(t, nil)
	if err != nil {
		return err
	}
	if problem != "" {
		v.fault(tilePath(t), -1, "%s", problem)
		return nil
	}
	for i, h := range want {
		if bytes.Equal(h[:], data[i*sumdb.HashSize:][:sumdb.HashSize]) {
			continue
		}
		if n := t.N*tileWidth + int64(i); t.L == 0 {
			v.fault(tilePath(t), n, "hash of record %d is wrong; the record is as signed", n)
		} else {
			span := int64(1) << (tileHeight * t.L)
			v.fault(tilePath(t), -1, "hash %d, of records %d to %d, is wrong", n, n*span, (n+1)*span-1)
		}
	}
	return nil
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

// signed reports whether the blocks are what the checkpoint says.
func (v *verification) signed() bool {
	return v.t.head.Size == 0 || root(v.blocks) == v.t.head.Root
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

// strays notes the files of the folder that do not belong to this tree, and
// counts the bundles that do.
func (v *verification) strays() (bundles int64, err error) {
	keep := map[string]bool{"checkpoint": true, "lock": true, tailPath(v.t.head.Size): true}
	for _, id := range v.segments {
		keep[id.path()] = true
	}
	for _, c := range v.t.l.witnesses.cosigners {
		keep[c.path()] = true
	}
	err = filepath.WalkDir(v.t.l.dir, func(name string, d fs.DirEntry, err error) error {
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
		case v.isTile(rel):
			if strings.HasPrefix(rel, "tile/entries/") {
				bundles++
			}
		case keep[rel]:
		case strings.HasPrefix(rel, "cosigned/") && !isTemporary(rel):
			v.note("%s is of a witness that is not known here, and was not checked", name)
		default:
			v.note("%s is not part of the log", name)
		}
		return nil
	})
	return bundles, err
}

// isTile reports whether a path is that of a tile or bundle of the tree.
func (v *verification) isTile(path string) bool {
	t, ok := parseTilePath(path)
	return ok && t == tileOf(t.L, t.N, v.t.head.Size)
}

// readInto is os.ReadFile into a buffer, if that is large enough.
func readInto(name string, buf []byte) ([]byte, error) {
	f, err := durable.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if buf = buf[:cap(buf)]; info.Size() >= int64(len(buf)) {
		buf = make([]byte, info.Size()+1) // one more, to see the end
	}
	n := 0
	for n < len(buf) {
		m, err := f.Read(buf[n:])
		n += m
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return buf[:n], nil
}
