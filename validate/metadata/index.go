package metadata

import (
	"github.com/google/uuid"

	"github.com/mmaudit/mmaudit/validate/rule"
)

// An Index is which id each sample of a data set carries. Ids that are no UUID,
// and the nil and the max UUID, take no part.
type Index struct {
	Dataset string
	Samples []Identity
	Derived bool                 // ids are to be derived: the descriptor does not say that they were stored
	Mapped  map[string]uuid.UUID // by sample: the id that a sync map gives it
	Unread  string               // the sync map, if it cannot be used

	owners map[uuid.UUID][]int32
}

// An Identity is the id of one sample: that of most of its records, at a tie
// that of the reference channel.
type Identity struct {
	Group, Sample string
	Place         rule.Place // of a record that carries it
	ID            uuid.UUID
	Has           bool      // a record carries a valid id
	Canonical     uuid.UUID // what the key gives
	Key           string    // "" where the standard defines none that is known here
	Channels      []string  // channels whose record carries ID; shared between samples
	Strays        []*Record // records that carry another id
}

func (x *Index) add(s *Sample) {
	var id Identity
	count := map[uuid.UUID]int{}
	var reference uuid.UUID
	var isRef bool
	for _, rec := range s.Records {
		if rec == nil {
			continue
		}
		u, ok := rec.ID()
		if !ok || u == uuid.Nil || u == uuid.Max {
			continue
		}
		count[u]++
		if rec.IsReference() {
			reference, isRef = u, true
		}
		if !id.Has || count[u] > count[id.ID] {
			id.ID, id.Has = u, true
		}
	}
	if isRef && count[reference] == count[id.ID] {
		id.ID = reference
	}
	if !id.Has {
		return
	}
	id.Group, id.Sample, id.Key = s.Group, s.Sample, s.Key
	for _, rec := range s.Records {
		if rec == nil {
			continue
		}
		switch u, ok := rec.ID(); {
		case !ok || u == uuid.Nil || u == uuid.Max:
		case u != id.ID:
			// Without what it is joined with: that would keep its group in memory.
			alone := *rec
			alone.Group, alone.Moment, alone.Native, alone.Twin = nil, nil, nil, nil
			id.Strays = append(id.Strays, &alone)
		default:
			if len(id.Channels) == 0 {
				id.Place = rec.Place
			}
			id.Channels = append(id.Channels, rec.Channel)
		}
	}
	if n := len(x.Samples); n > 0 && equal(x.Samples[n-1].Channels, id.Channels) {
		id.Channels = x.Samples[n-1].Channels
	}
	x.Samples = append(x.Samples, id)
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func (x *Index) finish(d *Descriptor) {
	x.Derived = d.Entry.SyncID != "stored"
	x.owners = make(map[uuid.UUID][]int32, len(x.Samples))
	for i := range x.Samples {
		s := &x.Samples[i]
		x.owners[s.ID] = append(x.owners[s.ID], int32(i))
		if s.Key != "" {
			s.Canonical = DeriveIn(d.Namespace, s.Key)
		}
	}
}

// Owners gives the samples that carry an id as their own, by position.
func (x *Index) Owners(id uuid.UUID) []int32 { return x.owners[id] }

// Constant reports whether an id is a placeholder: at least three samples and
// more than half of all carry it.
func (x *Index) Constant(id uuid.UUID) bool {
	n := len(x.owners[id])
	return n >= 3 && 2*n > len(x.Samples)
}
