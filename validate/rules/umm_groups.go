package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/metadata"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var ummGroups = []Rule{
	{
		ID: "UMM004", Slug: "sync-id-nil", Severity: rule.Error,
		Summary: "sensor_sync_id is neither the nil nor the max UUID, nor one constant for most of the data set.",
		Why:     "A placeholder names every moment alike: a join on it pairs each frame with all others.",
		Example: `"sensor_sync_id":"00000000-0000-0000-0000-000000000000"`,
		Hint:    "run `mmvalidate annotate DIR --write` to derive the ids",
		Checks: []Check{
			onRecord(func(c *Ctx, r *metadata.Record) {
				if id, ok := r.ID(); ok && (id == uuid.Nil || id == uuid.Max) {
					report(c, r, r.SyncID, Finding{Message: fmt.Sprintf("sensor_sync_id %s is a placeholder", id), Actual: id.String()})
				}
			}),
			rule.On(func(c *Ctx, x *metadata.Index) {
				said := map[uuid.UUID]bool{}
				for i := range x.Samples {
					s := &x.Samples[i]
					if said[s.ID] || !x.Constant(s.ID) {
						continue
					}
					said[s.ID] = true
					c.Report(Finding{
						Message: fmt.Sprintf("sensor_sync_id %s is carried by %d of %d samples", s.ID, len(x.Owners(s.ID)), len(x.Samples)),
						Place:   s.Place, Actual: s.ID.String(), Key: s.ID.String(),
					})
				}
			}),
		},
	},
	{
		ID: "UMM011", Slug: "record-duplicate", Severity: rule.Error,
		Summary: "A channel of a sample has one record.",
		Why:     "Of two records readers take the first or the last, and so disagree.",
		Example: "a line twice, or a single record 0000000004.mm.json beside a sidecar that has the frame too",
		Hint:    "delete one of the records",
		Checks: []Check{rule.On(func(c *Ctx, r *metadata.Record) {
			if r.Twin == nil {
				return
			}
			report(c, r, metadata.Value{}, Finding{
				Message: fmt.Sprintf("channel %s of sample %s has a record already in %s:%d", r.Channel, r.Sample, r.Twin.Place.Path, r.Twin.Place.Line),
				Related: []Place{r.Twin.Place},
			})
		})},
	},
	{
		ID: "UMM012", Slug: "record-orphan", Severity: rule.Error,
		Summary: "The file, sample and channel that a record describes exist.",
		Why:     "A record of nothing is left over from renaming or deleting, or it belongs to a sample that now has none.",
		Example: `"sample":"2011_09_26_drive_0001/0000009999"`,
		Hint:    "delete the record, or correct dataset, sample, channel and file",
		Checks: []Check{
			rule.On(func(c *Ctx, r *metadata.Record) {
				if r.Orphan != "" {
					report(c, r, metadata.Value{}, Finding{Message: r.Orphan})
				}
			}),
			rule.On(orphanFolders),
		},
	},
	{
		ID: "UMM013", Slug: "sync-id-channel-collision", Severity: rule.Error,
		Summary: "No channel of a data set occurs twice within one sensor_sync_id.",
		Why:     "The moment would have been seen twice by one sensor; a join gives the wrong file for it.",
		Example: "image_02 of frame 0000000005 with the id of frame 0000000004, which has an image_02",
		Hint:    "give the record the id of its own sample's other channels",
		Checks: []Check{onStray(func(c *Ctx, x *metadata.Index, s *metadata.Identity, r *metadata.Record) {
			if o := collides(x, r); o != nil {
				report(c, r, r.SyncID, Finding{
					Message:  fmt.Sprintf("channel %s of sample %s carries the id of sample %s, which has this channel itself", r.Channel, r.Sample, o.Sample),
					Expected: s.ID.String(), Actual: r.SyncID.Text, Related: []Place{o.Place},
				})
			}
		})},
	},
	{
		ID: "UMM014", Slug: "sync-id-split", Severity: rule.Error,
		Summary: "All channels of one sample carry the same sensor_sync_id.",
		Why:     "The moment falls apart: a fused sample lacks the channel that has another id.",
		Example: "five channels of frame 0000000004 with one id, velodyne with another",
		Hint:    "give all records of the sample one id",
		Checks: []Check{onStray(func(c *Ctx, x *metadata.Index, s *metadata.Identity, r *metadata.Record) {
			if collides(x, r) == nil {
				report(c, r, r.SyncID, Finding{
					Message:  fmt.Sprintf("channel %s of sample %s carries another id than the %s", r.Channel, r.Sample, human.Count(len(s.Channels), "other channel")),
					Expected: s.ID.String(), Actual: r.SyncID.Text, Related: []Place{s.Place},
				})
			}
		})},
	},
	{
		ID: "UMM015", Slug: "sync-id-merge", Severity: rule.Error,
		Summary: "Two samples of a data set never share a sensor_sync_id.",
		Why:     "Two moments become one: a join returns either at random.",
		Example: "frames 0000000004 and 0000000005 with one id",
		Hint:    "derive the id of each sample from its own key",
		Checks: []Check{rule.On(func(c *Ctx, x *metadata.Index) {
			for i := range x.Samples {
				s := &x.Samples[i]
				owners := x.Owners(s.ID)
				if len(owners) < 2 || int(owners[0]) == i || x.Constant(s.ID) {
					continue
				}
				first := &x.Samples[owners[0]]
				c.Report(Finding{
					Message: fmt.Sprintf("samples %s and %s share sensor_sync_id %s", first.Sample, s.Sample, s.ID),
					Place:   s.Place, Actual: s.ID.String(), Key: s.Sample, Related: []Place{first.Place},
				})
			}
		})},
	},
	{
		ID: "UMM025", Slug: "sync-id-not-derived", Severity: rule.Warning,
		Summary: "sensor_sync_id is the UUID that the standard derives from the sample's key, or the one that the sync map gives, where sync_id.policy is uuid5.",
		Why:     "A derived id can be recomputed by anyone and proves which moment it names; any other must be trusted.",
		Example: "a random UUID for frame 2011_09_26_drive_0001/0000000004 in place of fd0df411-a777-5d11-9bcb-c0a73e9d9f40",
		Hint:    "run `mmvalidate annotate DIR`; where ids were drawn when recording, say \"sync_id\": \"stored\" in mm_dataset.json or set sync_id.policy to any",
		Checks:  []Check{rule.On(notDerived)},
	},
	{
		ID: "UMM018", Slug: "reference-count", Severity: rule.Error,
		Summary: "The records of a sample name one reference channel, which the sample has.",
		Why:     "Offsets against different references cannot be subtracted, nor can those against a channel that is not there.",
		Example: `"reference":"image_09" in mm_dataset.json`,
		Hint:    "name one channel of the data set as reference, in the descriptor, or none",
		Checks:  []Check{rule.On(oneReference)},
	},
}

