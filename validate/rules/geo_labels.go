package rules

import (
	"fmt"
	"math"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// kittiLabelled are the formats with label rows in the frame of a camera.
var kittiLabelled = formats{kittiObject, kittiTracking}

var geoLabels = []Rule{
	{
		ID: "GEO022", Slug: "size-positive", Severity: rule.Error,
		Formats: formats{kittiObject, kittiTracking, kittiRaw, nuScenes, lyft, t4},
		Summary: "Every annotated box has a positive height, width and length.",
		Why:     "A box without volume contains no points, and its logarithm, which networks regress, is not a number.",
		Example: "\"Car 0.00 0 -1 … -1 -1 -1 …\": the row of a 2D data set",
		Hint:    "annotate the size, or remove the object; DontCare is the type for regions without a box",
		Checks: []Check{rule.On(func(c *Ctx, r *kitti.LabelRow) {
			if r.DontCare() || sized(r) {
				return
			}
			message := fmt.Sprintf("%s has a side that is not positive", r.Type)
			if !r.Boxed() {
				message = fmt.Sprintf("%s has no 3D box", r.Type)
			}
			c.Report(Finding{
				Message: message, Place: r.At(kitti.FieldHeight), Key: r.Text,
				Expected: "height, width, length > 0", Actual: fmt.Sprintf("%g, %g, %g", r.Height, r.Width, r.Length),
			})
		}), rule.On(checkTrackletSize), rule.On(checkTableSizes).Needing("sample_annotation")},
	},
	{
		ID: "GEO024", Slug: "size-range", Severity: rule.Warning,
		Formats: formats{kittiObject, kittiTracking, kittiRaw, nuScenes, lyft, t4},
		Summary: "The size of a box lies in the window of its class.",
		Why:     "Centimetres, swapped columns and mislabelled classes show here first.",
		Example: "a Pedestrian of 1.70 x 4.20 x 1.80 m: the columns were written as length, height, width",
		Hint:    "check the order of the columns (KITTI: height, width, length) and the class; set class.NAME.size for your own classes",
		Checks: []Check{rule.On(func(c *Ctx, r *kitti.LabelRow) {
			if !r.DontCare() && sized(r) {
				checkSizeWindow(c, r)
			}
		}), rule.On(checkTrackletWindow), rule.On(checkTableSizeWindows).Needing("sample_annotation", "instance", "category")},
	},
	{
		ID: "GEO025", Slug: "angle-range", Severity: rule.Error,
		Formats: kittiLabelled,
		Summary: "alpha and rotation_y lie in [-π, π], with 0.01 rad for rounding.",
		Why:     "Evaluation compares angles as they stand; degrees, or angles that were not wrapped, count as wrong orientation.",
		Example: "rotation_y of -90.00: degrees",
		Hint:    "write radians, wrapped into [-π, π]",
		Checks: []Check{rule.On(func(c *Ctx, r *kitti.LabelRow) {
			if r.DontCare() {
				return
			}
			checkAngle(c, r, kitti.FieldAlpha, r.Alpha)
			if r.Boxed() {
				checkAngle(c, r, kitti.FieldRotationY, r.RotationY)
			}
		})},
	},
	{
		ID: "GEO026", Slug: "alpha-consistent", Severity: rule.Warning,
		Formats: kittiLabelled,
		Summary: "The observation angle is alpha = rotation_y - atan2(x, z), to 0.1 rad.",
		Why:     "Both columns state one orientation. Where they differ, one of them came from another coordinate system.",
		Example: "rotation_y copied into alpha for a car at the edge of the image",
		Hint:    "compute alpha from rotation_y and the location; tolerance.alpha sets the limit",
		Checks: []Check{rule.On(func(c *Ctx, r *kitti.LabelRow) {
			if r.DontCare() || !r.Boxed() || !angle(r.Alpha) || !angle(r.RotationY) || r.Z <= 0 {
				return // refuted, or not stated
			}
			want := math.Remainder(r.RotationY-math.Atan2(r.X, r.Z), 2*math.Pi)
			if d := math.Abs(math.Remainder(r.Alpha-want, 2*math.Pi)); d >= c.Params.Tolerance.Alpha {
				c.Report(Finding{
					Message:  fmt.Sprintf("alpha is %.2f rad away from rotation_y and location", d),
					Place:    r.At(kitti.FieldAlpha),
					Expected: fmt.Sprintf("%.2f", want), Actual: fmt.Sprintf("%.2f", r.Alpha), Key: r.Text,
				})
			}
		})},
	},
	{
		ID: "GEO027", Slug: "depth-positive", Severity: rule.Error,
		Formats: kittiLabelled,
		Summary: "A labelled object is in front of the camera: z > 0.",
		Why:     "Nothing behind the camera can be in its image. A negative z is often a location in the scanner's frame.",
		Example: "\"Car … 13.20 4.10 -1.60 …\": x forward, y left, z up",
		Hint:    "write the location in the frame of the rectified camera 0: x right, y down, z forward",
		Checks: []Check{rule.On(func(c *Ctx, r *kitti.LabelRow) {
			if r.Boxed() && r.Z <= 0 {
				c.Report(Finding{
					Message:  fmt.Sprintf("%s lies behind the camera", r.Type),
					Place:    r.At(kitti.FieldZ),
					Expected: "z > 0", Actual: fmt.Sprintf("%g", r.Z), Key: r.Text,
				})
			}
		})},
	},
	{
		ID: "GEO028", Slug: "bbox-order", Severity: rule.Error,
		Formats: kittiLabelled,
		Summary: "A 2D box has left < right and top < bottom.",
		Why:     "A box with negative width overlaps nothing, so that the object counts as missed for ever.",
		Example: "x, y, width, height written in place of left, top, right, bottom",
		Hint:    "write left, top, right, bottom in pixels",
		Checks: []Check{rule.On(func(c *Ctx, r *kitti.LabelRow) {
			if !ordered(r) {
				c.Report(Finding{
					Message: fmt.Sprintf("the 2D box of %s is empty or upside down", r.Type),
					Place:   r.At(kitti.FieldLeft), Expected: "left < right, top < bottom", Actual: bbox(r), Key: r.Text,
				})
			}
		})},
	},
	{
		ID: "GEO029", Slug: "bbox-image", Severity: rule.Error,
		Formats: kittiLabelled,
		Summary: "The 2D box of an object lies inside its image, from 0 to width - 1 and height - 1.",
		Why:     "A box that leaves the image was drawn on an image of another size, or was never clipped.",
		Example: "right edge 1279.00 in an image of 1242 px",
		Hint:    "clip the box to the image, and raise truncated; tolerance.bbox_px says how far out is only a warning",
		Checks:  []Check{rule.On(checkBoxInImage)},
	},
	{
		ID: "GEO030", Slug: "trunc-occ-range", Severity: rule.Error,
		Formats: kittiLabelled,
		Summary: "truncated lies in 0 to 1 (tracking: 0, 1, 2) and occluded is 0, 1, 2 or 3.",
		Why:     "Both decide whether an object counts as easy, moderate or hard. -1 puts it in all three.",
		Example: "truncated of -1 for every object: the default of a simulator",
		Hint:    "estimate both; only DontCare and results have -1",
		Checks:  []Check{rule.On(checkTruncOcc)},
	},
	{
		ID: "GEO031", Slug: "dontcare-row", Severity: rule.Warning,
		Formats: formats{kittiObject},
		Summary: "DontCare rows come last in a file and have the documented values beside their 2D box.",
		Why:     "Readers count the objects and cut the rest of the file off: a DontCare before an object shifts every later index.",
		Example: "\"DontCare …\" as the first row, \"Car …\" as the second",
		Hint:    "move the rows to the end; write -1 -1 -10, the 2D box, then -1 -1 -1 -1000 -1000 -1000 -10",
		Checks:  []Check{rule.On(checkDontCare)},
	},
}

// sized reports whether all three lengths of a row are positive.
func sized(r *kitti.LabelRow) bool { return r.Height > 0 && r.Width > 0 && r.Length > 0 }

// ordered reports whether the 2D box of a row has a width and a height.
func ordered(r *kitti.LabelRow) bool { return r.Left < r.Right && r.Top < r.Bottom }

func bbox(r *kitti.LabelRow) string {
	return fmt.Sprintf("%g, %g, %g, %g", r.Left, r.Top, r.Right, r.Bottom)
}

// angle reports whether v is an angle that KITTI allows: 3.14 and 3.1416 stand
// for π.
func angle(v float64) bool { return math.Abs(v) <= math.Pi+0.01 }

func checkAngle(c *Ctx, r *kitti.LabelRow, f kitti.Field, v float64) {
	if angle(v) {
		return
	}
	message := fmt.Sprintf("%s is out of range", f)
	switch {
	case v == -10:
		message = fmt.Sprintf("%s is -10, the value for unknown, which only DontCare rows have", f)
	case math.Abs(v) > 2*math.Pi && math.Abs(v) <= 360:
		message = fmt.Sprintf("%s looks like degrees", f)
	}
	c.Report(Finding{Message: message, Place: r.At(f), Expected: "-π to π", Actual: fmt.Sprintf("%g", v), Key: f.String() + " " + r.Text})
}

// kittiSizes are the usual sizes of each class, in m: height, width, length,
// the least and the most of each.
var kittiSizes = map[string][6]float64{
	"Car":            {1.1, 2.5, 1.2, 2.2, 2.5, 6},
	"Van":            {1.5, 3.5, 1.4, 2.6, 3, 7.5},
	"Truck":          {2, 4.5, 1.8, 3.5, 4, 20},
	"Pedestrian":     {1.0, 2.2, 0.25, 1.3, 0.2, 2.0},
	"Person_sitting": {0.8, 1.7, 0.3, 1.2, 0.3, 1.5},
	"Person":         {0.8, 1.7, 0.3, 1.2, 0.3, 1.5},
	"Cyclist":        {1.3, 2.2, 0.3, 1.2, 1.1, 2.3},
	"Tram":           {2.5, 4.5, 2, 3.2, 5, 40},
}

// sizeWindow gives the window of a class: the configured one, or ours.
func sizeWindow(c *Ctx, class string) (w [6]float64, ok bool) {
	if own := c.Params.Classes[class].Size; len(own) == len(w) {
		return [6]float64(own), true
	}
	switch c.Dataset.Schema {
	case dataset.KITTIObject, dataset.KITTITracking, dataset.KITTIRaw:
		w, ok = kittiSizes[class]
	default:
		w, ok = tableSizes[class]
	}
	return w, ok
}

func checkSizeWindow(c *Ctx, r *kitti.LabelRow) {
	if f, ok := unusualSize(c, r.Type, r.Type, [3]float64{r.Height, r.Width, r.Length}); ok {
		f.Place, f.Key = r.At(kitti.FieldHeight), r.Text
		c.Report(f)
	}
}

// unusualSize holds a size (height, width, length) against the window of its
// class; name is what the finding calls the object.
func unusualSize(c *Ctx, name, class string, size [3]float64) (f Finding, ok bool) {
	w, ok := sizeWindow(c, class)
	if !ok {
		return f, false
	}
	var outside []string
	for i, v := range size {
		if low, high := w[2*i], w[2*i+1]; v < low || v > high {
			outside = append(outside, fmt.Sprintf("%s %g m (%g to %g)", kitti.FieldHeight+kitti.Field(i), v, low, high))
		}
	}
	f.Message = fmt.Sprintf("unusual size of a %s: %s", name, strings.Join(outside, ", "))
	f.Expected = fmt.Sprintf("height %g to %g, width %g to %g, length %g to %g", w[0], w[1], w[2], w[3], w[4], w[5])
	f.Actual = fmt.Sprintf("%g, %g, %g", size[0], size[1], size[2])
	return f, outside != nil
}

func checkBoxInImage(c *Ctx, r *kitti.LabelRow) {
	if !ordered(r) || r.DontCare() {
		return
	}
	if r.Image.Width == 0 {
		needs := "image of the frame"
		if r.Image.Path != "" {
			needs = "PAY002 on " + r.Image.Path
		}
		c.Skip(needs)
		return
	}
	w, h := float64(r.Image.Width), float64(r.Image.Height)
	out := max(-r.Left, -r.Top, r.Right-(w-1), r.Bottom-(h-1))
	if out <= 0 {
		return
	}
	severity := rule.AsRule
	if out <= c.Params.Tolerance.BBoxPx {
		severity = rule.Warning
	}
	c.Report(Finding{
		Severity: severity, Message: fmt.Sprintf("the 2D box of %s leaves the image by %.2f px", r.Type, out),
		Place:    r.At(kitti.FieldLeft),
		Expected: fmt.Sprintf("within 0, 0, %d, %d", r.Image.Width-1, r.Image.Height-1), Actual: bbox(r), Key: r.Text,
	})
}

func checkTruncOcc(c *Ctx, r *kitti.LabelRow) {
	if r.DontCare() {
		return
	}
	truncated, expected := r.Truncated >= 0 && r.Truncated <= 1, "0 to 1"
	if r.Tracking() {
		truncated, expected = r.Truncated == 0 || r.Truncated == 1 || r.Truncated == 2, "0, 1 or 2"
	}
	if !truncated && !(r.Scored && r.Truncated == -1) { // results do not state it
		c.Report(Finding{
			Message: fmt.Sprintf("truncated of %s is out of range", r.Type), Place: r.At(kitti.FieldTruncated),
			Expected: expected, Actual: fmt.Sprintf("%g", r.Truncated), Key: "truncated " + r.Text,
		})
	}
	if (r.Occluded < 0 || r.Occluded > 3) && !(r.Scored && r.Occluded == -1) {
		c.Report(Finding{
			Message: fmt.Sprintf("occluded of %s is out of range", r.Type), Place: r.At(kitti.FieldOccluded),
			Expected: "0, 1, 2 or 3", Actual: fmt.Sprint(r.Occluded), Key: "occluded " + r.Text,
		})
	}
}

func checkDontCare(c *Ctx, f *kitti.LabelFile) {
	objects := 0
	for _, r := range f.Rows {
		if !r.DontCare() {
			objects++
		}
	}
	before := 0
	for _, r := range f.Rows {
		if !r.DontCare() {
			before++
			continue
		}
		if before < objects {
			c.Report(Finding{
				Message: "DontCare stands before an object", Place: r.At(kitti.FieldType), Key: "order " + r.Text,
			})
		}
		canonical := r.Truncated == -1 && r.Occluded == -1 && r.Alpha == -10 &&
			r.Height == -1 && r.Width == -1 && r.Length == -1 && r.X == -1000 && r.Y == -1000 && r.Z == -1000 && r.RotationY == -10
		if !canonical {
			c.Report(Finding{
				Message: "DontCare has other values than documented", Place: r.At(kitti.FieldType), Key: "values " + r.Text,
				Expected: "-1 -1 -10 (2D box) -1 -1 -1 -1000 -1000 -1000 -10", Actual: r.Text,
			})
		}
	}
}
