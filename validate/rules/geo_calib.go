package rules

import (
	"fmt"
	"math"
	"strings"

	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var geoCalib = []Rule{
	{
		ID: "GEO003", Slug: "rotation-matrix", Severity: rule.Error,
		Formats: kittiCalibrated,
		Summary: "The rotation matrices of calibrations and poses are orthonormal with determinant +1.",
		Why:     "A matrix that stretches or mirrors moves every point a little or puts it on the other side; no reader notices.",
		Example: "R0_rect with one digit lost: 9.99e-01 became 9.9e-01",
		Hint:    "take the file from the release again, or orthonormalise the matrix where it is computed",
		Checks: []Check{rule.On(func(c *Ctx, f *kitti.Calib) {
			for _, k := range f.Kind.Keys() {
				if k.Rotation {
					checkRotation(c, f, k.Name)
				}
			}
		}), rule.On(func(c *Ctx, p *kitti.Pose) {
			reportRotation(c, kitti.RotationPart(p.Matrix[:]), Finding{Message: "the rotation of frame " + p.Place.Frame, Place: p.Place})
		})},
	},
	{
		ID: "GEO005", Slug: "intrinsic-values", Severity: rule.Error,
		Formats: formats{kittiObject, nuScenes, lyft, t4},
		Summary: "A camera matrix has positive focal lengths within 5 % of each other, a principal point inside the image, no skew, and the last row 0 0 1.",
		Why:     "Projection divides by the last row and scales by the focal length: any other form puts all points elsewhere, or nowhere.",
		Example: "P2 beginning \"0.0 721.5 …\": the first two columns are swapped",
		Hint:    "write fx 0 cx, 0 fy cy, 0 0 1, row by row",
		Checks: []Check{rule.On(func(c *Ctx, f *kitti.Calib) {
			for i := range 4 {
				if p := calibMatrix(c, f, f.ProjectionKey(i)); p != nil {
					checkProjection(c, f, f.ProjectionKey(i), p)
				}
			}
		}), rule.On(checkIntrinsics).Needing("calibrated_sensor", "sample_data")},
	},
	{
		ID: "GEO011", Slug: "stereo-baseline", Severity: rule.Warning,
		Formats: formats{kittiObject, kittiRaw, kittiOdometry, semanticKITTI},
		Summary: "Camera 0 is the origin (P0 has no translation) and the colour cameras are 0.45 to 0.65 m apart.",
		Why:     "Depth from stereo is proportional to the baseline, (P2[3] - P3[3]) / f. KITTI's is 0.54 m.",
		Example: "P2 and P3 swapped: the baseline is -0.53 m",
		Hint:    "check that P2 is the left and P3 the right colour camera, and that translations are in px·m",
		Checks:  []Check{rule.On(checkBaseline)},
	},
	{
		ID: "GEO013", Slug: "calib-equals-raw", Severity: rule.Error,
		Summary: "The calibration of an object frame is, to the last digit, that of the raw date it was taken from.",
		Why:     "Both files print the same measurement. Where they differ, the frame was mapped to the wrong date or its calibration was changed.",
		Example: "000000 with the calibration of 2011_09_26 although it was taken on 2011_09_28",
		Hint:    "restore calib/ from the release, and check how the mapping was read (image id i is line rand[i])",
		Checks: []Check{rule.On(func(c *Ctx, f *moment.Fleet) {
			for _, s := range objectSources(f) {
				compareWithRaw(c, s, rawSources(f))
			}
		})},
	},
	{
		ID: "GEO014", Slug: "calib-inverse", Severity: rule.Error,
		Formats: formats{kittiObject},
		Summary: "Tr_velo_to_cam leads from the scanner to the camera, not back.",
		Why:     "The inverse has the same shape and the same determinant, and throws the whole cloud out of the image.",
		Example: "Tr_velo_to_cam: 0 0 1 … -1 0 0 … 0 -1 0 …",
		Hint:    "invert the matrix; its rows should be near (0 -1 0), (0 0 -1), (1 0 0)",
		Checks:  []Check{rule.On(checkInverse)},
	},
}

// calibMatrix gives the values of a key. Where an earlier rule refuted it, the
// rule is skipped.
func calibMatrix(c *Ctx, f *kitti.Calib, key string) []float64 {
	m := f.Matrix(key)
	if m == nil && key != "" {
		needs := "SCH030 on " + f.Path
		if f.Entry(key) == nil {
			needs = "SCH029 on " + f.Path
		}
		c.Skip(needs)
	}
	return m
}

func checkRotation(c *Ctx, f *kitti.Calib, key string) {
	m := calibMatrix(c, f, key)
	if m == nil {
		return
	}
	reportRotation(c, kitti.RotationPart(m), Finding{Message: key, Place: calibPlace(f, f.Entry(key)), Key: key})
}

// reportRotation reports f where r is no rotation; f's message names the matrix.
func reportRotation(c *Ctx, r [9]float64, f Finding) {
	off := 0.0
	for i := range 3 {
		for j := range 3 {
			dot := r[3*i]*r[3*j] + r[3*i+1]*r[3*j+1] + r[3*i+2]*r[3*j+2]
			if i == j {
				dot--
			}
			off = max(off, math.Abs(dot))
		}
	}
	det := r[0]*(r[4]*r[8]-r[5]*r[7]) - r[1]*(r[3]*r[8]-r[5]*r[6]) + r[2]*(r[3]*r[7]-r[4]*r[6])
	switch {
	case !(off <= c.Params.Tolerance.Rotation):
		f.Message += " is not orthonormal"
		f.Expected = fmt.Sprintf("max |R Rᵀ - I| <= %g", c.Params.Tolerance.Rotation)
		f.Actual = fmt.Sprintf("%.3g", off)
	case det < 0:
		f.Message += " is a reflection"
		f.Expected, f.Actual = "determinant +1", "determinant -1"
	default:
		return
	}
	c.Report(f)
}

func checkProjection(c *Ctx, f *kitti.Calib, key string, p []float64) {
	fx, fy := p[0], p[5]
	var wrong []string
	if !(fx > 0) || !(fy > 0) {
		wrong = append(wrong, fmt.Sprintf("focal lengths %g and %g are not positive", fx, fy))
	} else if math.Abs(fx-fy) > 0.05*max(fx, fy) {
		wrong = append(wrong, fmt.Sprintf("focal lengths %g and %g differ by more than 5 %%", fx, fy))
	}
	if !(p[2] > 0) || !(p[6] > 0) {
		wrong = append(wrong, fmt.Sprintf("principal point (%g, %g) is outside any image", p[2], p[6]))
	}
	if p[1] != 0 || p[4] != 0 {
		wrong = append(wrong, fmt.Sprintf("skew %g", max(math.Abs(p[1]), math.Abs(p[4]))))
	}
	if p[8] != 0 || p[9] != 0 || p[10] != 1 {
		wrong = append(wrong, fmt.Sprintf("last row %g %g %g", p[8], p[9], p[10]))
	}
	if wrong != nil {
		c.Report(Finding{
			Message:  fmt.Sprintf("%s is not a projection matrix: %s", key, strings.Join(wrong, "; ")),
			Place:    calibPlace(f, f.Entry(key)),
			Expected: "fx 0 cx tx, 0 fy cy ty, 0 0 1 tz", Key: key,
		})
	}
}

func checkBaseline(c *Ctx, f *kitti.Calib) {
	if f.ProjectionKey(0) == "" { // the file has no cameras
		return
	}
	report := func(camera int, expected string, actual float64, format string, args ...any) {
		key := f.ProjectionKey(camera)
		c.Report(Finding{
			Message: fmt.Sprintf(format, args...), Place: calibPlace(f, f.Entry(key)),
			Expected: expected, Actual: fmt.Sprintf("%.4g", actual), Key: key,
		})
	}
	if p0 := calibMatrix(c, f, f.ProjectionKey(0)); p0 != nil && p0[3] != 0 {
		report(0, "0", p0[3], "%s has a translation, so camera 0 is not the origin", f.ProjectionKey(0))
	}
	p2, p3 := calibMatrix(c, f, f.ProjectionKey(2)), calibMatrix(c, f, f.ProjectionKey(3))
	if p2 == nil || p3 == nil || !(p2[0] > 0) { // GEO005 speaks about the focal length
		return
	}
	if b := (p2[3] - p3[3]) / p2[0]; b < 0.45 || b > 0.65 {
		report(2, "0.45 to 0.65 m", b, "the colour cameras are %.3f m apart", b)
	}
}

func checkInverse(c *Ctx, f *kitti.Calib) {
	const key = "Tr_velo_to_cam"
	m := calibMatrix(c, f, key)
	if m == nil {
		return
	}
	// How far the rows point along (0 -1 0), (0 0 -1), (1 0 0), and along the
	// rows of the inverse: 3 is exactly, -1.5 is the opposite at most.
	r := kitti.RotationPart(m)
	forward, backward := -r[1]-r[5]+r[6], r[2]-r[3]-r[7]
	if backward > 2 && backward > forward {
		c.Report(Finding{
			Message: "Tr_velo_to_cam leads from the camera to the scanner", Place: calibPlace(f, f.Entry(key)),
			Expected: "rows near (0 -1 0), (0 0 -1), (1 0 0)",
			Actual:   fmt.Sprintf("(%.2g %.2g %.2g), (%.2g %.2g %.2g), (%.2g %.2g %.2g)", r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8]),
			Key:      key,
		})
	}
}

