package rules

import (
	"fmt"
	"path"
	"slices"

	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var lnkKITTI = []Rule{
	{
		ID: "LNK032", Slug: "track-frame", Severity: rule.Error,
		Formats: formats{kittiTracking},
		Summary: "Rows of a sequence are ordered by frame, name frames that exist, and name each track once in a frame.",
		Why:     "A tracker's score is computed over pairs of frame and track: a pair that is there twice makes the evaluation refuse the file, or count the object twice.",
		Example: "two rows \"17 3 Car …\" in label_02/0004.txt",
		Hint:    "remove the second row, or give it the number of its own track; sort the file by its first column",
		Checks:  []Check{rule.On(checkTrackRows)},
	},
	{
		ID: "LNK034", Slug: "raw-mapping", Severity: rule.Warning,
		Formats: formats{kittiObject},
		Summary: "The devkit's mapping is sound: train_rand is a permutation of the lines of train_mapping, and names frames that the raw data set has.",
		Why:     "Through the mapping a training frame finds its time stamps and its drive. A mapping that is off by one line gives every frame the stamps of another.",
		Example: "train_rand.txt names line 7282 twice",
		Hint:    "take train_rand.txt and train_mapping.txt from the object devkit again; image id i is line rand[i] of the mapping",
		Checks: []Check{
			rule.On(checkMapping),
			rule.On(func(c *Ctx, f *moment.Fleet) {
				for _, s := range objectSources(f) {
					checkMappedFrames(c, s, rawSources(f))
				}
			}),
		},
	},
}

func checkTrackRows(c *Ctx, f *kitti.LabelFile) {
	type pair struct{ frame, track int }
	first := map[pair]*kitti.LabelRow{}
	last := 0
	if len(f.Frames) > 0 {
		last = f.Frames[len(f.Frames)-1]
	} else if len(f.Rows) > 0 {
		c.Skip("frames of sequence " + f.Sequence)
	}
	for i, r := range f.Rows {
		report := func(key, format string, args ...any) {
			c.Report(Finding{
				Message: fmt.Sprintf(format, args...), Place: Place{Path: r.Path, Line: r.Line, Frame: r.Frame},
				Key: fmt.Sprintf("%s %d %d", key, r.Number, r.Track),
			})
		}
		if i > 0 && r.Number < f.Rows[i-1].Number {
			report("order", "frame %d comes after frame %d", r.Number, f.Rows[i-1].Number)
		}
		if r.Number < 0 || len(f.Frames) > 0 && r.Number > last {
			report("frame", "frame %d is not in the sequence, which ends at %d", r.Number, last)
		}
		if r.Track < 0 {
			continue
		}
		p := pair{r.Number, r.Track}
		if other := first[p]; other != nil {
			report("twice", "track %d is also on line %d for frame %d", r.Track, other.Line, r.Number)
			continue
		}
		first[p] = r
	}
}

func checkMapping(c *Ctx, s *kitti.ObjectSource) {
	m := s.Mapping
	if m == nil {
		return
	}
	for _, p := range m.Problems {
		c.Report(Finding{Message: p.Message, Place: Place{Path: p.Path, Line: p.Line}, Key: p.Message})
	}
	training := s.Split("training")
	if len(m.Problems) > 0 || training == nil {
		return
	}
	numbers := training.Frames.Numbers()
	if n := len(numbers); n > 0 && numbers[n-1] >= len(m.Rand) {
		c.Report(Finding{
			Message: fmt.Sprintf("the mapping ends at frame %06d, the training part at %06d", len(m.Rand)-1, numbers[n-1]),
			Place:   Place{Path: path.Join(m.Dir, "train_rand.txt")}, Key: "end",
		})
	}
}

// checkMappedFrames looks up the raw frame of each training frame in the raw
// drives at hand. Drives that are not are no fault: few people keep all 141.
func checkMappedFrames(c *Ctx, s *kitti.ObjectSource, raw []*kitti.RawSource) {
	training := s.Split("training")
	if len(raw) == 0 || s.Mapping == nil || training == nil {
		return
	}
	drives := map[string]*kitti.RawDrive{}
	for _, r := range raw {
		for _, d := range r.Drives {
			if d.Synced {
				drives[d.Name] = d
			}
		}
	}
	absent := map[string]bool{}
	for _, id := range training.Frames.IDs() {
		r, ok := s.Raw("training", id)
		if !ok {
			continue
		}
		d := drives[r.Drive()]
		if d == nil {
			absent[r.Drive()] = true
			continue
		}
		if !slices.ContainsFunc(d.Streams, func(st kitti.RawStream) bool { _, found := st.File(r.Frame); return found }) {
			c.Report(Finding{
				Message: fmt.Sprintf("frame %s is mapped to %s, which the raw drive does not have", id, r.Sample()),
				Place:   Place{Path: path.Join(s.Mapping.Dir, "train_mapping.txt"), Frame: id},
				Dataset: s.Dataset().Root, Related: []Place{{Path: d.Dir}},
			})
		}
	}
	if len(absent) > 0 {
		c.Skip(fmt.Sprintf("%d raw drives that are not at hand", len(absent)))
	}
}

func objectSources(f *moment.Fleet) (out []*kitti.ObjectSource) {
	for _, s := range f.Sources {
		if o, ok := s.(*kitti.ObjectSource); ok {
			out = append(out, o)
		}
	}
	return out
}

func rawSources(f *moment.Fleet) (out []*kitti.RawSource) {
	for _, s := range f.Sources {
		if r, ok := s.(*kitti.RawSource); ok {
			out = append(out, r)
		}
	}
	return out
}
