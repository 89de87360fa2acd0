package rules

import (
	"fmt"
	"math"
	"strings"

	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var geoTables = []Rule{
	{
		ID: "GEO001", Slug: "quaternion-norm", Severity: rule.Error, Formats: family,
		Summary: "Every rotation is a unit quaternion: its norm is within 1e-6 of 1 (beyond 1e-3, tolerance.quaternion, it is an error).",
		Why:     "Libraries disagree about others: one normalises, the next scales every point by the square of the norm.",
		Example: "rotation [0.0, 0.0, 0.0, 0.0] of an annotation that was never set",
		Hint:    "normalise the quaternion where it is computed, and write all digits",
		Checks: []Check{
			rule.On(func(c *Ctx, t *nuscenes.Tables) {
				checkNorms(c, t, &t.CalibratedSensor, func(i int) [4]float64 { return t.CalibratedSensor.Rows[i].Rotation })
			}).Needing("calibrated_sensor"),
			rule.On(func(c *Ctx, t *nuscenes.Geometries) {
				checkNorms(c, t.Tables, &t.EgoPose, func(i int) [4]float64 { return t.EgoPose.Geometry[i].Rotation })
			}).Needing("ego_pose"),
			rule.On(func(c *Ctx, t *nuscenes.Geometries) {
				checkNorms(c, t.Tables, &t.SampleAnnotation, func(i int) [4]float64 { return t.SampleAnnotation.Geometry[i].Rotation })
			}).Needing("sample_annotation"),
		},
	},
	{
		ID: "GEO002", Slug: "quaternion-order", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "Quaternions are written w, x, y, z: vehicles and boxes turn about the vertical axis.",
		Why:     "ROS, SciPy and Eigen store x, y, z, w. Read in the other order, every box and every pose is turned over.",
		Example: "[0.0, 0.0, 0.08, 0.997] where [0.997, 0.0, 0.0, 0.08] was meant",
		Hint:    "write the scalar part first",
		Checks: []Check{
			rule.On(func(c *Ctx, t *nuscenes.Geometries) {
				checkOrder(c, t.Tables, &t.EgoPose)
			}).Needing("ego_pose"),
			rule.On(func(c *Ctx, t *nuscenes.Geometries) {
				checkOrder(c, t.Tables, &t.SampleAnnotation)
			}).Needing("sample_annotation"),
		},
	},
	{
		ID: "GEO004", Slug: "intrinsic-camera", Severity: rule.Error, Formats: family,
		Summary: "Cameras have a 3x3 camera_intrinsic, and other sensors have [].",
		Why:     "Devkits take the length of camera_intrinsic to tell cameras from the rest: projection fails, or points are projected into a lidar.",
		Example: "camera_intrinsic [] for CAM_FRONT",
		Hint:    "write the calibration of the camera, [] for lidar and radar",
		Checks:  []Check{rule.On(checkIntrinsicShape).Needing("calibrated_sensor", "sensor")},
	},
	{
		ID: "GEO006", Slug: "intrinsic-image", Severity: rule.Warning, Formats: formats{nuScenes, t4},
		Summary: "The principal point lies near the middle of the image: 2 cx and 2 cy within 25 % of width and height.",
		Why:     "A matrix of another resolution projects everything to the wrong place, smoothly: images were scaled or cropped and the calibration was not.",
		Example: "cx 816, cy 491 for images of 800 x 450: the matrix is of 1600 x 900",
		Hint:    "scale fx, fy, cx, cy with the images, and shift cx, cy where they are cropped",
		Checks:  []Check{rule.On(checkIntrinsicImage).Needing("calibrated_sensor", "sample_data")},
	},
}

func checkNorms[T any](c *Ctx, t *nuscenes.Tables, table *nuscenes.Table[T], rotation func(row int) [4]float64) {
	for i := range table.Rows {
		q := rotation(i)
		norm := math.Sqrt(q[0]*q[0] + q[1]*q[1] + q[2]*q[2] + q[3]*q[3])
		off := math.Abs(norm - 1)
		if off <= 1e-6 || !table.Sound(int32(i)) {
			continue
		}
		f := Finding{
			Message: fmt.Sprintf("the rotation is no unit quaternion: its norm is %.9g", norm),
			Place:   nuscenes.At(t, table, int32(i)), Expected: "1", Actual: fmt.Sprintf("%.9g", norm),
		}
		switch {
		case norm == 0:
			f.Message = "the rotation is all zero"
		case off <= c.Params.Tolerance.Quaternion:
			f.Severity = rule.Warning
		}
		c.Report(f)
	}
}

// checkOrder speaks about a whole table, if most of its rows read like another
// order of the components. What stands upright turns about z alone: x and y
// are near zero. Written x, y, z, w, the first two are, read as w and x.
func checkOrder[T any](c *Ctx, t *nuscenes.Tables, table *nuscenes.Table[T]) {
	const small, few = 0.05, 3
	last, rolled, judged := 0, 0, 0
	first := int32(-1)
	for i := range table.Rows {
		if !table.Sound(int32(i)) {
			continue
		}
		judged++
		q := table.Geometry[i].Rotation
		for k := range q {
			q[k] = math.Abs(q[k])
		}
		switch {
		case q[0] < small && q[1] < small && q[2] > small:
			last++
		case q[2] < small && q[3] < small && q[1] > small:
			rolled++
		default:
			continue
		}
		if first < 0 {
			first = int32(i)
		}
	}
	how, n := "x, y, z, w", last
	if rolled > last {
		how, n = "an order that makes yaw the second component", rolled
	}
	if n < few || 2*n < judged {
		return
	}
	c.Report(Finding{
		Message: fmt.Sprintf("%d of %d rotations look as if they were written in %s", n, judged, how),
		Place:   nuscenes.At(t, table, first), Expected: "w, x, y, z", Key: table.Name,
	})
}

func checkIntrinsicShape(c *Ctx, t *nuscenes.Tables) {
	for i := range t.CalibratedSensor.Rows {
		i, r := int32(i), &t.CalibratedSensor.Rows[i]
		s := t.Links().CalibratedSensor.Sensor[i]
		if s < 0 || !t.CalibratedSensor.Sound(i) || !t.Sensor.Sound(s) || r.IntrinsicShape < 0 {
			continue
		}
		sensor := &t.Sensor.Rows[s]
		switch camera := sensor.Modality == "camera"; {
		case camera && r.IntrinsicShape == 0:
			c.Report(Finding{
				Message: fmt.Sprintf("the camera %s has no camera_intrinsic", sensor.Channel),
				Place:   calibratedAt(t, i), Expected: "a 3x3 matrix", Actual: "[]",
			})
		case !camera && r.IntrinsicShape == 9:
			c.Report(Finding{
				Message: fmt.Sprintf("%s is a %s and has a camera_intrinsic", sensor.Channel, sensor.Modality),
				Place:   calibratedAt(t, i), Expected: "[]", Actual: "a 3x3 matrix",
			})
		}
	}
}

// calibratedAt gives the place of a row of calibrated_sensor with its channel.
func calibratedAt(t *nuscenes.Tables, i int32) Place {
	p := nuscenes.At(t, &t.CalibratedSensor, i)
	if s := t.Links().CalibratedSensor.Sensor[i]; s >= 0 {
		p.Channel = t.Sensor.Rows[s].Channel
	}
	return p
}

// A camera is a calibrated sensor with a matrix, and the size of its images.
type camera struct {
	row           int32
	k             [9]float64
	width, height float64 // 0 where no row of sample_data says
}

func cameras(t *nuscenes.Tables) (all []camera) {
	size := map[int32][2]int32{}
	for i, to := range t.Links().SampleData.Calibrated {
		r := &t.SampleData.Rows[i]
		if _, ok := size[to]; !ok && to >= 0 && r.Width > 0 && r.Height > 0 && t.SampleData.Sound(int32(i)) {
			size[to] = [2]int32{r.Width, r.Height}
		}
	}
	for i := range t.CalibratedSensor.Rows {
		r := &t.CalibratedSensor.Rows[i]
		if r.IntrinsicShape == 9 && t.CalibratedSensor.Sound(int32(i)) {
			s := size[int32(i)]
			all = append(all, camera{int32(i), r.Intrinsic, float64(s[0]), float64(s[1])})
		}
	}
	return all
}

// within reports whether the principal point lies in the image, as far as its
// size is known.
func (m *camera) within() bool {
	cx, cy := m.k[2], m.k[5]
	return cx > 0 && cy > 0 && (m.width == 0 || cx < m.width && cy < m.height)
}

// checkIntrinsics is what GEO005 asks of the tables.
func checkIntrinsics(c *Ctx, t *nuscenes.Tables) {
	for _, m := range cameras(t) {
		k := m.k
		var wrong []string
		if fx, fy := k[0], k[4]; !(fx > 0) || !(fy > 0) {
			wrong = append(wrong, fmt.Sprintf("focal lengths %g and %g are not positive", fx, fy))
		} else if math.Abs(fx-fy) > 0.05*max(fx, fy) {
			wrong = append(wrong, fmt.Sprintf("focal lengths %g and %g differ by more than 5 %%", fx, fy))
		}
		if !m.within() {
			where := "any image"
			if m.width > 0 {
				where = fmt.Sprintf("the image of %g x %g", m.width, m.height)
			}
			wrong = append(wrong, fmt.Sprintf("principal point (%g, %g) is outside %s", k[2], k[5], where))
		}
		if k[1] != 0 || k[3] != 0 {
			wrong = append(wrong, fmt.Sprintf("skew %g", max(math.Abs(k[1]), math.Abs(k[3]))))
		}
		if k[6] != 0 || k[7] != 0 || k[8] != 1 {
			wrong = append(wrong, fmt.Sprintf("last row %g %g %g", k[6], k[7], k[8]))
		}
		if wrong != nil {
			c.Report(Finding{
				Message: "camera_intrinsic is not a camera matrix: " + strings.Join(wrong, "; "),
				Place:   calibratedAt(t, m.row), Expected: "fx 0 cx, 0 fy cy, 0 0 1",
			})
		}
	}
}

func checkIntrinsicImage(c *Ctx, t *nuscenes.Tables) {
	off := func(v, size float64) bool { return 2*v < 0.75*size || 2*v > 1.25*size }
	for _, m := range cameras(t) {
		// A principal point outside the image is intrinsic-values' to say.
		if m.width > 0 && m.within() && (off(m.k[2], m.width) || off(m.k[5], m.height)) {
			c.Report(Finding{
				Message:  fmt.Sprintf("the principal point (%g, %g) is far from the middle of the image of %g x %g", m.k[2], m.k[5], m.width, m.height),
				Place:    calibratedAt(t, m.row),
				Expected: fmt.Sprintf("near (%g, %g)", m.width/2, m.height/2), Actual: fmt.Sprintf("(%g, %g)", m.k[2], m.k[5]),
			})
		}
	}
}

// tableSizes are the windows of sizes in the nuScenes family, m: height, width
// and length, least and greatest. Classes whose sizes say nothing (debris,
// trailers, animals) have none.
var tableSizes = map[string][6]float64{
	"human.pedestrian.adult":     {1.0, 2.3, 0.25, 1.5, 0.2, 2.0},
	"pedestrian":                 {0.6, 2.3, 0.2, 1.6, 0.2, 2.2},
	"vehicle.car":                {1.0, 3.5, 1.2, 2.8, 2.2, 7.5},
	"car":                        {1.0, 3.5, 1.2, 2.8, 2.2, 7.5},
	"vehicle.truck":              {1.4, 5.0, 1.5, 4.0, 3.5, 25},
	"truck":                      {1.4, 5.0, 1.5, 4.0, 3.5, 25},
	"vehicle.bus.rigid":          {2.2, 5.0, 2.0, 4.0, 5.0, 20},
	"bus":                        {2.0, 5.0, 1.8, 4.0, 4.5, 25},
	"vehicle.bicycle":            {0.6, 2.4, 0.2, 1.5, 0.8, 2.8},
	"bicycle":                    {0.6, 2.4, 0.2, 1.5, 0.8, 2.8},
	"vehicle.motorcycle":         {0.7, 2.5, 0.3, 1.8, 1.0, 3.5},
	"motorcycle":                 {0.7, 2.5, 0.3, 1.8, 1.0, 3.5},
	"movable_object.trafficcone": {0.2, 1.8, 0.1, 1.2, 0.1, 1.2},
}

// positive reports whether every side of an annotation is positive.
func positive(size [3]float64) bool { return size[0] > 0 && size[1] > 0 && size[2] > 0 }

// checkTableSizes is what GEO022 asks of the tables.
func checkTableSizes(c *Ctx, t *nuscenes.Geometries) {
	for i := range t.SampleAnnotation.Rows {
		if s := t.SampleAnnotation.Geometry[i].Metres; !positive(s) && t.SampleAnnotation.Sound(int32(i)) {
			c.Report(Finding{
				Message: "the box has a side that is not positive", Place: nuscenes.At(t.Tables, &t.SampleAnnotation, int32(i)),
				Expected: "width, length, height > 0", Actual: fmt.Sprintf("%g, %g, %g", s[0], s[1], s[2]),
			})
		}
	}
}

// checkTableSizeWindows is what GEO024 asks of the tables.
func checkTableSizeWindows(c *Ctx, t *nuscenes.Geometries) {
	l := t.Links()
	for i, instance := range l.SampleAnnotation.Instance {
		size := t.SampleAnnotation.Geometry[i].Metres
		if instance < 0 || l.Instance.Category[instance] < 0 || !positive(size) || !t.SampleAnnotation.Sound(int32(i)) {
			continue
		}
		class := t.Category.Rows[l.Instance.Category[instance]].Name
		w, ok := sizeWindow(c, class)
		if !ok {
			continue
		}
		var outside []string
		for k, side := range []struct {
			name  string
			value float64
		}{{"height", size[2]}, {"width", size[0]}, {"length", size[1]}} {
			if low, high := w[2*k], w[2*k+1]; side.value < low || side.value > high {
				outside = append(outside, fmt.Sprintf("%s %g m (%g to %g)", side.name, side.value, low, high))
			}
		}
		if outside != nil {
			c.Report(Finding{
				Message:  fmt.Sprintf("unusual size of a %s: %s", class, strings.Join(outside, ", ")),
				Place:    nuscenes.At(t.Tables, &t.SampleAnnotation, int32(i)),
				Expected: fmt.Sprintf("height %g to %g, width %g to %g, length %g to %g", w[0], w[1], w[2], w[3], w[4], w[5]),
				Actual:   fmt.Sprintf("%g, %g, %g", size[2], size[0], size[1]),
			})
		}
	}
}
