package rules

import (
	"fmt"
	"math"
	"slices"

	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var tmpCAN = []Rule{
	{
		ID: "TMP022", Slug: "can-order", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "The rows of a CAN message have an integer utime, follow one another in time, and cover their scene to within 1 s.",
		Why:     "Signals are interpolated at the stamps of the keyframes: over rows out of order, or beyond the ends, any value can come out.",
		Example: "can_bus/scene-0061_pose.json ends 12 s before the scene",
		Hint:    "sort the rows by utime; check that the file belongs to the scene in its name",
		Checks:  []Check{rule.On(checkCANOrder).Needing("scene", "sample")},
	},
	{
		ID: "TMP023", Slug: "can-pose", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "The CAN message pose agrees with the ego poses at the same time: within 0.5 m and 2 degrees.",
		Why:     "Both come from one localisation: a difference is a shifted clock, another map frame, or the file of another scene.",
		Example: "scene-0061_pose.json lies 4.1 m from the ego poses: half a second late at 8 m/s",
		Hint:    "take the file of the scene again; if all are off, check the clock of the CAN recorder",
		Checks:  []Check{rule.On(checkCANPose).Needing("scene", "sample", "sample_data", "ego_pose")},
	},
}

// sceneNamed finds a scene by its name.
func sceneNamed(t *nuscenes.Tables, name string) (int32, bool) {
	i := slices.IndexFunc(t.Scene.Rows, func(s nuscenes.Scene) bool { return s.Name == name })
	return int32(i), i >= 0
}

func checkCANOrder(c *Ctx, f *nuscenes.CANFile) {
	at := func(offset int64) Place { return Place{Path: f.Path, ByteOffset: offset} }
	if f.Odd.N > 0 {
		actual := f.Odd.Text
		if actual == "" {
			actual = "nothing"
		}
		c.Report(Finding{
			Message: fmt.Sprintf("%d of %d rows have no integer utime", f.Odd.N, f.Rows), Place: at(f.Odd.Offset),
			Expected: "microseconds as an integer", Actual: actual, Key: "odd",
		})
	}
	if f.Back.N > 0 {
		c.Report(Finding{
			Message: fmt.Sprintf("%d rows are earlier than the row before them", f.Back.N), Place: at(f.Back.Offset),
			Actual: f.Back.Text, Key: "back",
		})
	}
	t := f.Tables
	scene, ok := sceneNamed(t, f.Scene)
	if !ok || f.Odd.N > 0 { // messages of other scenes need not have tables
		return
	}
	k := slices.IndexFunc(sceneSpans(t), func(s sceneSpan) bool { return s.scene == scene })
	if k < 0 {
		return // the chain of samples is broken
	}
	s := sceneSpans(t)[k]
	if f.Timed == 0 || f.First > s.from+1e9 || f.Last < s.to-1e9 {
		actual := "no rows"
		if f.Timed > 0 {
			actual = fmt.Sprintf("%s to %s", micros(f.First), micros(f.Last))
		}
		c.Report(Finding{
			Message: fmt.Sprintf("%s does not cover %s", f.Message, f.Scene), Place: Place{Path: f.Path},
			Related:  []Place{nuscenes.At(t, &t.Scene, scene)},
			Expected: fmt.Sprintf("%s to %s", micros(s.from), micros(s.to)), Actual: actual, Key: "span",
		})
	}
}

func checkCANPose(c *Ctx, f *nuscenes.CANFile) {
	t := f.Tables
	scene, ok := sceneNamed(t, f.Scene)
	if f.Message != "pose" || !ok {
		return
	}
	if f.Odd.N > 0 || f.Back.N > 0 {
		c.Skip("TMP022 on " + f.Path)
		return
	}
	if len(f.Poses) < f.Timed {
		c.Skip("pos and orientation in each row of " + f.Path)
		return
	}
	const farthest, most = 0.5, 2 * math.Pi / 180 // m, rad
	l, members := t.Links(), t.Members()
	judged, off := 0, 0
	var worst struct {
		m, rad float64
		row    int32
	}
	for _, sample := range members.SamplesOf.Of(scene) {
		for _, i := range members.DataOf.Of(sample) {
			e := l.SampleData.EgoPose[i]
			if e < 0 || !t.EgoPose.Sound(e) {
				continue
			}
			where := &t.EgoPose.Geometry[e]
			at, yaw, ok := canPoseAt(f.Poses, t.EgoPose.Rows[e].Timestamp)
			if !ok {
				continue
			}
			judged++
			m := math.Hypot(at[0]-where.Metres[0], at[1]-where.Metres[1])
			rad := math.Abs(math.Remainder(yaw-yawOf(where.Rotation), 2*math.Pi))
			if !(m <= farthest && rad <= most) {
				off++
				if m/farthest+rad/most > worst.m/farthest+worst.rad/most {
					worst.m, worst.rad, worst.row = m, rad, e
				}
			}
		}
	}
	if off > 0 {
		c.Report(Finding{
			Message: fmt.Sprintf("%d of %d ego poses of %s differ from the vehicle's own, by up to %.2f m and %.1f degrees",
				off, judged, f.Scene, worst.m, worst.rad*180/math.Pi),
			Place: Place{Path: f.Path}, Related: []Place{nuscenes.At(t, &t.EgoPose, worst.row)},
			Expected: "within 0.5 m and 2 degrees", Actual: fmt.Sprintf("%.2f m, %.1f degrees", worst.m, worst.rad*180/math.Pi),
		})
	}
}

// canPoseAt interpolates the place and the yaw at time ns, between rows at
// most 0.1 s apart. poses are in order of time.
func canPoseAt(poses []nuscenes.CANPose, ns int64) (at [2]float64, yaw float64, ok bool) {
	k, _ := slices.BinarySearchFunc(poses, ns, func(p nuscenes.CANPose, ns int64) int {
		switch {
		case p.Time < ns:
			return -1
		case p.Time > ns:
			return 1
		}
		return 0
	})
	if k == len(poses) {
		return at, 0, false
	}
	b := &poses[k]
	if b.Time == ns {
		return [2]float64{b.Position[0], b.Position[1]}, yawOf(b.Rotation), true
	}
	if k == 0 || b.Time-poses[k-1].Time > 100e6 {
		return at, 0, false
	}
	a := &poses[k-1]
	w := float64(ns-a.Time) / float64(b.Time-a.Time)
	for i := range at {
		at[i] = a.Position[i] + w*(b.Position[i]-a.Position[i])
	}
	from := yawOf(a.Rotation)
	return at, from + w*math.Remainder(yawOf(b.Rotation)-from, 2*math.Pi), true
}

// yawOf is the heading of a rotation w, x, y, z about the vertical axis.
func yawOf(q [4]float64) float64 {
	return math.Atan2(2*(q[0]*q[3]+q[1]*q[2]), 1-2*(q[2]*q[2]+q[3]*q[3]))
}
