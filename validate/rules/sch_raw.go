package rules

import (
	"fmt"
	"math"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var schRaw = []Rule{
	{
		ID: "SCH033", Slug: "timestamp-format", Severity: rule.Error, Formats: formats{kittiRaw},
		Summary: "Each line of a timestamps file is YYYY-MM-DD HH:MM:SS.nnnnnnnnn with nine fraction digits, or blank.",
		Why:     "Readers cut the line at fixed columns. Six digits instead of nine are read as nanoseconds, and the frame moves by up to a second.",
		Example: "2011-09-26 13:02:25.967790",
		Hint:    "write nine fraction digits, from the integer nanoseconds and not from a float of seconds",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH034", Slug: "timestamp-blank", Severity: rule.Warning, Formats: formats{kittiRaw},
		Summary: "A frame whose line of timestamps is blank, and so declared missing, has no data file.",
		Why:     "The file cannot be placed in time: loaders either fail on the blank line or give the data the time of another frame.",
		Example: "velodyne_points/timestamps.txt:178 is blank, and data/0000000177.bin is there",
		Hint:    "restore the stamp, or remove the data file",
		Checks: []Check{rule.On(func(c *Ctx, clock *kitti.RawClock) {
			for i := range clock.Drive.Streams {
				st := &clock.Drive.Streams[i]
				stamps := clock.Stamps[st.Channel]
				if stamps == nil {
					continue
				}
				for k, l := range stamps.Lines {
					if l.StampState != kitti.Blank {
						continue
					}
					if file, ok := st.File(k); ok {
						p := stamps.Place(k)
						p.Channel, p.Frame = st.Channel, fmt.Sprintf("%010d", k)
						c.Report(Finding{
							Message: "the line is blank, so that the frame is declared missing, but its data is there",
							Place:   p, Related: []Place{{Path: file, Channel: st.Channel, Frame: p.Frame}},
						})
					}
				}
			}
		})},
	},
	{
		ID: "SCH035", Slug: "oxts-fields", Severity: rule.Error, Formats: formats{kittiRaw, kittiTracking},
		Summary: "Each reading of the GPS/IMU unit is 30 finite numbers on one line, of which the last five are integers.",
		Why:     "Readers take the values by position; devkits convert the last five with int() and stop at \"4.0\".",
		Example: "49.0150 8.4343 116.43 … (29 values)",
		Hint:    "restore the file from the archive; dataformat.txt lists the values",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH036", Slug: "oxts-range", Severity: rule.Error, Formats: formats{kittiRaw, kittiTracking},
		Summary: "Readings of the GPS/IMU unit lie in their ranges: degrees on the globe, angles within a turn, known modes.",
		Why:     "A latitude in rad or a yaw in degrees gives a pose that is far off, with no error anywhere.",
		Example: "yaw 149.4 (degrees), where rad is expected",
		Hint:    "write lat and lon in degrees, roll, pitch and yaw in rad, as dataformat.txt says",
		Checks:  []Check{rule.On(checkOxtsRange)},
	},
	{
		ID: "SCH041", Slug: "poses-row", Severity: rule.Error, Formats: formats{kittiOdometry, semanticKITTI},
		Summary: "A poses file has one line of 12 numbers for each frame of its sequence.",
		Why:     "The row is a 3x4 matrix, found by counting lines: one line too few shifts every pose behind it.",
		Example: "1.000000e+00 9.043680e-12 … (11 values)",
		Hint:    "restore poses/NN.txt from the archive",
		Checks: []Check{rule.FromReader(), rule.On(func(c *Ctx, s *kitti.Sequence) {
			for _, p := range s.Poses {
				if n := s.Count(); n > 0 && p.Rows != n {
					c.Report(Finding{
						Message:  fmt.Sprintf("%d poses for the %s of sequence %s", p.Rows, human.Count(n, "frame"), s.Name),
						Place:    Place{Path: p.Path},
						Expected: fmt.Sprint(n), Actual: fmt.Sprint(p.Rows), Key: "rows",
					})
				}
			}
		})},
	},
}

// oxtsRanges are what the unit can say, by position in kitti.OxtsFields. The
// angles have a margin for their printed digits.
var oxtsRanges = []struct {
	field    int
	min, max float64
	unit     string
}{
	{0, -90, 90, " degrees"},
	{1, -180, 180, " degrees"},
	{3, -math.Pi - 1e-6, math.Pi + 1e-6, " rad"},
	{4, -math.Pi/2 - 1e-6, math.Pi/2 + 1e-6, " rad"},
	{5, -math.Pi - 1e-6, math.Pi + 1e-6, " rad"},
	{25, -1, 32, ""}, // navstat
	{26, 0, 64, ""},  // numsats: satellites of every system in sight
	{27, -1, 32, ""}, // posmode, velmode, orimode: OxTS modes
	{28, -1, 32, ""},
	{29, -1, 32, ""},
}

func checkOxtsRange(c *Ctx, o *kitti.Oxts) {
	for _, r := range oxtsRanges {
		v := o.Values[r.field]
		if v >= r.min && v <= r.max {
			continue
		}
		name := kitti.OxtsFields[r.field]
		c.Report(Finding{
			Message:  fmt.Sprintf("%s (value %d) is %g%s", name, r.field+1, v, r.unit),
			Place:    o.At(r.field),
			Expected: fmt.Sprintf("%.6g to %.6g%s", r.min, r.max, r.unit), Actual: fmt.Sprintf("%g", v),
			Key: o.Place.Frame + " " + name,
		})
	}
}
