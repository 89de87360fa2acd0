package nuscenes

import (
	"sync"

	"github.com/mmaudit/mmaudit/validate/dataset"
)

// Chains are the three kinds of lists that next and prev make: the samples of
// a scene, the sample_data of a stream (one channel in one scene), and the
// annotations of an instance.
type Chains struct {
	Sample           *Chain // groups are rows of scene
	SampleData       *Chain // groups are Streams
	SampleAnnotation *Chain // groups are rows of instance

	Streams []Stream // channels of scenes, in the order in which sample_data first names them
	// Position is the place of each sample in its scene's chain, from 0;
	// Unknown where that chain is not sound.
	Position Column
}

// A Stream is one channel in one scene: rows of the two tables.
type Stream struct{ Scene, Sensor int32 }

// A Chain is the rows of one table, cut into groups, and the lists that next
// and prev make of them. In sound tables each group is one list.
//
// One fault speaks once. Faults are looked for in the order of ChainKind, and
// one that is found excuses what follows from it: a link that is known to be
// wrong is not compared with the links that it should match, and a group with
// a wrong link is not asked for its ends. Links of rows that their own record
// refutes, and of rows whose group is not known, are not judged at all.
type Chain struct {
	Table      string
	Next, Prev Column
	Group      Column // of each row; Unknown where what leads to it was refuted
	Faults     []ChainFault

	heads, tails Column // by group; Unknown where there is not one
	faulty       []bool // by group: a fault, or a row that cannot be judged
	missing      []bool // by group: links lead to rows that do not exist
	doubted      []bool // by row: nil, or its links contradict its group
}

// A ChainKind is one way in which a chain can be wrong, gravest first.
type ChainKind uint8

const (
	ChainDangling   ChainKind = iota // a link names no row
	ChainCrosses                     // a link leads to another group
	ChainCycle                       // the links come back to where they began
	ChainAsymmetric                  // a link is not answered by its opposite
	ChainGap                         // a keyframe is left out between its neighbours, or lies out of order
	ChainEnds                        // a group is more than one list
)

// A ChainFault is one fault of a chain.
type ChainFault struct {
	Kind  ChainKind
	Row   int32
	Field string // "next" or "prev"; "" where the row as a whole is out of place
	Other int32  // the row that the link names, or the row after which Row belongs; Unknown if none
	Want  int32  // the row that the link should name; Unknown if that cannot be told
	N     int    // rows of a cycle, lists of a group
}

// Head gives the first row of a group, and Tail the last; negative where that
// cannot be told.
func (c *Chain) Head(group int32) int32 { return c.heads[group] }
func (c *Chain) Tail(group int32) int32 { return c.tails[group] }

// Sound reports whether a group is one list without any fault, so that walking
// it from Head along Next visits each of its rows once.
func (c *Chain) Sound(group int32) bool { return !c.faulty[group] && c.heads[group] >= 0 }

// Groups is the number of groups.
func (c *Chain) Groups() int { return len(c.heads) }

// Trusted gives the group of a row, or Unknown where its links contradict it.
func (c *Chain) Trusted(row int32) int32 {
	if c.doubted != nil && c.doubted[row] {
		return Unknown
	}
	return c.Group[row]
}

// Chains judges the chains, once.
func (t *Tables) Chains() *Chains {
	t.facts.chains.Do(func() { t.facts.c = t.chains() })
	return t.facts.c
}

func (t *Tables) chains() *Chains {
	l := t.Links()
	c := &Chains{}
	gaps := t.Dataset.Schema != dataset.Lyft
	c.Sample = judge(chainInput{
		table: t.Sample.Name, next: l.Sample.Next, prev: l.Sample.Prev,
		group: l.Sample.Scene, groups: len(t.Scene.Rows),
		sound: t.Sample.Sound, gaps: gaps,
		time: func(i int32) int64 { return t.Sample.Rows[i].Timestamp },
	})
	c.Position = positions(c.Sample)

	var wait sync.WaitGroup
	wait.Go(func() {
		var group Column
		group, c.Streams = t.streams(c.Sample)
		c.SampleData = judge(chainInput{
			table: t.SampleData.Name, next: l.SampleData.Next, prev: l.SampleData.Prev,
			group: group, groups: len(c.Streams),
			sound: t.SampleData.Sound, gaps: gaps,
			time:     func(i int32) int64 { return t.SampleData.Rows[i].Timestamp },
			keyframe: func(i int32) bool { return t.SampleData.Rows[i].KeyFrame },
		})
	})
	wait.Go(func() {
		c.SampleAnnotation = judge(chainInput{
			table: t.SampleAnnotation.Name, next: l.SampleAnnotation.Next, prev: l.SampleAnnotation.Prev,
			group: l.SampleAnnotation.Instance, groups: len(t.Instance.Rows),
			sound: t.SampleAnnotation.Sound, gaps: gaps,
			time: func(i int32) int64 {
				if s := l.SampleAnnotation.Sample[i]; s >= 0 {
					return t.Sample.Rows[s].Timestamp
				}
				return 0
			},
		})
		if gaps {
			c.outOfOrder(l)
		}
	})
	wait.Wait()
	return c
}

// streams gives the stream of each sample_data row.
func (t *Tables) streams(samples *Chain) (Column, []Stream) {
	l := t.Links()
	sensors := t.Sensors()
	group := newColumn(len(t.SampleData.Rows))
	var streams []Stream
	ids := map[Stream]int32{}
	for i := range group {
		s := Stream{Scene: Unknown, Sensor: sensors.Of[i]}
		if sample := l.SampleData.Sample[i]; sample >= 0 {
			s.Scene = samples.Trusted(sample)
		} else if sample == Empty && len(t.Scene.Rows) == 1 { // T4: a sweep of the only scene
			s.Scene = 0
		}
		if s.Scene < 0 || s.Sensor < 0 {
			group[i] = Unknown
			continue
		}
		id, ok := ids[s]
		if !ok {
			id = int32(len(streams))
			ids[s] = id
			streams = append(streams, s)
		}
		group[i] = id
	}
	return group, streams
}

func positions(samples *Chain) Column {
	p := newColumn(len(samples.Next))
	for i := range p {
		p[i] = Unknown
	}
	for g := range int32(samples.Groups()) {
		if !samples.Sound(g) {
			continue
		}
		for row, k := samples.Head(g), int32(0); row >= 0; row, k = samples.Next[row], k+1 {
			p[row] = k
		}
	}
	return p
}

// outOfOrder finds annotations whose sample does not follow the sample of the
// annotation before. Instances that are annotated twice in a sample, or in
// several scenes, are left to the rules that say so.
func (c *Chains) outOfOrder(l *Links) {
	a := c.SampleAnnotation
	sampleOf := l.SampleAnnotation.Sample
	for g := range int32(a.Groups()) {
		if !a.Sound(g) {
			continue
		}
		var late []ChainFault
		for row := a.Next[a.Head(g)]; row >= 0; row = a.Next[row] {
			s, before := sampleOf[row], sampleOf[a.Prev[row]]
			if s < 0 || before < 0 || s == before || c.Position[s] < 0 || c.Position[before] < 0 ||
				c.Sample.Trusted(s) != c.Sample.Trusted(before) {
				late = nil
				break
			}
			if c.Position[s] < c.Position[before] {
				late = append(late, ChainFault{Kind: ChainGap, Row: row, Field: "prev", Other: a.Prev[row], Want: Unknown})
			}
		}
		a.Faults = append(a.Faults, late...)
		if late != nil {
			a.faulty[g] = true
		}
	}
}
