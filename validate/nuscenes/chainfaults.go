package nuscenes

import (
	"cmp"
	"slices"
)

// A chainInput is what judge needs to know of a table.
type chainInput struct {
	table      string
	next, prev Column
	group      Column
	groups     int
	sound      func(int32) bool
	gaps       bool // look for keyframes that were left out
	time       func(int32) int64
	keyframe   func(int32) bool // nil: every row is one
}

// Bits of a row whose link is known to be wrong, or cannot be judged.
const (
	badNext = 1 << iota
	badPrev
)

type chainJudge struct {
	chainInput
	*Chain
	bad []uint8 // by row
}

func judge(in chainInput) *Chain {
	j := chainJudge{chainInput: in, bad: make([]uint8, len(in.next)), Chain: &Chain{
		Table: in.table, Next: in.next, Prev: in.prev, Group: in.group,
		heads: make(Column, in.groups), tails: make(Column, in.groups),
		faulty: make([]bool, in.groups), missing: make([]bool, in.groups),
	}}
	j.single()
	j.crosses()
	seen := newColumn(len(in.next))
	j.cycles(seen, j.next, j.prev, badNext, badPrev, "next")
	clear(seen)
	j.cycles(seen, j.prev, j.next, badPrev, badNext, "prev")
	j.asymmetric()
	j.ends()
	slices.SortStableFunc(j.Faults, func(a, b ChainFault) int { return cmp.Compare(a.Row, b.Row) })
	return j.Chain
}

func (j *chainJudge) fault(f ChainFault) {
	j.Faults = append(j.Faults, f)
	j.taint(f.Row)
}

// taint says that the group of a row is no longer judged as a whole.
func (j *chainJudge) taint(row int32) {
	if g := j.group[row]; g >= 0 {
		j.faulty[g] = true
	}
}

// single finds what a link tells by itself.
func (j *chainJudge) single() {
	one := func(i int32, to int32, bit uint8, field string) {
		switch {
		case to == Dangling:
			j.fault(ChainFault{Kind: ChainDangling, Row: i, Field: field, Other: Unknown, Want: Unknown})
			if g := j.group[i]; g >= 0 {
				j.missing[g] = true
			}
		case to == i:
			if field == "prev" && j.next[i] == i {
				break // said of next
			}
			j.fault(ChainFault{Kind: ChainCycle, Row: i, Field: field, Other: i, Want: Unknown, N: 1})
		case to == Unknown || !j.sound(i):
			j.taint(i)
		default:
			return
		}
		j.bad[i] |= bit
	}
	for i := range int32(len(j.next)) {
		one(i, j.next[i], badNext, "next")
		one(i, j.prev[i], badPrev, "prev")
	}
}

// crosses finds links between two groups. Where all links of a row lead
// elsewhere and are answered, it is the row that names the wrong group.
func (j *chainJudge) crosses() {
	differ := func(a, b int32) bool {
		return b >= 0 && j.group[a] >= 0 && j.group[b] >= 0 && j.group[a] != j.group[b]
	}
	// stray counts the links of a row if every one leads to another group.
	stray := func(i int32) (n int) {
		for _, to := range [...]int32{j.next[i], j.prev[i]} {
			if differ(i, to) {
				n++
			} else if to >= 0 {
				return 0
			}
		}
		return n
	}
	doubt := func(i int32) {
		if j.doubted == nil {
			j.doubted = make([]bool, len(j.next))
		}
		j.doubted[i] = true
	}
	said := map[int32]bool{}
	row := func(i, other int32) {
		if !said[i] {
			said[i] = true
			j.fault(ChainFault{Kind: ChainCrosses, Row: i, Other: other, Want: Unknown})
		}
	}
	cross := func(i, to int32, to2 Column, bit, opposite uint8, field string) {
		if to < 0 || j.bad[i]&bit != 0 {
			return
		}
		if !differ(i, to) {
			if (j.group[i] < 0) != (j.group[to] < 0) {
				j.taint(i)
				j.taint(to)
			}
			return
		}
		answered := to2[to] == i
		if answered && field == "prev" {
			return // said of the other's next
		}
		si, st := stray(i), stray(to)
		switch {
		case answered && st > si:
			row(to, i)
			doubt(to)
		case answered && si > st:
			row(i, to)
			doubt(i)
		default:
			if si > 0 {
				doubt(i)
			}
			if st > 0 {
				doubt(to)
			}
			j.fault(ChainFault{Kind: ChainCrosses, Row: i, Field: field, Other: to, Want: Unknown})
		}
		j.bad[i] |= bit
		if answered {
			j.bad[to] |= opposite
		}
		j.taint(i)
		j.taint(to)
	}
	for i := range int32(len(j.next)) {
		cross(i, j.next[i], j.prev, badNext, badPrev, "next")
	}
	for i := range int32(len(j.next)) {
		cross(i, j.prev[i], j.next, badPrev, badNext, "prev")
	}
}

