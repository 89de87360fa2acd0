package metadata

import (
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
)

// A Group is one drive, scene, split or sequence with its records. It is
// read-only once emitted.
type Group struct {
	Dataset string // name
	Schema  dataset.Schema
	Name    string
	Path    string  // of its sidecar, also where there is none
	Header  *Parent // nil without a sidecar
	Desc    *Descriptor
	Samples []*Sample // in the order of the format
	Orphans []*Record // records that describe nothing in the group

	// Unread is the slug of the rule that failed where records of the group
	// could not be read. Nothing may be said about missing records then.
	Unread string
	// Unsorted is the first record that stands behind one that should follow it.
	Unsorted *Record
	// Placeholder tells that every recorded offset but those of the reference
	// is 0, over at least ten moments, although the stamps, where there are
	// any, differ.
	Placeholder bool
}

// A Sample is a moment with its records.
type Sample struct {
	*moment.Moment
	Demanded   bool      // the standard demands records for it
	Records    []*Record // by position in Channels; nil where there is none
	Duplicates []*Record // further records of a channel
}

// reference gives the reference channel of a moment by the parents, else by
// the format.
func (g *Group) reference(m *moment.Moment) string {
	if g.Header != nil && g.Header.Reference != "" {
		return g.Header.Reference
	}
	if p := g.Desc.Parent; p != nil && p.Reference != "" {
		return p.Reference
	}
	return m.Reference
}

// placeholder tells offsets that were never measured.
func placeholder(g *Group) bool {
	moments, others, differs, stamped := 0, 0, false, false
	for _, s := range g.Samples {
		any := false
		for _, rec := range s.Records {
			if rec == nil {
				continue
			}
			ns, ok := rec.Recorded()
			if !ok || rec.IsReference() {
				continue
			}
			if ns != 0 {
				return false
			}
			any = true
			others++
			if c, ok := rec.Recomputed(); ok {
				stamped = true
				differs = differs || c != 0
			}
		}
		if any {
			moments++
		}
	}
	return moments >= 10 && others > 0 && (differs || !stamped)
}