// onStray subscribes to the records whose id is not that of their sample.
func onStray(f func(*Ctx, *metadata.Index, *metadata.Identity, *metadata.Record)) Check {
	return rule.On(func(c *Ctx, x *metadata.Index) {
		for i := range x.Samples {
			for _, r := range x.Samples[i].Strays {
				if id, _ := r.ID(); allowedVersion(c, id) {
					f(c, x, &x.Samples[i], r)
				}
			}
		}
	})
}

// collides gives the sample whose id a stray record carries and which has a
// record of the same channel; nil if there is none.
func collides(x *metadata.Index, r *metadata.Record) *metadata.Identity {
	id, _ := r.ID()
	for _, i := range x.Owners(id) {
		if o := &x.Samples[i]; slices.Contains(o.Channels, r.Channel) {
			return o
		}
	}
	return nil
}

// notDerived leaves ids alone that another rule refutes.
func notDerived(c *Ctx, x *metadata.Index) {
	if c.Params.SyncID.Policy != "uuid5" || !x.Derived {
		return
	}
	if x.Unread != "" {
		c.Skip("the sync map " + x.Unread)
		return
	}
	for i := range x.Samples {
		s := &x.Samples[i]
		mapped, has := x.Mapped[s.Sample]
		switch {
		case len(x.Owners(s.ID)) > 1 || !allowedVersion(c, s.ID):
		case has && s.ID == mapped, s.Key != "" && s.ID == s.Canonical && !has:
		case s.Key == "" && !has:
			c.Skip(fmt.Sprintf("the canonical keys of %s (configure mapping for KITTI object)", x.Dataset))
		default:
			f := Finding{
				Message:  fmt.Sprintf("sensor_sync_id of sample %s is not derived from %s", s.Sample, s.Key),
				Expected: s.Canonical.String(), Actual: s.ID.String(), Place: s.Place, Key: s.Sample,
			}
			if has {
				f.Message = fmt.Sprintf("sensor_sync_id of sample %s is not the one that the sync map gives", s.Sample)
				f.Expected = mapped.String()
			}
			c.Report(f)
		}
	}
}

