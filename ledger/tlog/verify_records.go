package tlog

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"sync"

	sumdb "golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/ledger"
)

// scratch is what checking a bundle needs.
type scratch struct {
	bundle, tile []byte
	records      [][]byte
	leaves       []ledger.Hash
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// load reads a bundle and hashes its records.
func (v *verification) load(s *scratch, n int64) (problem string, err error) {
	b := bundleOf(n, v.t.head.Size)
	s.records, s.leaves = s.records[:0], s.leaves[:0]
	data, problem, err := v.read(tilePath(b), s.bundle)
	if err != nil || problem != "" {
		return problem, err
	}
	s.bundle = data
	if s.records, err = splitBundle(s.records, data, b.W); err != nil {
		return err.Error(), nil
	}
	at := 0
	for _, r := range s.records {
		// The hash of a leaf is that of a zero byte and the record, so let the
		// second byte of its length be that zero: nothing is copied.
		data[at+1] = 0
		s.leaves = append(s.leaves, sha256.Sum256(data[at+1:at+2+len(r)]))
		at += 2 + len(r)
	}
	return "", nil
}

// block checks a bundle, its records, and the tile of their hashes. If they do
// not agree, blame finds out why, once all others are known.
func (v *verification) block(n int64) error {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	problem, err := v.load(s, n)
	if err != nil {
		return err
	}
	tile, tileProblem, err := v.readTile(tileOf(0, n, v.t.head.Size), s.tile)
	if err != nil {
		return err
	}
	s.tile = tile
	if problem == "" {
		v.blocks[n] = root(s.leaves)
	}
	if problem != "" || tileProblem != "" || !holds(tile, s.leaves) {
		v.mu.Lock()
		v.suspects = append(v.suspects, n)
		v.mu.Unlock()
	} else if !v.o.SkipIndex {
		v.keys(n, s)
	}
	v.mu.Lock()
	v.done += int64(bundleOf(n, v.t.head.Size).W)
	done := v.done
	v.mu.Unlock()
	if v.o.Progress != nil && (done%(1<<14) < tileWidth || done == v.t.head.Size) {
		v.o.Progress(done, v.t.head.Size)
	}
	return nil
}

func holds(tile []byte, hs []ledger.Hash) bool {
	for i := range hs {
		if !bytes.Equal(tile[i*sumdb.HashSize:][:sumdb.HashSize], hs[i][:]) {
			return false
		}
	}
	return true
}

// blame tells what is wrong with the suspects. What hashes to the signed root
// is right; so if the records do, it is the tiles that are not.
func (v *verification) blame() error {
	recordsSigned := v.signed()
	if !recordsSigned {
		v.swapped()
	}
	slices.Sort(v.suspects)
	for _, n := range v.suspects {
		if err := v.blameBlock(n, recordsSigned); err != nil {
			return err
		}
	}
	if !v.signed() {
		v.fault("checkpoint", -1, "the records hash to another root than was signed")
	}
	return nil
}

// signedBlock is the hash above a full bundle, if it can be had from tiles that
// hash to the signed root.
func (v *verification) signedBlock(n int64) (ledger.Hash, bool) {
	if (n+1)*tileWidth > v.t.head.Size {
		return ledger.Hash{}, false
	}
	hs, err := v.t.ReadHashes([]int64{sumdb.StoredHashIndex(tileHeight, n)})
	if err != nil {
		return ledger.Hash{}, false
	}
	return hs[0], true
}

// swapped looks for bundles that agree with their tile, but not with the tile
// above: both were changed.
func (v *verification) swapped() {
	for n := range int64(len(v.blocks)) {
		if slices.Contains(v.suspects, n) {
			continue
		}
		if h, ok := v.signedBlock(n); ok && h != v.blocks[n] {
			b := bundleOf(n, v.t.head.Size)
			v.fault(tilePath(b), -1, "records %d to %d are not those that were signed, and neither are their hashes in %s",
				n*tileWidth, (n+1)*tileWidth-1, v.t.l.path(tilePath(tileOf(0, n, v.t.head.Size))))
			v.blocks[n], v.damaged[n] = h, true
		}
	}
}

func (v *verification) blameBlock(n int64, recordsSigned bool) error {
	s := new(scratch)
	problem, err := v.load(s, n)
	if err != nil {
		return err
	}
	b, t := bundleOf(n, v.t.head.Size), tileOf(0, n, v.t.head.Size)
	if problem != "" {
		v.fault(tilePath(b), -1, "%s", problem)
	}
	above, ok := v.signedBlock(n)
	if problem == "" && (recordsSigned || ok && above == v.blocks[n]) {
		if !v.o.SkipIndex {
			v.keys(n, s)
		}
		return v.tile(t, s.leaves)
	}
	v.damaged[n] = true
	if ok {
		v.blocks[n] = above
	}
	leaves, err := v.t.leaves(n*tileWidth, n*tileWidth+int64(b.W))
	if err == nil {
		v.blocks[n] = root(leaves)
		for i := range s.leaves {
			if index := n*tileWidth + int64(i); s.leaves[i] != leaves[i] {
				v.fault(tilePath(b), index, "record %d is not the one that was signed", index)
			}
		}
		return nil
	}
	// Nothing says which of the two is right, if any.
	tile, tileProblem, err := v.readTile(t, nil)
	switch {
	case err != nil:
		return err
	case tileProblem != "":
		v.fault(tilePath(t), -1, "%s", tileProblem)
	case problem != "":
		v.fault(tilePath(t), -1, "does not hash to the signed root")
	default:
		for i := range s.leaves {
			if !holds(tile[i*sumdb.HashSize:], s.leaves[i:i+1]) {
				index := n*tileWidth + int64(i)
				v.fault(tilePath(b), index, "record %d does not have the hash in %s, and neither is proven to be as signed", index, v.t.l.path(tilePath(t)))
			}
		}
	}
	return nil
}

// keys gathers the keys of a bundle's records.
func (v *verification) keys(n int64, s *scratch) {
	at := -1 // segment
	for i, id := range v.segments {
		if first := n * tileWidth; id.from() <= first && first < id.to() {
			at = i
		}
	}
	ids := make([]posting, 0, len(s.records))
	var sum sum
	var tail [][]uint64
	var hashes []uint64
	for i, r := range s.records {
		index := n*tileWidth + int64(i)
		k, err := ledger.Derive(v.t.l.o.KeysOf, r)
		if err != nil {
			v.fault(tilePath(bundleOf(n, v.t.head.Size)), index, "record %d: %v", index, err)
			k = ledger.Keys{}
			hashes = nil
		} else {
			ids = append(ids, posting{idHash(k.ID), index})
			hashes = appendHashes(hashes[:0], k)
		}
		if at >= 0 {
			for _, h := range hashes {
				sum.add(v.seed, posting{h, index})
			}
		} else {
			tail = append(tail, slices.Clone(hashes))
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ids = append(v.ids, ids...)
	if at >= 0 {
		v.sums[at].addAll(sum)
	} else {
		v.tail, v.leaves = tail, slices.Clone(s.leaves)
	}
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
