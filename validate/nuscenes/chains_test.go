package nuscenes

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func always64(int32) int64 { return 0 }

// judged judges the links of rows in the given groups. Rows are keyframes, a
// second apart in the order of their numbers.
func judged(group, next, prev Column, gaps bool) *Chain {
	groups := 0
	for _, g := range group {
		groups = max(groups, int(g)+1)
	}
	return judge(chainInput{
		table: "sample", next: next, prev: prev, group: group, groups: groups,
		sound: func(int32) bool { return true }, gaps: gaps,
		time: func(i int32) int64 { return int64(i) },
	})
}

// chains gives links that make one list of each group, in the order of the rows.
func chains(group Column) (next, prev Column) {
	next, prev = make(Column, len(group)), make(Column, len(group))
	last := map[int32]int32{}
	for i, g := range group {
		next[i], prev[i] = Empty, Empty
		if before, ok := last[g]; ok {
			next[before], prev[i] = int32(i), before
		}
		last[g] = int32(i)
	}
	return next, prev
}

// sound is the plain definition: every group is one list.
func sound(group, next, prev Column) bool {
	heads, seen := map[int32]int{}, 0
	for i := range group {
		if prev[i] == Empty {
			heads[group[i]]++
			for row, n := int32(i), 0; ; n++ {
				if n > len(group) {
					return false
				}
				seen++
				to := next[row]
				if to == Empty {
					break
				}
				if to < 0 || group[to] != group[i] || prev[to] != row {
					return false
				}
				row = to
			}
		}
	}
	for _, n := range heads {
		if n != 1 {
			return false
		}
	}
	return seen == len(group)
}

// TestEveryChain judges every way in which a few rows can be linked: a fault
// is found exactly where the rows are not one list for each group.
func TestEveryChain(t *testing.T) {
	for _, group := range []Column{{0}, {0, 0}, {0, 0, 0}, {0, 0, 1}, {0, 1, 0, 1}} {
		values := []int32{Empty, Dangling}
		for i := range group {
			values = append(values, int32(i))
		}
		if len(group) == 4 {
			values = slices.Delete(values, 1, 2) // 5^8 are enough
		}
		next, prev := make(Column, len(group)), make(Column, len(group))
		links := func(k int) *int32 {
			if k < len(group) {
				return &next[k]
			}
			return &prev[k-len(group)]
		}
		var all func(k int)
		all = func(k int) {
			if k == 2*len(group) {
				c := judged(group, next, prev, true)
				if good := sound(group, next, prev); good != (len(c.Faults) == 0) {
					t.Fatalf("groups %v, next %v, prev %v: faults %+v", group, next, prev, c.Faults)
				}
				for g := range int32(c.Groups()) {
					if c.Sound(g) && (c.Head(g) < 0 || c.Tail(g) < 0) {
						t.Fatalf("groups %v, next %v, prev %v: a sound group without ends", group, next, prev)
					}
				}
				return
			}
			for _, v := range values {
				*links(k) = v
				all(k + 1)
			}
		}
		all(0)
	}
}

// TestOneLink changes each single link of sound chains to each other value:
// one fault must be found, at the row whose link was changed.
func TestOneLink(t *testing.T) {
	group := Column{0, 0, 0, 0, 0, 1, 1, 1, 1}
	for row := range group {
		for _, field := range []string{"next", "prev"} {
			for to := Dangling - 1; to < int32(len(group)); to++ {
				next, prev := chains(group)
				link := &next[row]
				if field == "prev" {
					link = &prev[row]
				}
				was := *link
				if *link == to {
					continue
				}
				*link = to
				name := fmt.Sprintf("%s of %d is %d, was %d", field, row, to, was)
				c := judged(group, next, prev, true)
				if len(c.Faults) != 1 {
					t.Errorf("%s: faults %+v", name, c.Faults)
					continue
				}
				f := c.Faults[0]
				want := ChainAsymmetric
				switch {
				case to == Dangling:
					want = ChainDangling
				case to >= 0 && group[to] != group[row]:
					want = ChainCrosses
				case to >= 0 && (field == "next") == (int(to) <= row), to == int32(row):
					want = ChainCycle
				}
				if f.Kind != want {
					t.Errorf("%s: kind %d, want %d", name, f.Kind, want)
				}
				if to == Empty { // the link that lost its answer speaks
					if f.Row != was {
						t.Errorf("%s: found at %d", name, f.Row)
					}
				} else if int(f.Row) != row || f.Field != field {
					t.Errorf("%s: found at %s of %d", name, f.Field, f.Row)
				}
				if f.Kind == ChainAsymmetric && to != Empty && was >= 0 && f.Want != was {
					t.Errorf("%s: should be %d", name, f.Want)
				}
			}
		}
	}
}

