package rules

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/validate/payload"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var payClouds = []Rule{
	{
		ID: "PAY007", Slug: "lidar-stride", Severity: rule.Error,
		Summary: "A cloud without a header holds whole points: 4 float32 in KITTI, 5 in nuScenes and Lyft.",
		Why:     "Loaders reshape the numbers to rows: a remainder stops them, and another number of columns turns coordinates into intensities.",
		Example: "000001.bin has 1923008 bytes, which is no multiple of 16",
		Hint:    "download the file again; if it fits points of another width, it was written by a converter for another format",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "PAY014", Slug: "lidar-count", Severity: rule.Warning,
		Summary: "A scan has between half and one and a half times the median number of points of its channel; in nuScenes mini, equally many for each of the 32 rings.",
		Why:     "A scanner returns much the same number each turn: a thin scan lost packets, a thick one is two scans in one file.",
		Example: "120000 points in the channel's other scans, 31000 in this one",
		Hint:    "look at the scan; leave it out if the scanner failed there",
		Checks: []Check{rule.Collect(collectCounts, reportCounts), rule.On(func(c *Ctx, f *payload.CloudFile) {
			// Every scan of the mini release has each of the 32 rings in full.
			if c.Dataset.Schema == nuScenes && c.Dataset.Tables == "v1.0-mini" && f.Channel == "LIDAR_TOP" && f.Points%32 != 0 {
				c.Report(Finding{
					Message: fmt.Sprintf("%d points are not equally many for each of the 32 rings", f.Points), Place: f.Place(), Key: "rings",
					Expected: "a multiple of 32 points", Actual: fmt.Sprintf("%d points", f.Points),
				})
			}
		})},
	},
	{
		ID: "PAY016", Slug: "pcd-header", Severity: rule.Error,
		Summary: "A PCD has all mandatory header lines, one SIZE, TYPE and COUNT for each field, and POINTS = WIDTH x HEIGHT.",
		Why:     "Readers take the layout of the body from these lines: one that contradicts another shifts every value.",
		Example: "FIELDS x y z intensity with SIZE 4 4 4",
		Hint:    "write the file again with a PCD library",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "PAY017", Slug: "pcd-body", Severity: rule.Error,
		Summary: "The body of a PCD is long enough for the points of its header.",
		Why:     "A file that was cut off fails in the reader, or gives points made of whatever lies in memory.",
		Example: "POINTS 125 of 43 bytes each, and 4300 bytes behind the header",
		Hint:    "copy or download the file again",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "PAY018", Slug: "radar-fields", Severity: rule.Error,
		Formats: formats{nuScenes},
		Summary: "A radar scan has the 18 fields of nuScenes with their names, order, sizes and types.",
		Why:     "The devkit addresses fields by position: with one too few, velocities are read from the flags.",
		Example: "FIELDS … vx vy is_quality_valid …, without vx_comp and vy_comp",
		Hint:    "write the scan with the 18 fields of the schema",
		Checks: []Check{rule.On(func(c *Ctx, f *payload.CloudFile) {
			if f.Kind != payload.Radar {
				return
			}
			if want, got := radarDifference(f.PCD); want != got {
				c.Report(Finding{
					Message: "the fields of the scan are not those of a nuScenes radar", Place: f.Place(),
					Expected: want, Actual: got,
				})
			}
		})},
	},
	{
		ID: "PAY019", Slug: "radar-devkit-tail", Severity: rule.Warning,
		Formats: formats{nuScenes},
		Summary: "A radar scan has the header lines where the devkit looks for them, and at least one byte behind the last point.",
		Why:     "The devkit asserts both: a legal PCD of exact size, as modern writers make, stops it.",
		Example: "header 370 bytes, 43 x 10 bytes of points, and nothing more",
		Hint:    "`mmvalidate fix` appends the byte; write the 11 header lines in the order of the release",
		Checks:  []Check{rule.On(checkRadarTail)},
		Fix:     padRadar,
	},
	{
		ID: "PAY021", Slug: "radar-empty", Severity: rule.Info,
		Formats: formats{nuScenes},
		Summary: "States which radar scans saw nothing: one point without coordinates, as the release writes it.",
		Why:     "Code that averages or projects the points gets NaN from such a scan.",
		Example: "POINTS 1, x = nan",
		Hint:    "nothing to repair; drop the point when loading",
		Checks: []Check{rule.On(func(c *Ctx, f *payload.CloudFile) {
			if f.Empty {
				c.Report(Finding{Message: "the scan is empty: its one point has no coordinates", Place: f.Place()})
			}
		})},
	},
	{
		ID: "PAY022", Slug: "modality-content", Severity: rule.Error,
		Formats: formats{nuScenes, t4},
		Summary: "A file holds what its channel and name say: lidar, radar, PNG or JPEG.",
		Why:     "A radar scan read as lidar, or a JPEG renamed to .png, gives numbers that look like data.",
		Example: "samples/LIDAR_TOP/….pcd.bin that begins with \"# .PCD\"",
		Hint:    "the file of another channel was copied here: restore the right one",
		Checks:  []Check{rule.FromReader()},
	},
}

