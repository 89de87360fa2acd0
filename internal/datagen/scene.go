// Package datagen makes small data sets that are valid in every respect, from
// a seed, in each format that mmvalidate reads; and breaks them, one fault for
// each rule of the catalogue. It is the oracle of the tests and the input of
// the demonstration, so it shares no code with the readers under test.
package datagen

import (
	"math"
	"math/rand/v2"
)

// A Scene is what really happened: a vehicle that drives and the objects
// around it. Every exporter (KITTI, nuScenes, …) looks at the same scene, so
// that data sets made from one seed tell one story.
//
// The map frame is in metres, x east, y north, z up; angles are radians,
// counter-clockwise from east; times are nanoseconds since the Unix epoch.
type Scene struct {
	Seed    uint64
	Start   int64   // ns
	Speed   float64 // m/s
	Turn    float64 // rad/s
	Origin  [2]float64
	Heading float64
	Objects []Object
}

// An Object is one road user or thing, moving straight at constant speed, or
// standing.
type Object struct {
	ID      int
	Class   Class
	L, W, H float64
	X, Y    float64 // centre at Start, map frame
	Yaw     float64
	Speed   float64 // m/s along Yaw

	first, seen int // samples of a scene in which it is annotated; seen 0: all
}

// A Class is an object class with its name in each taxonomy.
type Class struct{ KITTI, NuScenes, Lyft, T4 string }

// A Pose is a place and heading in the map frame.
type Pose struct{ X, Y, Yaw float64 }

var classes = []struct {
	Class
	l, w, h, speed float64
}{
	{Class{"Car", "vehicle.car", "car", "car"}, 4.3, 1.8, 1.5, 6},
	{Class{"Car", "vehicle.car", "car", "car"}, 4.6, 1.9, 1.6, 0},
	{Class{"Pedestrian", "human.pedestrian.adult", "pedestrian", "pedestrian"}, 0.7, 0.6, 1.75, 1.2},
	{Class{"Truck", "vehicle.truck", "truck", "truck"}, 8.5, 2.5, 3.2, 5},
	{Class{"Cyclist", "vehicle.bicycle", "bicycle", "bicycle"}, 1.8, 0.6, 1.7, 3},
}

// NewScene makes a scene from a seed: the vehicle drives at 8 m/s on a gentle
// curve, and objects stay well ahead of it and apart for about 30 s.
func NewScene(seed uint64, start int64) *Scene {
	r := rand.New(rand.NewPCG(seed, 0x6d6d617564697431))
	s := &Scene{
		Seed: seed, Start: start, Speed: 8, Turn: 0.01 * (r.Float64() - 0.5),
		Origin:  [2]float64{600 + 50*r.Float64(), 1600 + 50*r.Float64()},
		Heading: 0.2 * r.Float64(),
	}
	for i, c := range classes {
		jitter := func(v float64) float64 { return v * (0.97 + 0.06*r.Float64()) }
		ahead, side := 18+9*float64(i), float64(i%2*2-1)*(3.5+1.2*float64(i))
		sin, cos := math.Sincos(s.Heading)
		s.Objects = append(s.Objects, Object{
			ID: i + 1, Class: c.Class, L: jitter(c.l), W: jitter(c.w), H: jitter(c.h),
			X: s.Origin[0] + ahead*cos - side*sin, Y: s.Origin[1] + ahead*sin + side*cos,
			Yaw: s.Heading, Speed: c.speed,
		})
	}
	return s
}

// Ego gives the vehicle's pose at time t (ns): the middle of the rear axle on
// the ground.
func (s *Scene) Ego(t int64) Pose {
	dt := float64(t-s.Start) / 1e9
	if math.Abs(s.Turn) < 1e-9 {
		sin, cos := math.Sincos(s.Heading)
		return Pose{s.Origin[0] + s.Speed*dt*cos, s.Origin[1] + s.Speed*dt*sin, s.Heading}
	}
	yaw := s.Heading + s.Turn*dt
	r := s.Speed / s.Turn
	return Pose{
		s.Origin[0] + r*(math.Sin(yaw)-math.Sin(s.Heading)),
		s.Origin[1] - r*(math.Cos(yaw)-math.Cos(s.Heading)),
		yaw,
	}
}

// At gives an object's pose at time t (ns). Its box stands on the ground:
// the centre is H/2 above z = 0.
func (o *Object) At(s *Scene, t int64) Pose {
	d := o.Speed * float64(t-s.Start) / 1e9
	sin, cos := math.Sincos(o.Yaw)
	return Pose{o.X + d*cos, o.Y + d*sin, o.Yaw}
}

// In gives p as seen from q: x forward, y left.
func (p Pose) In(q Pose) Pose {
	sin, cos := math.Sincos(q.Yaw)
	dx, dy := p.X-q.X, p.Y-q.Y
	return Pose{cos*dx + sin*dy, -sin*dx + cos*dy, math.Remainder(p.Yaw-q.Yaw, 2*math.Pi)}
}
