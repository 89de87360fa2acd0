package nuscenes

import "encoding/binary"

// An index finds rows by primary key: open addressing over row numbers, at
// most half full, four bytes a slot. Keys are compared in the rows themselves.
type index struct {
	slots []int32 // row + 1; 0 is free
	mask  uint64
}

func newIndex(rows int) index {
	n := 16
	for n < 2*rows {
		n *= 2
	}
	return index{make([]int32, n), uint64(n - 1)}
}

// hash mixes a token, which need not be random: keys come from the data.
func hash(k *Token) uint64 {
	a, b := binary.LittleEndian.Uint64(k[:8]), binary.LittleEndian.Uint64(k[8:])
	h := (a ^ b>>29 ^ b<<35) * 0x9e3779b97f4a7c15
	return (h ^ h>>32) * 0xd6e8feb86659fd93 >> 16
}

// Find gives the position in Rows of the first record with that primary key.
func (t *Table[T]) Find(k Token) (int32, bool) {
	if len(t.index.slots) == 0 {
		return 0, false
	}
	for s := hash(&k) & t.index.mask; ; s = (s + 1) & t.index.mask {
		i := t.index.slots[s] - 1
		if i < 0 {
			return 0, false
		}
		if t.Row(i).Token == k {
			return i, true
		}
	}
}

// buildIndex indexes the rows by primary key, leaves out rows without one,
// and calls again for each row whose key an earlier row has.
func (t *Table[T]) buildIndex(again func(i, first int32)) {
	t.index = newIndex(len(t.Rows))
	for i := range t.Rows {
		k := t.Row(int32(i)).Token
		if k.Zero() {
			t.keyless = true
			continue
		}
		s := hash(&k) & t.index.mask
		for t.index.slots[s] != 0 && t.Row(t.index.slots[s]-1).Token != k {
			s = (s + 1) & t.index.mask
		}
		if first := t.index.slots[s] - 1; first >= 0 {
			again(int32(i), first)
			continue
		}
		t.index.slots[s] = int32(i) + 1
	}
}
