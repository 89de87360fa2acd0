package nuscenes

import "github.com/mmaudit/mmaudit/internal/hugepage"

// An index finds rows by primary key. Of a large table it is a list by token,
// for the tokens of rows that follow one another lie side by side; of a small
// one, open addressing, at most three quarters full.
type index struct {
	rows  []int32 // by token: the row + 1
	slots []slot
	mask  uint64
}

type slot struct {
	key Token // 0 is free
	row int32
}

// newIndex makes an index of so many rows, whose tokens are below span.
func newIndex(rows, span int) index {
	if rows*8 >= span {
		return index{rows: hugepage.Make[int32](span, span)}
	}
	n := 16
	for 3*n < 4*rows {
		n *= 2
	}
	return index{slots: make([]slot, n), mask: uint64(n - 1)}
}

// find gives the slot of a key: free, or with it.
func (x *index) find(k Token) *slot {
	for i := uint64(k) * 0x9e3779b97f4a7c15 >> 20; ; i++ {
		if s := &x.slots[i&x.mask]; s.key == k || s.key == 0 {
			return s
		}
	}
}

// add adds a row, unless there is one with that key, which it gives.
func (x *index) add(k Token, row int32) (first int32, ok bool) {
	if x.rows != nil {
		if first := x.rows[k]; first > 0 {
			return first - 1, false
		}
		x.rows[k] = row + 1
		return row, true
	}
	s := x.find(k)
	if s.key == k {
		return s.row, false
	}
	*s = slot{k, row}
	return row, true
}

// Find gives the position in Rows of the first record with that primary key.
func (t *Table[T]) Find(k Token) (int32, bool) {
	x := &t.index
	if x.rows != nil {
		if int(k) >= len(x.rows) || x.rows[k] == 0 {
			return 0, false
		}
		return x.rows[k] - 1, true
	}
	if len(x.slots) == 0 || k == 0 {
		return 0, false
	}
	s := x.find(k)
	return s.row, s.key == k
}

// buildIndex indexes the rows by primary key, leaves out rows without one,
// and calls again for each row whose key an earlier row has. Tokens are below
// span.
func (t *Table[T]) buildIndex(span int, again func(i, first int32)) {
	t.index = newIndex(len(t.Rows), span)
	t.distinct = true
	for i := range int32(len(t.Rows)) {
		k := t.Row(i).Token
		if k.Zero() {
			t.keyless = true
			continue
		}
		if first, ok := t.index.add(k, i); !ok {
			t.distinct = false
			again(i, first)
		}
	}
}

// A follower finds rows that are named one after the other: the row that was
// named before, or the one behind it, often comes next.
type follower[T any] struct {
	t    *Table[T]
	last int32
}

func (f *follower[T]) find(k Token) (int32, bool) {
	if f.t.distinct {
		for i := f.last; i <= f.last+1 && int(i) < len(f.t.Rows); i++ {
			if f.t.Row(i).Token == k {
				f.last = i
				return i, true
			}
		}
	}
	i, ok := f.t.Find(k)
	if ok {
		f.last = i
	}
	return i, ok
}
