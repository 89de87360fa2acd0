package nuscenes

// Members gathers the rows that name one and the same row.
type Members struct {
	SamplesOf     Groups // by scene
	DataOf        Groups // sample_data by sample
	AnnotationsOf Groups // by instance
	Samples       Tally  // by scene
	Annotations   Tally  // by instance
}

// Groups is rows of one table by the row of another that they name: 4 bytes a
// row.
type Groups struct{ start, rows []int32 }

// Of gives the rows that name row i, in file order.
func (g Groups) Of(i int32) []int32 { return g.rows[g.start[i]:g.start[i+1]] }

// A Tally counts the rows of each group, and knows how far it can be trusted.
type Tally struct {
	N     []int32
	slack []int32 // by group: rows that may or may not belong to it
	any   int32   // rows that may belong to any group
	lost  []bool  // by group: rows that belong to it do not exist
}

// Excused reports whether rows that other rules have refuted may explain why a
// group has not n rows.
func (y *Tally) Excused(group, n int32) bool {
	d := n - y.N[group]
	return y.lost[group] || max(d, -d) <= y.slack[group]+y.any
}

// Members gathers the rows, once.
func (t *Tables) Members() *Members {
	t.facts.members.Do(func() {
		l, c := t.Links(), t.Chains()
		t.facts.m = &Members{
			SamplesOf:     groupBy(l.Sample.Scene, len(t.Scene.Rows)),
			DataOf:        groupBy(l.SampleData.Sample, len(t.Sample.Rows)),
			AnnotationsOf: groupBy(l.SampleAnnotation.Instance, len(t.Instance.Rows)),
			Samples:       tally(c.Sample, &t.Sample, l.Scene.First, l.Scene.Last),
			Annotations:   tally(c.SampleAnnotation, &t.SampleAnnotation, l.Instance.First, l.Instance.Last),
		}
	})
	return t.facts.m
}

// groupBy sorts the rows by what they name, by counting.
func groupBy(of Column, n int) Groups {
	g := Groups{start: make([]int32, n+1)}
	for _, to := range of {
		if to >= 0 {
			g.start[to+1]++
		}
	}
	for i := range n {
		g.start[i+1] += g.start[i]
	}
	g.rows = newColumn(int(g.start[n]))
	at := append([]int32(nil), g.start...)
	for row, to := range of {
		if to >= 0 {
			g.rows[at[to]] = int32(row)
			at[to]++
		}
	}
	return g
}

// tally counts the rows of each group of a chain. A row that its own record,
// its reference or its links refute may belong to the group that it names, to
// those of its neighbours, or, without neighbours, to any.
func tally[T any](c *Chain, table *Table[T], first, last Column) Tally {
	n := c.Groups()
	y := Tally{N: make([]int32, n), slack: make([]int32, n), lost: make([]bool, n)}
	for g := range int32(n) {
		y.lost[g] = c.missing[g] || first[g] == Dangling || last[g] == Dangling || table.open()
	}
	for row := range int32(len(table.Rows)) {
		g := c.Group[row]
		if g >= 0 {
			y.N[g]++
			if c.Trusted(row) >= 0 && table.Sound(row) {
				continue
			}
			y.slack[g]++
		}
		near := false
		for _, other := range [...]int32{c.Next[row], c.Prev[row]} {
			if other >= 0 && c.Group[other] >= 0 && c.Group[other] != g {
				y.slack[c.Group[other]]++
				near = true
			}
		}
		if g < 0 && !near {
			y.any++
		}
	}
	return y
}
