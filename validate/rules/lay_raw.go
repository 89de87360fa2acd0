package rules

import (
	"fmt"
	"path"
	"slices"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var layRaw = []Rule{
	{
		ID: "LAY011", Slug: "timestamps-count", Severity: rule.Error, Formats: formats{kittiRaw},
		Summary: "Each timestamps file of a stream has one line for each frame: as many as its highest frame number + 1.",
		Why:     "Line k is the time of frame k. With a line too few or too many nobody knows which frame lost its time, and every offset behind that line may be off by one period.",
		Example: "oxts/data ends with 0000000107.txt, oxts/timestamps.txt has 107 lines",
		Hint:    "restore both from the archive of the drive; an empty line stands for a frame without data",
		Checks:  []Check{rule.On(checkStampCount)},
	},
	{
		ID: "LAY012", Slug: "stream-missing", Severity: rule.Warning, Formats: formats{kittiRaw},
		Summary: "Each drive has its six streams: image_00 to image_03, oxts and velodyne_points.",
		Why:     "Loaders open all of them, and image_00 is the clock that every offset is counted from.",
		Example: "2011_09_26_drive_0001_sync has no image_01",
		Hint:    "unpack the drive's whole archive; a drive cut down on purpose can ignore this rule",
		Checks: []Check{rule.On(func(c *Ctx, s *kitti.RawSource) {
			for _, d := range s.Drives {
				for _, ch := range kitti.RawChannels() {
					if d.Stream(ch.Name) == nil {
						c.Report(Finding{
							Message: fmt.Sprintf("drive %s has no %s", d.Name, ch.Dir),
							Place:   Place{Path: path.Join(d.Dir, ch.Dir), Channel: ch.Name},
						})
					}
				}
			}
		})},
	},
	{
		ID: "LAY013", Slug: "calib-date-missing", Severity: rule.Error, Formats: formats{kittiRaw},
		Summary: "Each date with drives has its three calibration files.",
		Why:     "They hold for every drive of the day; without them no point can be projected into an image.",
		Example: "2011_09_26/ has drives, and no calib_velo_to_cam.txt",
		Hint:    "unpack DATE_calib.zip beside the drives of that date",
		Checks:  []Check{rule.On(checkCalibFiles)},
	},
	{
		ID: "LAY014", Slug: "dataformat-missing", Severity: rule.Info, Formats: formats{kittiRaw},
		Summary: "oxts has the file dataformat.txt that explains its thirty values.",
		Why:     "It is the only description of the values that travels with the data.",
		Example: "2011_09_26_drive_0001_sync/oxts has data/ and timestamps.txt alone",
		Hint:    "copy dataformat.txt from any drive of the owner: all are equal",
		Checks: []Check{rule.On(func(c *Ctx, s *kitti.RawSource) {
			for _, d := range s.Drives {
				if st := d.Stream("oxts"); st != nil && !c.Dataset.Tree.HasFile(path.Join(st.Dir, "dataformat.txt")) {
					c.Report(Finding{
						Message: fmt.Sprintf("oxts of drive %s has no dataformat.txt", d.Name),
						Place:   Place{Path: path.Join(st.Dir, "dataformat.txt"), Channel: "oxts"},
					})
				}
			}
		})},
	},
}

// checkStampCount compares the lines of each timestamps file with the frames
// of its stream. Where data/ itself is missing, dir-missing says so.
func checkStampCount(c *Ctx, clock *kitti.RawClock) {
	for i := range clock.Drive.Streams {
		st := &clock.Drive.Streams[i]
		if st.Data.Missing {
			continue
		}
		files := map[string]string{st.Channel: "timestamps.txt"}
		if st.Channel == "velodyne" {
			files["velodyne_start"], files["velodyne_end"] = "timestamps_start.txt", "timestamps_end.txt"
		}
		for key, file := range files {
			p := path.Join(st.Dir, file)
			stamps := clock.Stamps[key]
			switch want := st.Count(); {
			case stamps == nil && !c.Dataset.Tree.Has(p):
				severity := rule.AsRule
				if key != st.Channel {
					severity = rule.Warning // the ends of a turn are of use, but not needed
				}
				c.Report(Finding{
					Severity: severity,
					Message:  fmt.Sprintf("%s has no %s for its %s", path.Base(st.Dir), file, human.Count(want, "frame")),
					Place:    Place{Path: p, Channel: st.Channel}, Expected: fmt.Sprint(want), Actual: "no file",
				})
			case stamps != nil && len(stamps.Lines) != want:
				c.Report(Finding{
					Message:  fmt.Sprintf("%d lines for the %s of %s", len(stamps.Lines), human.Count(want, "frame"), path.Base(st.Dir)),
					Place:    Place{Path: p, Channel: st.Channel},
					Expected: fmt.Sprint(want), Actual: fmt.Sprint(len(stamps.Lines)),
				})
			}
		}
	}
}

func checkCalibFiles(c *Ctx, s *kitti.RawSource) {
	for _, date := range s.Dates {
		var home string // the date folder with the drives
		for _, d := range s.Drives {
			if d.Parent == date.Name {
				home = path.Dir(d.Dir)
			}
		}
		if home == "" {
			continue
		}
		for _, file := range kitti.RawCalibFiles {
			if !slices.ContainsFunc(date.Dirs, func(dir string) bool { return c.Dataset.Tree.Has(path.Join(dir, file)) }) {
				c.Report(Finding{
					Message: fmt.Sprintf("date %s has drives, and no %s", date.Name, file),
					Place:   Place{Path: path.Join(home, file)},
				})
			}
		}
	}
}

// checkRawFolders is the part of dir-missing for raw: a date has drives, and a
// stream has data.
func checkRawFolders(c *Ctx, s *kitti.RawSource) {
	for _, date := range s.Dates {
		if !slices.ContainsFunc(s.Drives, func(d *kitti.RawDrive) bool { return d.Parent == date.Name }) {
			c.Report(Finding{
				Message: fmt.Sprintf("date %s has calibration files, and no drive", date.Name),
				Place:   Place{Path: date.Dirs[0]}, Expected: date.Name + "_drive_NNNN_sync",
			})
		}
	}
	for _, d := range s.Drives {
		for i := range d.Streams {
			if st := &d.Streams[i]; st.Data.Missing {
				c.Report(Finding{
					Message: fmt.Sprintf("stream %s of drive %s has no folder data", st.Channel, d.Name),
					Place:   Place{Path: st.Data.Path, Channel: st.Channel},
				})
			}
		}
	}
}

// checkSequenceFolders is the part of dir-missing for odometry. SemanticKITTI
// alone, unpacked without the odometry archives, has neither file.
func checkSequenceFolders(c *Ctx, s *kitti.Sequence) {
	payload := slices.ContainsFunc(s.Frames.Folders, func(f kitti.FrameFolder) bool { return f.Channel != "labels" })
	if !payload {
		c.Report(Finding{
			Message:  fmt.Sprintf("sequence %s has neither images nor scans", s.Name),
			Place:    Place{Path: s.Dir},
			Expected: "image_0 to image_3, velodyne",
		})
	}
	if c.Dataset.Schema != kittiOdometry {
		return
	}
	for file, there := range map[string]bool{"calib.txt": s.HasCalib, "times.txt": s.HasTimes} {
		if !there {
			c.Report(Finding{
				Message: fmt.Sprintf("sequence %s has no %s", s.Name, file),
				Place:   Place{Path: path.Join(s.Dir, file)},
			})
		}
	}
}
