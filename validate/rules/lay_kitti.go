package rules

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var layKITTI = []Rule{
	{
		ID: "LAY004", Slug: "dir-missing", Severity: rule.Error,
		Formats: formats{kittiObject, kittiRaw, kittiTracking, kittiOdometry, semanticKITTI, nuScenes, t4},
		Summary: "Every folder that the format requires is there: those of KITTI's sensors, calibrations and labels; samples and sweeps of nuScenes and data of T4, where tables name files in them.",
		Why:     "A loader stops at the first frame, or trains without a modality that was meant to be used.",
		Example: "training/ has image_2 and label_2, and no calib",
		Hint:    "unpack the archive that holds the folder, or give the folder that really is the root",
		Checks:  []Check{rule.On(checkSplitFolders), rule.On(checkRawFolders), rule.On(checkSequenceFolders), rule.On(checkTableFolders).Needing("sample_data")},
	},
	{
		ID: "LAY008", Slug: "frame-set-mismatch", Severity: rule.Error,
		Formats: formats{kittiObject, kittiTracking, kittiOdometry, semanticKITTI},
		Summary: "Every frame is in every required folder of its split or sequence.",
		Why:     "Frames are joined by their number: a loader that lists one folder and opens the others fails at the frame that one of them lacks.",
		Example: "training/calib/000002.txt is there, training/velodyne/000002.bin is not",
		Hint:    "restore the file, or remove the frame from every folder; a frame without objects has an empty label file",
		Checks:  []Check{rule.On(checkFrameSet)},
	},
	{
		ID: "LAY009", Slug: "frame-id-format", Severity: rule.Error,
		Formats: formats{kittiObject, kittiTracking, kittiOdometry, semanticKITTI, kittiRaw},
		Summary: "A frame's name is a number of exactly 6 digits (10 in raw, 4 for a sequence of tracking), without a suffix.",
		Why:     "Loaders make the name from the number with \"%06d\"; any other spelling is a file that they never find.",
		Example: "training/image_2/000030_10.png",
		Hint:    "rename the file to the frame's number with leading zeros",
		Checks: []Check{rule.FromReader(), rule.On(func(c *Ctx, s *kitti.FrameSet) {
			for _, folder := range s.Folders {
				for _, f := range folder.Files {
					if f.Odd {
						c.Report(Finding{
							Message:  fmt.Sprintf("%q is not the name of a %s", f.ID, s.Noun),
							Place:    Place{Path: path.Join(folder.Path, f.Name), Frame: f.ID},
							Expected: fmt.Sprintf("%d digits", s.Digits), Actual: f.ID,
						})
					}
				}
			}
		})},
	},
	{
		ID: "LAY010", Slug: "frame-gap", Severity: rule.Warning,
		Formats: formats{kittiObject, kittiTracking, kittiOdometry, semanticKITTI, kittiRaw},
		Summary: "The numbers of the frames of a split, sequence or stream have no holes.",
		Why:     "A hole is often a download that broke off; code that counts frames instead of listing them goes out of step.",
		Example: "training/image_2 goes from 000006.png to 000009.png",
		Hint:    "download the missing frames, or keep the set as it is if it was thinned on purpose",
		Checks:  []Check{rule.On(checkFrameGaps)},
	},
	{
		ID: "LAY033", Slug: "labels-in-testing", Severity: rule.Warning,
		Formats: formats{kittiObject, kittiTracking},
		Summary: "The testing part has no labels.",
		Why:     "The owner publishes none. Labels there are training data under the wrong name, or detections that would be taken for the truth.",
		Example: "testing/label_2/000000.txt",
		Hint:    "move results out of the data set, or the frames to training/",
		Checks: []Check{rule.On(func(c *Ctx, s *kitti.Split) {
			for _, f := range s.Folders {
				if s.Name == "testing" && f.Present && strings.HasPrefix(f.Name, "label_") {
					c.Report(Finding{Message: "the testing part has a folder of labels", Place: Place{Path: f.Path}})
				}
			}
		})},
	},
	{
		ID: "LAY034", Slug: "official-count", Severity: rule.Info, Statistic: true,
		Formats: formats{kittiObject, nuScenes},
		Summary: "States how the number of frames or samples compares with the official release.",
		Why:     "A result can be compared with published ones only if it was computed on the same frames.",
		Example: "training has 7480 of the 7481 official frames",
		Hint:    "nothing to repair if the data set is a subset on purpose",
		Checks: []Check{rule.On(func(c *Ctx, s *kitti.Split) {
			n, official := len(s.Frames.Numbers()), officialFrames[s.Name]
			c.Report(Finding{
				Message:  fmt.Sprintf("%s has %d frames; the official release has %d", s.Name, n, official),
				Place:    Place{Path: s.Name},
				Expected: fmt.Sprint(official), Actual: fmt.Sprint(n), Key: s.Name,
			})
		}), rule.On(countSamples).Needing("sample")},
	},
	{
		ID: "LAY035", Slug: "folder-alias", Severity: rule.Info,
		Formats: formats{kittiObject},
		Summary: "Folders have the names of the official archives: image_2, image_3, label_2.",
		Why:     "The devkit's readme writes image_02 and label_02, but loaders open the names of the archives.",
		Example: "training/image_02/000000.png",
		Hint:    "rename the folder as in the archives",
		Checks: []Check{rule.On(func(c *Ctx, s *kitti.Split) {
			for _, f := range s.Folders {
				if base := path.Base(f.Path); f.Present && !strings.EqualFold(base, f.Name) {
					c.Report(Finding{
						Message:  fmt.Sprintf("folder %s is spelt as in the devkit's readme", base),
						Place:    Place{Path: f.Path},
						Expected: f.Name, Actual: base,
					})
				}
			}
		})},
	},
}