// orphanFolders finds sidecars in a folder that has the name of no data set of
// their root.
func orphanFolders(c *Ctx, f *moment.Fleet) {
	names := map[string][]string{} // root -> data sets
	trees := map[string]*dataset.Tree{}
	for _, s := range f.Sources {
		ds := s.Dataset()
		names[ds.Root] = append(names[ds.Root], metadata.Name(ds))
		trees[ds.Root] = ds.Tree
	}
	for root, known := range names {
		for dir := range trees[root].Dirs {
			name, ok := strings.CutPrefix(dir, metadata.Dir+"/")
			if !ok || slices.Contains(known, name) {
				continue
			}
			if n := len(trees[root].Names(dir, ".jsonl")); n > 0 {
				c.Report(Finding{
					Message:  fmt.Sprintf("%s in a folder that has the name of no data set here", human.Count(n, "sidecar")),
					Place:    Place{Path: dir},
					Expected: strings.Join(known, " or "), Actual: name, Dataset: root, Key: name,
				})
			}
		}
	}
}

func oneReference(c *Ctx, g *metadata.Group) {
	said := map[string]bool{} // a parent's fault is one
	for _, s := range g.Samples {
		var first *metadata.Record
		for _, r := range s.Records {
			if r == nil {
				continue
			}
			ref := r.Reference()
			if first != nil && ref != first.Reference() {
				report(c, r, metadata.Value{}, Finding{
					Message:  fmt.Sprintf("channel %s names %s as reference, channel %s of the same sample %s", r.Channel, ref, first.Channel, first.Reference()),
					Expected: first.Reference(), Actual: ref, Related: []Place{first.Place},
				})
				continue
			}
			if first != nil {
				continue
			}
			first = r
			if hasChannel(s, ref) {
				continue
			}
			f := Finding{Message: fmt.Sprintf("the reference %s is not a channel of %s", ref, s.Sample), Expected: s.Reference, Actual: ref}
			if r.Own != "" {
				report(c, r, metadata.Value{}, f)
				continue
			}
			if said[ref] {
				continue
			}
			said[ref] = true
			f.Message = fmt.Sprintf("the reference %s is not a channel of %s", ref, g.Name)
			f.Place, f.Key = Place{Path: g.Path, Line: 1}, g.Name
			if g.Header == nil || g.Header.Reference == "" {
				f.Place = Place{Path: metadata.DescriptorFile, Line: 1}
			}
			c.Report(f)
		}
	}
}

// hasChannel accepts the format's own reference although the sample lacks it:
// KITTI object has no image_00, and a raw frame may have lost it.
func hasChannel(s *metadata.Sample, ref string) bool {
	if ref == s.Reference {
		return true
	}
	for _, o := range s.Channels {
		if o.Channel == ref {
			return true
		}
	}
	return false
}