// countState holds the scans of each channel.
type countState map[string][]scan

// A scan is how many points a lidar file has.
type scan struct {
	path, token, frame string
	points             int64
}

func collectCounts(c *Ctx, s *countState, f *payload.CloudFile) {
	if f.Kind != payload.Lidar {
		return
	}
	if *s == nil {
		*s = countState{}
	}
	(*s)[f.Channel] = append((*s)[f.Channel], scan{f.Path, f.Token, f.Frame, f.Points})
}

// minScans is how many scans a channel needs for a median that means something.
const minScans = 4

func reportCounts(c *Ctx, s *countState) {
	for channel, scans := range *s {
		if len(scans) < minScans {
			continue
		}
		slices.SortFunc(scans, func(a, b scan) int { return cmp.Compare(a.points, b.points) })
		median := scans[len(scans)/2].points
		for _, k := range scans {
			if 2*k.points >= median && 2*k.points <= 3*median {
				continue
			}
			c.Report(Finding{
				Message:  fmt.Sprintf("%d points, %.2f of the median of %s", k.points, float64(k.points)/float64(max(median, 1)), channel),
				Place:    Place{Path: k.path, Token: k.token, Frame: k.frame, Channel: channel},
				Expected: fmt.Sprintf("%d to %d points", (median+1)/2, 3*median/2), Actual: fmt.Sprintf("%d points", k.points),
			})
		}
	}
}

// radarFields are the fields of a radar scan of nuScenes: name, size, type.
var radarFields = strings.Fields("x4F y4F z4F dyn_prop1I id2I rcs4F vx4F vy4F vx_comp4F vy_comp4F is_quality_valid1I ambig_state1I x_rms1I y_rms1I invalid_state1I pdh01I vx_rms1I vy_rms1I")

// radarDifference gives the first place where the fields differ from those of
// nuScenes, as expected and actual; equal texts if they do not.
func radarDifference(p *payload.PCD) (want, got string) {
	if len(p.Fields) != len(radarFields) {
		return fmt.Sprintf("%d fields", len(radarFields)), fmt.Sprintf("%d fields", len(p.Fields))
	}
	for i, f := range p.Fields {
		got := fmt.Sprintf("%s%d%c", f.Name, f.Size, f.Type)
		if f.Count != 1 {
			got += fmt.Sprintf(" x %d", f.Count)
		}
		if got != radarFields[i] {
			return fmt.Sprintf("field %d: %s", i+1, fieldText(radarFields[i])), fmt.Sprintf("field %d: %s", i+1, fieldText(got))
		}
	}
	return "", ""
}

// fieldText writes "dyn_prop1I" as "dyn_prop SIZE 1 TYPE I".
func fieldText(field string) string {
	field, count, _ := strings.Cut(field, " ")
	n := len(field) - 2
	return strings.TrimSpace(fmt.Sprintf("%s SIZE %c TYPE %c %s", field[:n], field[n], field[n+1], count))
}

// radarKeys are the header lines at the positions where the devkit reads them.
var radarKeys = strings.Fields("# VERSION FIELDS SIZE TYPE COUNT WIDTH HEIGHT VIEWPOINT POINTS DATA")

func checkRadarTail(c *Ctx, f *payload.CloudFile) {
	if f.Kind != payload.Radar {
		return
	}
	if !slices.Equal(f.PCD.Keys, radarKeys) {
		c.Report(Finding{
			Message: "the header lines are not where the devkit looks for them", Place: f.Place(), Key: "lines",
			Expected: strings.Join(radarKeys, " "), Actual: strings.Join(f.PCD.Keys, " "),
		})
		return
	}
	if end := f.PCD.Body + f.PCD.Points*f.PCD.Step; f.PCD.Data == "binary" && f.Size == end {
		c.Report(Finding{
			Message: "the file ends with the last point, where the devkit wants one byte more", Place: f.Place(), Key: "tail",
			Expected: fmt.Sprintf("at least %d bytes", end+1), Actual: fmt.Sprintf("%d bytes", f.Size),
		})
	}
}

// padRadar appends a byte to a radar scan that ends with its last point.
func padRadar(path string, content []byte) ([]byte, error) {
	if !strings.HasSuffix(path, ".pcd") {
		return content, nil
	}
	p, err := payload.PCDHeader(bytes.NewReader(content))
	if err != nil || p.Data != "binary" || int64(len(content)) != p.Body+p.Points*p.Step {
		return content, nil // nothing that a byte could mend
	}
	if want, got := radarDifference(p); want != got {
		return content, nil
	}
	return append(slices.Clip(content), 0), nil
}
