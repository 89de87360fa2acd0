package fingerprint

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"slices"
	"sync"
)

// A sorter sorts records by key in bounded memory: what does not fit is
// spilled in sorted runs, which are merged when read. Its files are unlinked as
// soon as they are open, so that nothing stays behind however the process ends.
type sorter struct {
	ctx   context.Context // of the operation that sorts: ends it also within a merge
	dir   string          // of the runs
	limit int             // bytes held in memory

	mu    sync.Mutex // guards what follows until the first each
	arena []byte
	recs  []record
	runs  []runFile
	later []string // names of runs to remove in the end
	total uint64   // records taken
}

// A record is a key and a value, one after the other in the arena.
type record struct{ at, key, val int }

// perRecord is what a record costs beside its bytes.
const perRecord = 24

func newSorter(ctx context.Context, o *Options) *sorter {
	return &sorter{ctx: ctx, dir: o.TempDir, limit: o.Memory}
}

// add takes a record. It may be called from many goroutines.
func (s *sorter) add(key, val []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.room(len(key) + len(val)); err != nil {
		return err
	}
	at := len(s.arena)
	s.arena = append(append(s.arena, key...), val...)
	s.took(at, len(key))
	return nil
}

// addRow is add for a row by its path.
func (s *sorter) addRow(r *row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.room(len(r.path) + r.size()); err != nil {
		return err
	}
	at := len(s.arena)
	s.arena = r.append(append(s.arena, r.path...))
	s.took(at, len(r.path))
	return nil
}

// room spills what is in memory if n bytes more would be too many.
func (s *sorter) room(n int) error {
	if len(s.recs) > 0 && len(s.arena)+n+(len(s.recs)+1)*perRecord > s.limit {
		return s.spill()
	}
	return nil
}

// took notes a record that was put into the arena.
func (s *sorter) took(at, key int) {
	s.total++
	s.recs = append(s.recs, record{at, key, len(s.arena) - at - key})
}

func (s *sorter) keyOf(r record) []byte { return s.arena[r.at : r.at+r.key] }
func (s *sorter) valOf(r record) []byte { return s.arena[r.at+r.key:][:r.val] }

// sort orders the records in memory. Equal keys stay in the order of arrival,
// which is that of the arena.
func (s *sorter) sort() {
	slices.SortFunc(s.recs, func(a, b record) int {
		return cmp.Or(bytes.Compare(s.keyOf(a), s.keyOf(b)), cmp.Compare(a.at, b.at))
	})
}

// spill writes the records in memory as a run.
func (s *sorter) spill() error {
	if len(s.runs) == maxRuns {
		if err := s.compact(); err != nil {
			return err
		}
	}
	s.sort()
	run, err := s.writeRun(func(emit func(key, val []byte) error) error {
		for _, r := range s.recs {
			if err := emit(s.keyOf(r), s.valOf(r)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.runs = append(s.runs, run)
	s.arena, s.recs = s.arena[:0], s.recs[:0]
	return nil
}

// each calls fn with every record in the order of the keys; of equal keys,
// those added first come first. The slices are valid until fn returns. No
// record may be added once each was called; it may be called again, but not
// while it runs.
func (s *sorter) each(fn func(key, val []byte) error) error {
	if len(s.runs) > 0 {
		if len(s.recs) > 0 {
			if err := s.spill(); err != nil {
				return err
			}
		}
		s.arena, s.recs = nil, nil
		n := uint64(0)
		if err := s.merge(s.runs, func(key, val []byte) error {
			n++
			return fn(key, val)
		}); err != nil {
			return err
		}
		if n != s.total {
			return fmt.Errorf("sorting on disk lost %d of %d records", s.total-n, s.total)
		}
		return nil
	}
	s.sort()
	for _, r := range s.recs {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if err := fn(s.keyOf(r), s.valOf(r)); err != nil {
			return err
		}
	}
	return nil
}

// seq is each as a sequence, which an error ends.
func (s *sorter) seq() iter.Seq2[pair, error] {
	return func(yield func(pair, error) bool) {
		err := s.each(func(key, val []byte) error {
			if !yield(pair{key, val}, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(pair{}, err)
		}
	}
}

// A pair is a record as it is read, valid until the next.
type pair struct{ key, val []byte }

// errStop ends an iteration early.
var errStop = errors.New("stop")

// eachRow is each for rows keyed by their path.
func (s *sorter) eachRow(fn func(r *row) error) error {
	return s.each(func(key, val []byte) error {
		r, err := parseRow(key, val)
		if err != nil {
			return err
		}
		return fn(&r)
	})
}

// close gives back memory and disk.
func (s *sorter) close() {
	for _, f := range s.runs {
		f.Close()
	}
	for _, name := range s.later {
		os.Remove(name)
	}
	s.arena, s.recs, s.runs, s.later = nil, nil, nil, nil
}
