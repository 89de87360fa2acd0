package tlog

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io/fs"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/internal/durable"
)

// sum stands for many postings in any order: their number, and the sum of
// their hashes under a seed that is new in every Verify. Two different lots of
// postings have the same sum by a chance of 2^-64, which nobody who does not
// know the seed can better.
type sum struct {
	n     int64
	total uint64
}

func (s *sum) add(seed maphash.Seed, p posting) {
	s.n++
	s.total += maphash.Comparable(seed, p)
}

func (s *sum) addAll(o sum) {
	s.n += o.n
	s.total += o.total
}

// index compares the index with what it must be. What is missing is no fault:
// a writer may have been killed before it came to that.
func (v *verification) index() error {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, id := range v.segments {
		g.Go(func() error { return v.segment(id, v.sums[i]) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return v.indexTail()
}

// unsound notes that a part of the index was not checked, if the bundles that
// it covers are not sound.
func (v *verification) unsound(path string, from, to int64) bool {
	for n := from; n < to; n++ {
		if v.damaged[n] {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.note("%s was not checked: some records that it covers are damaged", v.t.l.path(path))
			return true
		}
	}
	return false
}

func (v *verification) segment(id segmentID, want sum) error {
	from, to := id.from()/tileWidth, id.to()/tileWidth
	if v.unsound(id.path(), from, to) {
		return nil
	}
	subtree := root(v.blocks[from:to])
	s, err := openSegment(v.t.l.path(id.path()), id, subtree, v.t.l.o.KeysVersion)
	if errors.Is(err, fs.ErrNotExist) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.note("%s is not written yet", v.t.l.path(id.path()))
		return nil
	}
	if err != nil {
		v.fault(id.path(), -1, "%v", err)
		return nil
	}
	defer s.close()
	have, err := sumOf(v.seed, s)
	if err == nil && have != want {
		var right *segment
		if right, err = v.t.derive(id, subtree); err != nil {
			return err
		}
		err = difference(s, right.postings)
	}
	if err != nil {
		v.fault(id.path(), -1, "%v", err)
	}
	return nil
}

// sumOf reads a segment, in which postings are in order.
func sumOf(seed maphash.Seed, s *segment) (sum sum, err error) {
	last := posting{index: -1}
	for i := range 1 << s.bits {
		b, err := s.bucket(i)
		if err != nil {
			return sum, err
		}
		for j := range b.len() {
			p := b.at(j)
			if int(p.hash>>(64-s.bits)) != i || comparePostings(last, p) >= 0 {
				return sum, fmt.Errorf("keys of record %d are out of order", p.index)
			}
			last = p
			sum.add(seed, p)
		}
	}
	return sum, nil
}

// difference says where a segment goes wrong.
func difference(s *segment, want []posting) error {
	c := s.cursor()
	for {
		p, err := c.peek()
		if err != nil {
			return err
		}
		switch {
		case p == nil && len(want) == 0:
			return nil // derived from a log that has changed since
		case p == nil || len(want) > 0 && comparePostings(want[0], *p) < 0:
			return fmt.Errorf("lacks a key of record %d", want[0].index)
		case len(want) == 0 || *p != want[0]:
			return fmt.Errorf("has a key of record %d that the record does not have", p.index)
		}
		c.ps, want = c.ps[1:], want[1:]
	}
}

// indexTail compares the tail with the keys of the last bundle's records.
func (v *verification) indexTail() error {
	size := v.t.head.Size
	name := tailPath(size)
	if v.unsound(name, size/tileWidth, int64(len(v.blocks))) {
		return nil
	}
	data, err := durable.ReadFile(v.t.l.path(name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var want []byte
	for i, hashes := range v.tail {
		want = appendFrame(want, v.t.l.o.KeysVersion, size&^(tileWidth-1)+int64(i), v.leaves[i], hashes)
	}
	switch {
	case bytes.Equal(data, want):
	case bytes.HasPrefix(want, data): // it is not synced, so a power failure may tear it
		v.note("%s lacks the last records", v.t.l.path(name))
	case bytes.HasPrefix(data, want) && v.movedOn(): // appended to since, after a newer checkpoint
	default:
		v.fault(name, -1, "is not derived from the last %d records", len(v.tail))
	}
	return nil
}

// movedOn reports whether the log has a newer checkpoint than the one that is
// verified.
func (v *verification) movedOn() bool {
	now, err := v.t.l.readCheckpoint()
	return err == nil && !bytes.Equal(now, v.t.head.Note)
}