// TestTwoLinks judges faults that take more than one link.
func TestTwoLinks(t *testing.T) {
	for _, x := range []struct {
		name       string
		group      Column
		edit       func(next, prev Column)
		without    bool // gaps are not asked for
		kind       ChainKind
		row, other int32
		field      string
		n          int
		head, tail int32
	}{
		{
			name: "cut", group: Column{0, 0, 0, 0}, kind: ChainEnds, row: 2, other: 0, n: 2, head: Unknown, tail: Unknown,
			edit: func(next, prev Column) { next[1], prev[2] = Empty, Empty },
		},
		{
			name: "left out", group: Column{0, 0, 0, 0}, kind: ChainGap, row: 2, other: 1, head: 0, tail: 3,
			edit: func(next, prev Column) { next[1], prev[3], next[2], prev[2] = 3, 1, Empty, Empty },
		},
		{
			name: "left out, gaps not asked for", group: Column{0, 0, 0, 0}, without: true, kind: ChainEnds, row: 2, other: 0, n: 2, head: Unknown, tail: Unknown,
			edit: func(next, prev Column) { next[1], prev[3], next[2], prev[2] = 3, 1, Empty, Empty },
		},
		{
			name: "alone at the end", group: Column{0, 0, 0, 0}, kind: ChainEnds, row: 3, other: 0, n: 2, head: Unknown, tail: Unknown,
			edit: func(next, prev Column) { next[2], prev[3] = Empty, Empty },
		},
		{
			name: "ring", group: Column{0, 0, 0, 0}, kind: ChainCycle, row: 0, other: 1, field: "next", n: 4, head: Unknown, tail: Unknown,
			edit: func(next, prev Column) { next[3], prev[0] = 0, 3 },
		},
		{
			name: "ring within", group: Column{0, 0, 0, 0, 0}, kind: ChainCycle, row: 1, other: 2, field: "next", n: 3, head: Unknown, tail: Unknown,
			edit: func(next, prev Column) { next[3], prev[1] = 1, 3 },
		},
		{
			name: "alone with itself", group: Column{0, 0, 0, 0}, kind: ChainCycle, row: 1, other: 1, field: "next", n: 1, head: Unknown, tail: Unknown,
			edit: func(next, prev Column) { next[1], prev[1] = 1, 1 },
		},
		{
			name: "joined", group: Column{0, 0, 1, 1}, kind: ChainCrosses, row: 1, other: 2, field: "next", head: Unknown, tail: Unknown,
			edit: func(next, prev Column) { next[1], prev[2] = 2, 1 },
		},
		{
			name: "passed over, and still linked", group: Column{0, 0, 0, 0, 0}, kind: ChainAsymmetric, row: 2, other: 3, field: "next", head: Unknown, tail: Unknown,
			edit: func(next, prev Column) { next[1], prev[3] = 3, 1 },
		},
		{
			name: "tangled", group: Column{0, 0, 0, 0}, kind: ChainAsymmetric, row: 0, other: 1, field: "next", head: Unknown, tail: Unknown,
			edit: func(next, prev Column) {
				next[0], next[1], next[2], next[3] = 1, Empty, 3, Empty
				prev[0], prev[1], prev[2], prev[3] = Empty, 2, Empty, 0
			},
		},
	} {
		t.Run(x.name, func(t *testing.T) {
			next, prev := chains(x.group)
			x.edit(next, prev)
			c := judged(x.group, next, prev, !x.without)
			if len(c.Faults) == 0 {
				t.Fatal("no fault")
			}
			f := c.Faults[0]
			if f.Kind != x.kind || f.Row != x.row || f.Other != x.other || f.Field != x.field || f.N != x.n {
				t.Errorf("fault %+v", c.Faults)
			}
			for _, other := range c.Faults {
				if other.Kind != f.Kind {
					t.Errorf("several kinds: %+v", c.Faults)
				}
			}
			if c.Head(0) != x.head || c.Tail(0) != x.tail {
				t.Errorf("head %d, tail %d", c.Head(0), c.Tail(0))
			}
			if c.Sound(0) {
				t.Error("sound")
			}
		})
	}
}

// TestStrayRow gives a row inside a chain the wrong group: it is named once,
// and no longer trusted.
func TestStrayRow(t *testing.T) {
	group := Column{0, 0, 0, 0, 1, 1}
	next, prev := chains(group)
	group = slices.Clone(group)
	group[2] = 1
	c := judged(group, next, prev, true)
	if len(c.Faults) != 1 || c.Faults[0].Kind != ChainCrosses || c.Faults[0].Row != 2 || c.Faults[0].Field != "" {
		t.Fatalf("faults %+v", c.Faults)
	}
	for i := range group {
		if trusted := c.Trusted(int32(i)) >= 0; trusted == (i == 2) {
			t.Errorf("row %d trusted: %v", i, trusted)
		}
	}
}

// TestUnknownRows checks that rows which cannot be judged raise nothing, and
// leave the rest of their chain without a verdict on its ends.
func TestUnknownRows(t *testing.T) {
	group := Column{0, 0, 0, 0}
	next, prev := chains(group)
	next[1] = Unknown
	if c := judged(group, next, prev, true); len(c.Faults) != 0 || c.Sound(0) {
		t.Errorf("an unreadable link: %+v", c.Faults)
	}
	next, prev = chains(group)
	if c := judged(Column{0, Unknown, 0, 0}, next, prev, true); len(c.Faults) != 0 || c.Sound(0) {
		t.Errorf("an unknown group: %+v", c.Faults)
	}
	c := judge(chainInput{
		next: Column{1, 2, Empty, 2}, prev: Column{Empty, 0, 1, 0}, group: Column{0, 0, 0, 0}, groups: 1,
		sound: func(i int32) bool { return i != 3 }, time: always64, // row 3 repeats row 1
	})
	if len(c.Faults) != 0 || c.Sound(0) {
		t.Errorf("a row that repeats another's key: %+v", c.Faults)
	}
}

// TestChainsAtRandom compares the judge with the definition on longer chains
// with several changes.
func TestChainsAtRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		group := make(Column, 2+r.IntN(12))
		for i := range group {
			group[i] = int32(r.IntN(3))
		}
		next, prev := chains(group)
		for range r.IntN(4) {
			link := &next[r.IntN(len(group))]
			if r.IntN(2) == 0 {
				link = &prev[r.IntN(len(group))]
			}
			*link = int32(r.IntN(len(group)+2)) - 2
		}
		c := judged(group, next, prev, r.IntN(2) == 0)
		if sound(group, next, prev) != (len(c.Faults) == 0) {
			t.Fatalf("groups %v, next %v, prev %v: faults %+v", group, next, prev, c.Faults)
		}
	}
}