// cycles follows the links that are not yet known to be wrong, and finds where
// they come back. The link that closes a cycle is the one that is not
// answered; in a perfect ring it is that of the first row.
// seen is 0 for every row.
func (j *chainJudge) cycles(seen, links, opposite Column, bit, other uint8, field string) {
	for start := range int32(len(links)) {
		row := start
		for seen[row] == 0 && j.bad[row]&bit == 0 && links[row] >= 0 {
			seen[row] = start + 1 // the walk that came by
			row = links[row]
		}
		if seen[row] != start+1 {
			continue
		}
		n, culprit, answered := 0, row, true
		for r := row; ; {
			to := links[r]
			if a := opposite[to] == r; n == 0 || (answered && !a) || (answered == a && r < culprit) {
				culprit, answered = r, a
			}
			n++
			if r = to; r == row {
				break
			}
		}
		j.fault(ChainFault{Kind: ChainCycle, Row: culprit, Field: field, Other: links[culprit], Want: Unknown, N: n})
		for r := row; j.bad[r]&(badNext|badPrev) != badNext|badPrev; r = links[r] {
			j.bad[r] |= bit | other
			j.taint(r)
		}
	}
}

// asymmetric finds links that are not answered. Of the two links that
// contradict each other the wrong one is that whose target is content with
// another row; where neither is, as when rows were swapped on one side, all
// next links of that tangle are named.
func (j *chainJudge) asymmetric() {
	var tangled []ChainFault
	one := func(i, to int32, links, opposite Column, bit, obit uint8, field string) {
		if to < 0 || j.bad[i]&bit != 0 || opposite[to] == i || j.bad[to]&obit != 0 {
			return
		}
		f := ChainFault{Kind: ChainAsymmetric, Row: i, Field: field, Other: to, Want: Unknown}
		if back := opposite[to]; back >= 0 && links[back] != to {
			if field == "next" {
				tangled = append(tangled, f)
			}
			return
		}
		j.fault(f)
	}
	for i := range int32(len(j.next)) {
		one(i, j.next[i], j.next, j.prev, badNext, badPrev, "next")
		one(i, j.prev[i], j.prev, j.next, badPrev, badNext, "prev")
	}
	silent := map[int32]bool{} // groups of which nothing was said
	for _, f := range tangled {
		if g := j.group[f.Row]; g >= 0 && !j.faulty[g] {
			silent[g] = true
		}
	}
	for _, f := range tangled {
		if silent[j.group[f.Row]] {
			j.fault(f)
		}
	}
	j.wanted()
}

// wanted fills in which row each asymmetric link should name: the first one
// whose opposite link names the row.
func (j *chainJudge) wanted() {
	var byNext, byPrev Column // the first row that names a row
	first := func(links Column) Column {
		by := newColumn(len(links))
		for i := range by {
			by[i] = Unknown
		}
		for i, to := range slices.Backward(links) {
			if to >= 0 {
				by[to] = int32(i)
			}
		}
		return by
	}
	for k := range j.Faults {
		f := &j.Faults[k]
		switch {
		case f.Kind != ChainAsymmetric:
		case f.Field == "next":
			if byPrev == nil {
				byPrev = first(j.prev)
			}
			f.Want = byPrev[f.Row]
		default:
			if byNext == nil {
				byNext = first(j.next)
			}
			f.Want = byNext[f.Row]
		}
	}
}

// ends finds groups that are more than one list.
func (j *chainJudge) ends() {
	for g := range j.heads {
		j.heads[g], j.tails[g] = Unknown, Unknown
	}
	split := map[int32][]int32{} // heads of groups with more than one
	for i := range int32(len(j.next)) {
		g := j.group[i]
		if g < 0 || j.faulty[g] {
			continue
		}
		if j.prev[i] == Empty {
			if hs := split[g]; hs != nil {
				split[g] = append(hs, i)
			} else if j.heads[g] >= 0 {
				split[g] = []int32{j.heads[g], i}
			} else {
				j.heads[g] = i
			}
		}
		if j.next[i] == Empty {
			j.tails[g] = i
		}
	}
	groups := make([]int32, 0, len(split))
	for g := range split {
		groups = append(groups, g)
	}
	slices.Sort(groups)
	for _, g := range groups {
		j.split(g, split[g])
	}
}

// split judges a group that is several lists. Single keyframes beside one list,
// within its time, were left out of it; anything else is a group in pieces.
func (j *chainJudge) split(g int32, heads []int32) {
	slices.SortFunc(heads, func(a, b int32) int { return cmp.Or(cmp.Compare(j.time(a), j.time(b)), cmp.Compare(a, b)) })
	head, lists := Unknown, 0
	for _, h := range heads {
		if j.next[h] != Empty {
			head = h
			lists++
		}
	}
	gap := j.gaps && lists == 1
	if gap {
		tail := head
		for j.next[tail] >= 0 {
			tail = j.next[tail]
		}
		for _, h := range heads {
			if h != head && (j.keyframe != nil && !j.keyframe(h) || j.time(h) <= j.time(head) || j.time(h) >= j.time(tail)) {
				gap = false
			}
		}
		j.heads[g], j.tails[g] = head, tail
	}
	if !gap {
		j.heads[g], j.tails[g] = Unknown, Unknown
		j.fault(ChainFault{Kind: ChainEnds, Row: heads[1], Other: heads[0], Want: Unknown, N: len(heads)})
		return
	}
	before := head
	for _, h := range heads {
		if h == head {
			continue
		}
		for j.next[before] >= 0 && j.time(j.next[before]) < j.time(h) {
			before = j.next[before]
		}
		j.fault(ChainFault{Kind: ChainGap, Row: h, Other: before, Want: Unknown})
	}
}
