package nuscenes

// An index finds rows by primary key: open addressing, at most three quarters
// full, eight bytes a slot.
type index struct {
	slots []slot
	mask  uint64
}

type slot struct {
	key Token // 0 is free
	row int32
}

func newIndex(rows int) index {
	n := 16
	for 3*n < 4*rows {
		n *= 2
	}
	return index{make([]slot, n), uint64(n - 1)}
}

// find gives the slot of a key: free, or with it.
func (x *index) find(k Token) *slot {
	for i := uint64(k) * 0x9e3779b97f4a7c15 >> 20; ; i++ {
		if s := &x.slots[i&x.mask]; s.key == k || s.key == 0 {
			return s
		}
	}
}

// Find gives the position in Rows of the first record with that primary key.
func (t *Table[T]) Find(k Token) (int32, bool) {
	if len(t.index.slots) == 0 || k == 0 {
		return 0, false
	}
	s := t.index.find(k)
	return s.row, s.key == k
}

// buildIndex indexes the rows by primary key, leaves out rows without one,
// and calls again for each row whose key an earlier row has.
func (t *Table[T]) buildIndex(again func(i, first int32)) {
	t.index = newIndex(len(t.Rows))
	t.distinct = true
	for i := range t.Rows {
		k := t.Row(int32(i)).Token
		if k.Zero() {
			t.keyless = true
			continue
		}
		s := t.index.find(k)
		if s.key == k {
			t.distinct = false
			again(int32(i), s.row)
			continue
		}
		*s = slot{k, int32(i)}
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
