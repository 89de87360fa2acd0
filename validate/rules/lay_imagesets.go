package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var layImageSets = []Rule{
	{
		ID: "LAY028", Slug: "imageset-id-missing", Severity: rule.Error,
		Formats: formats{kittiObject},
		Summary: "Every frame that a list in ImageSets/ names is in the data set.",
		Why:     "A loader takes the list at its word and fails at the first frame that is not there, often hours into an epoch.",
		Example: "ImageSets/train.txt names 007481, and training/ ends at 007480",
		Hint:    "remove the id from the list, or restore the frame's files",
		Checks:  []Check{rule.On(checkImageSetIDs)},
	},
	{
		ID: "LAY029", Slug: "imageset-overlap", Severity: rule.Error,
		Formats: formats{kittiObject},
		Summary: "No frame is in both train and val, and none is twice in one list.",
		Why:     "A model that is tested on what it was trained on looks better than it is.",
		Example: "000012 is in ImageSets/train.txt and in ImageSets/val.txt",
		Hint:    "remove the frame from one of the lists",
		Checks:  []Check{rule.On(checkImageSetOverlap)},
	},
	{
		ID: "LAY030", Slug: "imageset-coverage", Severity: rule.Warning,
		Formats: formats{kittiObject},
		Summary: "train and val together are all labelled frames, trainval is the same, and test is the testing part.",
		Why:     "Frames that no list names are never used, and nobody notices.",
		Example: "training/ has 7481 frames; train and val name 7480 of them",
		Hint:    "add the frames to a list, or leave them out on purpose and ignore this rule",
		Checks:  []Check{rule.On(checkImageSetCoverage).Needing("ImageSets")},
	},
	{
		ID: "LAY031", Slug: "imageset-drive-leak", Severity: rule.Warning,
		Formats: formats{kittiObject},
		Summary: "By the mapping of the devkit, no drive has frames in both train and val.",
		Why:     "Neighbouring frames of one drive show the same cars: a random split measures memory. The usual split (3712 and 3769 frames) shares no drive.",
		Example: "000003 in train and 000101 in val were both taken from 2011_09_26_drive_0005",
		Hint:    "split by drive, not by frame",
		Checks:  []Check{rule.On(checkImageSetDrives)},
	},
}

func checkImageSetIDs(c *Ctx, s *kitti.ImageSets) {
	training, testing := frameNumbers(s.Training), frameNumbers(s.Testing)
	for _, set := range s.Sets {
		have := training
		part := s.Part(set.Name)
		switch part {
		case "testing":
			have = testing
		case "":
			part, have = "the data set", union(training, testing)
		}
		if have == nil && len(set.IDs) > 0 { // often only one part is downloaded
			c.Skip(fmt.Sprintf("%s/, where %s names %d frames", part, set.Path, len(set.IDs)))
			continue
		}
		for _, id := range set.IDs {
			if _, found := slices.BinarySearch(have, id.Number); !found {
				c.Report(Finding{
					Message: fmt.Sprintf("frame %s is not in %s", id.ID, part),
					Place:   Place{Path: set.Path, Line: id.Line, Frame: id.ID},
				})
			}
		}
	}
}

func checkImageSetOverlap(c *Ctx, s *kitti.ImageSets) {
	train := map[int]int{} // number: line
	for _, set := range s.Sets {
		lines := map[int]int{}
		for _, id := range set.IDs {
			if first, twice := lines[id.Number]; twice {
				c.Report(Finding{
					Message: fmt.Sprintf("frame %s is also on line %d", id.ID, first),
					Place:   Place{Path: set.Path, Line: id.Line, Frame: id.ID},
				})
				continue
			}
			lines[id.Number] = id.Line
		}
		if set.Name == "train" {
			train = lines
		}
	}
	val := s.Set("val")
	if val == nil {
		return
	}
	for _, id := range val.IDs {
		if line, both := train[id.Number]; both {
			c.Report(Finding{
				Message: fmt.Sprintf("frame %s of val is also in train", id.ID),
				Place:   Place{Path: val.Path, Line: id.Line, Frame: id.ID},
				Related: []Place{{Path: s.Set("train").Path, Line: line, Frame: id.ID}},
			})
		}
	}
}

// checkImageSetCoverage reports the frames that a list lacks. Frames that a
// list names too much are another rule's finding.
func checkImageSetCoverage(c *Ctx, s *kitti.ImageSets) {
	var labelled []int
	if s.Training != nil {
		labelled = s.Training.Frames.Folder("label_2").Numbers()
	}
	check := func(what string, want []int, names ...string) {
		var have []int
		where := ""
		for _, name := range names {
			set := s.Set(name)
			if set == nil {
				return
			}
			where = set.Path
			for _, id := range set.IDs {
				have = append(have, id.Number)
			}
		}
		slices.Sort(have)
		var lacking []string
		n := 0
		for _, number := range want {
			if _, found := slices.BinarySearch(have, number); found {
				continue
			}
			if n++; n <= 5 {
				lacking = append(lacking, fmt.Sprintf("%06d", number))
			}
		}
		if n == 0 {
			return
		}
		if n > 5 {
			lacking = append(lacking, fmt.Sprintf("and %d more", n-5))
		}
		c.Report(Finding{
			Message: fmt.Sprintf("%s lacks %d of the %d %s: %s", strings.Join(names, " + "), n, len(want), what, strings.Join(lacking, ", ")),
			Place:   Place{Path: where}, Key: strings.Join(names, "+"),
			Expected: fmt.Sprint(len(want)), Actual: fmt.Sprint(len(want) - n),
		})
	}
	check("labelled frames", labelled, "train", "val")
	check("labelled frames", labelled, "trainval")
	check("testing frames", frameNumbers(s.Testing), "test")
}

func checkImageSetDrives(c *Ctx, s *kitti.ImageSets) {
	train, val := s.Set("train"), s.Set("val")
	if train == nil || val == nil {
		return
	}
	if s.Mapping == nil {
		c.Skip("the devkit's mapping (train_rand.txt, train_mapping.txt)")
		return
	}
	if len(s.Mapping.Problems) > 0 {
		c.Skip("LNK034 on " + s.Mapping.Dir)
		return
	}
	drives := func(set *kitti.ImageSet) map[string]kitti.ImageSetID {
		first := map[string]kitti.ImageSetID{}
		for _, id := range set.IDs {
			if r, ok := s.Mapping.Raw(id.Number); ok {
				if _, seen := first[r.Drive()]; !seen {
					first[r.Drive()] = id
				}
			}
		}
		return first
	}
	a, b := drives(train), drives(val)
	for _, drive := range slices.Sorted(maps.Keys(b)) {
		if t, both := a[drive]; both {
			v := b[drive]
			c.Report(Finding{
				Message: fmt.Sprintf("drive %s has frames in train (%s) and in val (%s)", drive, t.ID, v.ID),
				Place:   Place{Path: val.Path, Line: v.Line, Frame: v.ID}, Key: drive,
				Related: []Place{{Path: train.Path, Line: t.Line, Frame: t.ID}},
			})
		}
	}
}

// frameNumbers gives the frames of a part; nil if there is none.
func frameNumbers(s *kitti.Split) []int {
	if s == nil {
		return nil
	}
	return s.Frames.Numbers()
}

func union(a, b []int) []int {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
