// Package metadata is the standard RFC-2025-04: the three mandatory fields
// sensor_sync_id, temporal_offset_ns and modality_schema on every annotated
// sample, the sidecar files that carry them, and how they are derived.
// docs/formats.md, "The unified metadata standard", is its definition.
//
// Reading joins the records of one group (a drive, a scene) at a time with the
// native moments, so that memory is bounded by the largest group, and emits
// for the rules, in this order:
//
//	*Parent       the descriptor's entry and each sidecar's header
//	*Group        a group with its records joined
//	*Record       each record of it
//	*Index        the ids of the whole data set
//	*Coverage     how much of the data set has records
//
// A data set without any sidecar gives one *Unannotated in place of the first
// four. Offsets are int64 nanoseconds throughout.
package metadata

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// The standard, as headers and descriptors name it.
const (
	Standard = "RFC-2025-04"
	Version  = "1.0"
)

// Names of the files, relative to the root of a data set.
const (
	DescriptorFile = "mm_dataset.json"
	Dir            = ".mm"
	SyncMapFile    = ".mm/sync_map.jsonl"
	singleSuffix   = ".mm.json"
)

// Name gives the name of a data set in records: its schema, and for nuScenes
// and Lyft the folder of the tables, since one root may hold several versions.
func Name(ds *dataset.Dataset) string {
	if (ds.Schema == dataset.NuScenes || ds.Schema == dataset.Lyft) && ds.Tables != "" {
		return string(ds.Schema) + "/" + ds.Tables
	}
	return string(ds.Schema)
}

// SidecarPath gives the path of a group's sidecar, relative to the root.
func SidecarPath(name, group string) string {
	var b strings.Builder
	for i := range len(group) {
		c := group[i]
		plain := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-' || c == '.' && i > 0
		if plain {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return path.Join(Dir, name, b.String()+".jsonl")
}

// Demanded reports whether the standard demands records for a moment: the
// testing frames of KITTI, and the sequences 11 to 21 of odometry, are no
// annotated samples.
func Demanded(schema dataset.Schema, m *moment.Moment) bool {
	switch schema {
	case dataset.KITTIObject, dataset.KITTITracking:
		return m.Group != "testing" && !strings.HasPrefix(m.Group, "testing/")
	case dataset.KITTIOdometry, dataset.SemanticKITTI:
		return m.Group < "11"
	}
	return true
}

// An Unannotated data set has moments but no sidecar at all.
type Unannotated struct {
	Samples  int // annotated moments
	Channels int // observations with a payload
}

// Read holds the sidecars of a data set against its moments, emits them, and
// counts coverage into d.
func Read(ctx context.Context, src moment.Source, e rule.Emitter, d *report.Dataset) error {
	r := newReader(ctx, src, e)
	cov := newCoverage(string(src.Dataset().Schema))
	if !r.annotated() {
		bare := &Unannotated{}
		err := r.groups(func(g *Group) bool {
			cov.add(g)
			return true
		})
		bare.Samples, bare.Channels = cov.Samples, cov.observations()
		if err == nil && bare.Samples > 0 {
			e.Emit(bare)
			e.Skip((*Group)(nil), "record-missing", Dir)
			e.Skip((*Record)(nil), "record-missing", Dir)
			e.Skip((*Index)(nil), "record-missing", Dir)
		}
		cov.fill(d)
		e.Emit(cov)
		return err
	}

	index := &Index{Dataset: r.name}
	err := r.groups(func(g *Group) bool {
		e.Emit(g)
		for _, s := range g.Samples {
			for _, rec := range s.Records {
				if rec != nil {
					e.Emit(rec)
				}
			}
			for _, rec := range s.Duplicates {
				e.Emit(rec)
			}
			index.add(s)
		}
		for _, rec := range g.Orphans {
			e.Emit(rec)
		}
		cov.add(g)
		return true
	})
	cov.fill(d)
	if err != nil {
		return err
	}
	r.leftovers()
	index.finish(r.desc)
	if name := r.desc.Entry.SyncMap; name != "" {
		if m := readDeclaredMap(r.ds, r.desc, e); m != nil && !m.Missing {
			index.Mapped = m.IDs(r.name)
		} else {
			index.Unread = name
		}
	}
	e.Emit(index)
	e.Emit(cov)
	return nil
}

// Each reads the groups of a data set again, without emitting anything, for
// rules that relate data sets. It stops when yield returns false.
func Each(ctx context.Context, src moment.Source, yield func(*Group) bool) error {
	return newReader(ctx, src, quiet{}).groups(yield)
}

// quiet is an emitter that drops everything: what is wrong was said when the
// data set was read by itself.
type quiet struct{}

func (quiet) Emit(any)                 {}
func (quiet) Skip(any, string, string) {}
func (quiet) Break(_, _, _ string)     {}
func (quiet) Wants(any) bool           { return false }
func (quiet) Expect(int)               {}
func (quiet) Advance(int)              {}
func (quiet) Selected(string) bool     { return true }
func (quiet) Params() *rule.Params     { return rule.DefaultParams() }
