package datagen

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// A sensor is one channel of the nuScenes family and how it is mounted.
type sensor struct {
	channel  string
	modality string  // camera, lidar, radar
	hz       float64 // captures per second
	offset   int64   // ns of its keyframes after those of the lidar
	at       [3]float64
	yaw      float64 // degrees: the way it looks, from straight ahead, counter-clockwise
}

// A capture is one row of sample_data.
type capture struct {
	sensor *sensor
	n      int   // position in its channel
	time   int64 // ns, in steps of the recording's clock
	sample int   // its own sample of a keyframe, else the sample closest following
	key    bool
}

// A recording is one scene of the nuScenes family: when each sensor looked.
type recording struct {
	world    *Scene
	step     int64       // of the native clock, ns
	samples  []int64     // ns
	captures [][]capture // by sensor, in order of time
	keys     [][]int     // by sensor and sample: the keyframe in captures
}

// newRecording lets the sensors look at a world from its start on: n samples,
// one in interval ns, and what each sensor saw between the first and the last.
// The first sensor is the reference. Stamps are multiples of step ns.
func newRecording(world *Scene, sensors []sensor, n int, interval, step int64) *recording {
	r := &recording{world: world, step: step}
	for i := range n {
		r.samples = append(r.samples, r.stamp(&sensors[0], int(math.Round(float64(int64(i)*interval)*sensors[0].hz/1e9))))
	}
	for i := range sensors {
		s := &sensors[i]
		var all []capture
		var keys []int
		last := 0
		for j, t := range r.samples {
			// The capture of this channel that is nearest to where it should be.
			k := int(math.Round(float64(t-world.Start) * s.hz / 1e9))
			if j == 0 {
				last = k - 1
			}
			for last++; last < k; last++ {
				at := r.stamp(s, last)
				next, _ := slices.BinarySearch(r.samples, at)
				all = append(all, capture{sensor: s, n: len(all), time: at, sample: min(next, n-1)})
			}
			keys = append(keys, len(all))
			all = append(all, capture{sensor: s, n: len(all), time: r.stamp(s, k), sample: j, key: true})
		}
		r.captures = append(r.captures, all)
		r.keys = append(r.keys, keys)
	}
	return r
}

// stamp is the time of the k-th capture of a channel. Like real triggers it
// is a little unsteady.
func (r *recording) stamp(s *sensor, k int) int64 {
	rng := rand.New(rand.NewPCG(r.world.Seed^hash64(s.channel), uint64(k)))
	t := r.world.Start + s.offset + int64(math.Round(float64(k)*1e9/s.hz)) + rng.Int64N(800_000) - 400_000
	return t - t%r.step
}

// sensors gives the channels of the recording.
func (r *recording) sensors() []*sensor {
	var out []*sensor
	for _, c := range r.captures {
		out = append(out, c[0].sensor)
	}
	return out
}

// A point is one lidar or radar return in the frame of its sensor.
type point struct {
	x, y, z float64
	object  int // position in Scene.Objects, -1 for the ground
}

// cloud is what a sensor at time t sees: hits on every object, fewer the
// farther it is, and the ground around the vehicle for the rest.
func (r *recording) cloud(s *sensor, t int64, total, most int) []point {
	ego := r.world.Ego(t)
	rng := rand.New(rand.NewPCG(r.world.Seed^hash64(s.channel), uint64(t)))
	sin, cos := math.Sincos(s.yaw * math.Pi / 180)
	var out []point
	add := func(p Pose, z float64, object int) { // p in the ego frame
		dx, dy := p.X-s.at[0], p.Y-s.at[1]
		out = append(out, point{cos*dx + sin*dy, -sin*dx + cos*dy, z - s.at[2], object})
	}
	for i := range r.world.Objects {
		o := &r.world.Objects[i]
		centre := o.At(r.world, t)
		for range r.hits(i, t, most) {
			u, v, w := 0.8*(rng.Float64()-0.5)*o.L, 0.8*(rng.Float64()-0.5)*o.W, 0.8*(rng.Float64()-0.5)*o.H
			osin, ocos := math.Sincos(centre.Yaw)
			hit := Pose{X: centre.X + u*ocos - v*osin, Y: centre.Y + u*osin + v*ocos}
			add(hit.In(ego), o.H/2+w, i)
		}
	}
	for len(out) < total {
		bearing, far := 2*math.Pi*rng.Float64(), 3+30*rng.Float64()
		gsin, gcos := math.Sincos(bearing)
		add(Pose{X: far * gcos, Y: far * gsin}, -0.05, -1)
	}
	return out
}

// hits is the number of returns from object i at time t.
func (r *recording) hits(i int, t int64, most int) int {
	p := r.world.Objects[i].At(r.world, t).In(r.world.Ego(t))
	return max(1, most-int(math.Hypot(p.X, p.Y)/20))
}

// rotation is the sensor's orientation in the ego frame, w, x, y, z. Lidars
// look along their y axis, cameras along z with y down, radars along x.
func (s *sensor) rotation() [4]float64 {
	switch s.modality {
	case "camera":
		return product(yawQuaternion(s.yaw*math.Pi/180), [4]float64{0.5, -0.5, 0.5, -0.5})
	default:
		return yawQuaternion(s.yaw * math.Pi / 180)
	}
}

func yawQuaternion(yaw float64) [4]float64 {
	sin, cos := math.Sincos(yaw / 2)
	return [4]float64{cos, 0, 0, sin}
}

func product(a, b [4]float64) [4]float64 {
	return [4]float64{
		a[0]*b[0] - a[1]*b[1] - a[2]*b[2] - a[3]*b[3],
		a[0]*b[1] + a[1]*b[0] + a[2]*b[3] - a[3]*b[2],
		a[0]*b[2] - a[1]*b[3] + a[2]*b[0] + a[3]*b[1],
		a[0]*b[3] + a[1]*b[2] - a[2]*b[1] + a[3]*b[0],
	}
}

// intrinsic is the camera matrix of an image of that size, as flat as that of
// nuScenes' cameras (f = 1266 px at 1600 x 900).
func intrinsic(width, height int) [][]float64 {
	w, h := float64(width), float64(height)
	return [][]float64{{0.79 * w, 0, 0.51 * w}, {0, 0.79 * w, 0.5461 * h}, {0, 0, 1}}
}

// token is a primary key: digits hex digits that depend on what they name.
func token(digits int, parts ...any) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(parts...)))
	return hex.EncodeToString(sum[:])[:digits]
}

func hash64(s string) uint64 {
	sum := sha256.Sum256([]byte(s))
	var h uint64
	for _, b := range sum[:8] {
		h = h<<8 | uint64(b)
	}
	return h
}