// compareWithRaw holds the calibration of each mapped frame against the files
// of its date.
func compareWithRaw(c *Ctx, s *kitti.ObjectSource, raw []*kitti.RawSource) {
	training := s.Split("training")
	if len(raw) == 0 || s.Mapping == nil || training == nil {
		return
	}
	dates := map[string]map[string][]float64{} // by date and key of the object data set
	for _, file := range training.Frames.Folder("calib").Files {
		r, ok := s.Raw("training", file.ID)
		if !ok {
			continue
		}
		want, read := dates[r.Date]
		if !read {
			want = rawMatrices(raw, r.Date)
			dates[r.Date] = want
			if want == nil {
				c.Skip("raw calibration of " + r.Date)
			}
		}
		if want == nil {
			continue
		}
		calib, err := s.ReadCalib("training", file.ID)
		if err != nil { // a finding of its own
			c.Skip("LAY023 on " + file.Name)
			continue
		}
		for _, k := range calib.Kind.Keys() {
			got := calib.Matrix(k.Name)
			if got == nil || want[k.Name] == nil {
				continue
			}
			if d := maxDifference(got, want[k.Name]); d > 0 {
				c.Report(Finding{
					Message: fmt.Sprintf("%s differs from the raw calibration of %s by up to %.6g", k.Name, r.Date, d),
					Place:   calibPlace(calib, calib.Entry(k.Name)), Key: k.Name,
					Expected: "the same numbers", Dataset: s.Dataset().Root,
				})
				break // one finding a frame: the other keys tell the same
			}
		}
	}
}

// rawMatrices gives the calibration of a date under the keys of the object
// data set; nil if no raw data set at hand has it whole.
func rawMatrices(raw []*kitti.RawSource, date string) map[string][]float64 {
	for _, r := range raw {
		cam, velo, imu := r.Calib(date, kitti.CalibCamToCam), r.Calib(date, kitti.CalibVeloToCam), r.Calib(date, kitti.CalibIMUToVelo)
		if cam == nil || velo == nil || imu == nil {
			continue
		}
		m := map[string][]float64{
			"R0_rect": cam.Matrix("R_rect_00"), "Tr_velo_to_cam": velo.Transform(), "Tr_imu_to_velo": imu.Transform(),
		}
		for i := range 4 {
			m[fmt.Sprintf("P%d", i)] = cam.Projection(i)
		}
		return m
	}
	return nil
}

func maxDifference(a, b []float64) (d float64) {
	for i := range a {
		d = max(d, math.Abs(a[i]-b[i]))
	}
	return d
}
