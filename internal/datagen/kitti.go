package datagen

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
)

// What the exporters of the KITTI family share: one date, two drives, one set
// of calibrations, and which raw frames the object data set was taken from.
const (
	kittiDate   = "2011_09_26"
	kittiWidth  = 1242
	kittiHeight = 375

	kittiStart  = 1317034945_000000000 // 2011-09-26 11:02:25 UTC: 13:02:25 in Karlsruhe
	kittiPeriod = 103_370_000          // ns between frames: one turn of the scanner
	kittiZone   = 2 * 3600_000000000   // the stamps are wall-clock readings, two hours ahead of UTC
)

// kittiDrives are the numbers of the drives. The object data set trains on the
// first and validates on the second, so that no drive is in both.
var kittiDrives = [2]int{1, 2}

// kittiDrive names a drive: "2011_09_26_drive_0001".
func kittiDrive(number int) string { return fmt.Sprintf("%s_drive_%04d", kittiDate, number) }

// KITTIScene is what happens in drive i (0 or 1) of the KITTI data sets made
// from seed. The second drive begins ten minutes after the first.
func KITTIScene(seed uint64, i int) *Scene {
	return NewScene(seed+uint64(i)<<32, kittiStart+int64(i)*600_000000000)
}

// kittiTime is when camera image_00 took a frame, in ns UTC; raw's stamps show
// it plus kittiZone.
func kittiTime(s *Scene, frame int) int64 { return s.Start + int64(frame)*kittiPeriod }

// A kittiSource is the raw frame behind one frame of the object data set.
type kittiSource struct{ Drive, Frame int } // Drive indexes kittiDrives

// kittiTraining is how many of n object frames come from the first drive.
func kittiTraining(n int) int { return (2*n + 2) / 3 }

// kittiSources says which raw frame each of n object frames was taken from:
// distinct, in no order, among the first n frames of either drive.
func kittiSources(seed uint64, n int) []kittiSource {
	order := rand.New(rand.NewPCG(seed, 0x6b69747469)).Perm(n)
	out := make([]kittiSource, n)
	for i := range out {
		out[i].Frame = order[i]
		if i >= kittiTraining(n) {
			out[i].Drive = 1
		}
	}
	return out
}

// A mat34 is a 3x4 matrix [R|t], row by row.
type mat34 [12]float64

// apply maps a point.
func (m *mat34) apply(p [3]float64) (q [3]float64) {
	for i := range 3 {
		q[i] = m[4*i]*p[0] + m[4*i+1]*p[1] + m[4*i+2]*p[2] + m[4*i+3]
	}
	return q
}

// kittiRig is how the sensors are mounted and rectified. Every number is
// rounded to the seven digits that the raw files print, so that raw, object and
// tracking say exactly the same.
type kittiRig struct {
	P         [4]mat34      // P_rect_00..03
	Focal     float64       // px
	Center    [2]float64    // px
	RRect     [4][9]float64 // R_rect_00..03
	VeloToCam mat34         // scanner to the unrectified camera 0
	IMUToVelo mat34
	Velo      [3]float64 // scanner in the vehicle's frame (rear axle, on the ground), m; axes parallel
}

// newKITTIRig makes the calibration of kittiDate.
func newKITTIRig() *kittiRig {
	r := &kittiRig{Focal: 7.184321e+02, Center: [2]float64{6.071928e+02, 1.852157e+02}, Velo: [3]float64{0.76, 0, 1.73}}
	for i, base := range []float64{0, 0.5371, -0.0598, 0.4731} { // m to the right of camera 0
		r.P[i] = mat34{
			r.Focal, 0, r.Center[0], digits7(-r.Focal * base),
			0, r.Focal, r.Center[1], digits7(0.2 * float64(i)),
			0, 0, 1, digits7(0.0012 * float64(i)),
		}
		r.RRect[i] = rotation(0.004-0.001*float64(i), -0.0075+0.002*float64(i), 0.0098-0.003*float64(i))
	}
	// Axes: scanner x forward, y left, z up; camera x right, y down, z forward.
	tilt := rotation(0.0148, 0.0006, -0.0075)
	axes := [9]float64{0, -1, 0, 0, 0, -1, 1, 0, 0}
	r.VeloToCam = compose(multiply(tilt, axes), [3]float64{-0.0042, -0.0763, -0.2718})
	r.IMUToVelo = compose(rotation(0.0148, 0.002, -0.0008), [3]float64{-0.8087, 0.3196, -0.7997})
	return r
}

// rect maps a point of the scanner's frame into that of the rectified camera 0.
func (r *kittiRig) rect(p [3]float64) (q [3]float64) {
	c := r.VeloToCam.apply(p)
	m := r.RRect[0]
	for i := range 3 {
		q[i] = m[3*i]*c[0] + m[3*i+1]*c[1] + m[3*i+2]*c[2]
	}
	return q
}

// rotation turns about x, then y, then z, by small angles in rad.
func rotation(x, y, z float64) [9]float64 {
	sx, cx := math.Sincos(x)
	sy, cy := math.Sincos(y)
	sz, cz := math.Sincos(z)
	m := multiply(
		[9]float64{cz, -sz, 0, sz, cz, 0, 0, 0, 1},
		multiply([9]float64{cy, 0, sy, 0, 1, 0, -sy, 0, cy}, [9]float64{1, 0, 0, 0, cx, -sx, 0, sx, cx}))
	for i := range m {
		m[i] = digits7(m[i])
	}
	return m
}

func multiply(a, b [9]float64) (c [9]float64) {
	for i := range 3 {
		for j := range 3 {
			for k := range 3 {
				c[3*i+j] += a[3*i+k] * b[3*k+j]
			}
		}
	}
	return c
}

func compose(r [9]float64, t [3]float64) (m mat34) {
	for i := range 3 {
		for j := range 3 {
			m[4*i+j] = digits7(r[3*i+j])
		}
		m[4*i+3] = digits7(t[i])
	}
	return m
}

// digits7 rounds to the digits of "%.6e". It never gives negative zero.
func digits7(v float64) float64 {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'e', 6, 64), 64)
	return v + 0
}

// numbers prints values with n digits behind the point, as KITTI's files do:
// "9.999239e-01 9.837760e-03".
func numbers(n int, values ...float64) string {
	words := make([]string, len(values))
	for i, v := range values {
		words[i] = strconv.FormatFloat(v, 'e', n, 64)
	}
	return strings.Join(words, " ")
}