// officialFrames are the frames of the object benchmark.
var officialFrames = map[string]int{"training": 7481, "testing": 7518}

func checkSplitFolders(c *Ctx, s *kitti.Split) {
	for _, f := range s.Folders {
		if f.Required && !f.Present {
			c.Report(Finding{
				Message: fmt.Sprintf("required folder %s of the %s part is missing", f.Name, s.Name),
				Place:   Place{Path: f.Path},
			})
		}
	}
}

// checkFrameSet reports each frame that a required folder lacks. A folder that
// is missing as a whole is another rule's finding.
func checkFrameSet(c *Ctx, s *kitti.FrameSet) {
	all := s.Numbers()
	for i := range s.Folders {
		folder := &s.Folders[i]
		if !folder.Required || folder.Missing {
			continue
		}
		have := folder.Numbers()
		for _, n := range all {
			if len(have) > 0 && have[0] == n {
				have = have[1:]
				continue
			}
			id := s.ID(n)
			c.Report(Finding{
				Message: fmt.Sprintf("%s %s of %s is missing in %s", s.Noun, id, s.Name, folder.Channel),
				Place:   Place{Path: path.Join(folder.Path, id+folder.Ext), Frame: id, Channel: folder.Channel},
			})
		}
	}
}

// checkFrameGaps reports the holes of a set as one finding: a data set thinned
// on purpose has very many. Which sequences were taken is nobody's fault.
func checkFrameGaps(c *Ctx, s *kitti.FrameSet) {
	if s.Noun == "sequence" {
		return
	}
	const shown = 5
	var holes []string
	missing, n := 0, 0
	numbers := slices.Compact(slices.Sorted(slices.Values(append(s.Numbers(), s.Absent...))))
	for i, b := range numbers {
		if i == 0 || b == numbers[i-1]+1 {
			continue
		}
		a := numbers[i-1]
		missing += b - a - 1
		if n++; n > shown {
			continue
		}
		hole := s.ID(a + 1)
		if b > a+2 {
			hole += " to " + s.ID(b-1)
		}
		holes = append(holes, hole)
	}
	if n == 0 {
		return
	}
	if n > shown {
		holes = append(holes, fmt.Sprintf("and %d more", n-shown))
	}
	dir := s.Dir
	if len(s.Folders) == 1 {
		dir = s.Folders[0].Path
	}
	c.Report(Finding{
		Message: fmt.Sprintf("%d missing in the numbering of %s: %s", missing, s.Name, strings.Join(holes, ", ")),
		Place:   Place{Path: dir}, Key: s.Name,
		Expected: fmt.Sprintf("%s to %s", s.ID(slices.Min(numbers)), s.ID(slices.Max(numbers))),
		Actual:   fmt.Sprintf("%d of %d", len(numbers), len(numbers)+missing),
	})
}
