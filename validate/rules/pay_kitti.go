package rules

import (
	"fmt"
	"math"

	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/payload"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var payKITTI = []Rule{
	{
		ID: "PAY005", Slug: "image-calib", Severity: rule.Error,
		Formats: formats{kittiObject, kittiRaw},
		Summary: "Rectified images have the size that their calibration was made for: S_rect in raw, around the principal point in object, left and right alike.",
		Why:     "An image that was scaled or cropped after calibration projects every point to the wrong pixel.",
		Example: "image_2 resized to 640 x 192 with the P2 of 1242 x 375",
		Hint:    "restore the original images, or scale the calibration with them",
		Checks:  []Check{rule.On(checkImageCalib), rule.On(checkRawImageSize)},
	},
	{
		ID: "PAY029", Slug: "planes", Severity: rule.Warning,
		Formats: formats{kittiObject},
		Summary: "A ground plane is a unit normal and a distance of 1 to 2.5 m, behind three lines of header.",
		Why:     "Detectors put sampled objects on this plane: a wrong one lets them float or sink.",
		Example: "planes/000000.txt whose fourth line has three numbers",
		Hint:    "write \"# Matrix\", \"WIDTH 4\", \"HEIGHT 1\", then a b c d with a² + b² + c² = 1",
		Checks:  []Check{rule.FromReader(), rule.On(checkPlane)},
	},
}

func checkImageCalib(c *Ctx, f *kitti.Frame) {
	l, r := f.Left, f.Right
	if l.Width > 0 && r.Width > 0 && (l.Width != r.Width || l.Height != r.Height) {
		c.Report(Finding{
			Message: "the left and the right image differ in size",
			Place:   Place{Path: r.Path, Frame: f.ID, Channel: "image_3"}, Related: []Place{{Path: l.Path}}, Key: "stereo",
			Expected: fmt.Sprintf("%d x %d", l.Width, l.Height), Actual: fmt.Sprintf("%d x %d", r.Width, r.Height),
		})
	}
	if f.Calib == nil || l.Width == 0 {
		c.Skip("image and calibration of the frame")
		return
	}
	p := calibMatrix(c, f.Calib, "P2")
	if p == nil || !(p[2] > 0) || !(p[6] > 0) { // GEO005 speaks
		return
	}
	if p[2] > float64(l.Width) || p[6] > float64(l.Height) {
		c.Report(Finding{
			Message: fmt.Sprintf("the principal point (%g, %g) of P2 lies outside the image", p[2], p[6]),
			Place:   Place{Path: l.Path, Frame: f.ID, Channel: "image_2"}, Related: []Place{calibPlace(f.Calib, f.Calib.Entry("P2"))},
			Expected: fmt.Sprintf("near (%d, %d)", l.Width/2, l.Height/2), Actual: fmt.Sprintf("%d x %d", l.Width, l.Height), Key: "principal point",
		})
	}
}

// checkRawImageSize holds the images of raw against S_rect of their camera, or
// against S in a drive that is not rectified.
func checkRawImageSize(c *Ctx, i *payload.ImageFile) {
	if c.Dataset.Schema == kittiRaw && declaresOther(i) {
		c.Report(Finding{
			Message: "the image has not the size that its camera is calibrated for", Place: i.Place(),
			Expected: fmt.Sprintf("%d x %d", i.Want.Width, i.Want.Height), Actual: fmt.Sprintf("%d x %d", i.Width, i.Height),
		})
	}
}

func checkPlane(c *Ctx, p *kitti.Plane) {
	at := Place{Path: p.Path, Line: p.Line, Frame: p.Frame}
	if n := math.Sqrt(p.A*p.A + p.B*p.B + p.C*p.C); !(math.Abs(n-1) <= 1e-3) {
		c.Report(Finding{
			Message: "the normal of the ground plane has not length 1", Place: at, Key: "normal",
			Expected: "1", Actual: fmt.Sprintf("%.4g", n),
		})
		return // the distance is in units of the normal
	}
	if d := math.Abs(p.D); !(d >= 1 && d <= 2.5) {
		c.Report(Finding{
			Message: fmt.Sprintf("the camera would be %.2f m above the ground", d), Place: at, Key: "distance",
			Expected: "1 to 2.5 m", Actual: fmt.Sprintf("%g", p.D),
		})
	}
}
