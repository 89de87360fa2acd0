// Package moment is what every format has in common for synchronisation: one
// annotated time (a moment), the channels that observed it, and their clocks.
// The readers of each format produce moments; the metadata rules check
// sidecars against them and annotate derives sidecars from them.
//
// Times are int64 nanoseconds of the channel's own clock and never pass
// through float64. An offset is t_channel - t_reference: positive means later
// than the reference.
package moment

import (
	"context"
	"sync"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A Moment is one annotated native sample: a KITTI frame, a nuScenes sample.
type Moment struct {
	Group     string // drive, sequence or scene: one sidecar file each ("2011_09_26_drive_0001", "scene-0061", "training")
	Sample    string // native name, unique in its data set: "2011_09_26_drive_0001/0000000001", "training/000123", a nuScenes sample token
	Key       string // canonical key of the standard, from which sensor_sync_id is derived; "" if none is defined
	Reference string // reference channel: "image_00", "LIDAR_TOP"
	Channels  []Observation
}

// An Observation is what one channel holds of a moment.
type Observation struct {
	Channel string
	File    string // the payload, relative to the data set's root
	Time    int64  // ns on the data set's clock, valid if Timed
	Timed   bool   // false: the format carries no stamp for it here
	// Resolution is the step of the native clock in ns: 1000 for nuScenes, 1 for KITTI raw.
	Resolution int64
	// Tolerance is how far a recorded offset may lie from the recomputed one, in ns: 0, or 250 for Lyft.
	Tolerance int64
	Source    string     // where Time was read: "image_02/timestamps.txt:2"
	Place     rule.Place // of the observation in the owner's files
}

// Ref gives the observation of the reference channel.
func (m *Moment) Ref() (Observation, bool) {
	for _, o := range m.Channels {
		if o.Channel == m.Reference {
			return o, true
		}
	}
	return Observation{}, false
}

// Offset gives t_channel - t_reference in ns; ok is false where either stamp
// is missing or the difference leaves int64.
func (m *Moment) Offset(o Observation) (ns int64, ok bool) {
	ref, found := m.Ref()
	if !found || !ref.Timed || !o.Timed {
		return 0, false
	}
	d := o.Time - ref.Time
	if (d < o.Time) != (ref.Time > 0) && ref.Time != 0 { // overflow
		return 0, false
	}
	return d, true
}

// A Source yields the moments of one data set, ordered by group, then by
// sample as the format orders them. It may be ranged over several times and
// holds at most one group in memory.
type Source interface {
	Dataset() *dataset.Dataset
	// Moments calls yield until it returns false. An error means that the
	// moments could not be read to the end.
	Moments(yield func(*Moment) bool) error
}

// A Fleet is every data set of one run, for rules that compare data sets with
// one another. It is emitted once, after each data set was read by itself.
type Fleet struct {
	Sources []Source
	Context context.Context // of the run, for rules that read data sets again

	once sync.Once
	made any
}

// Once computes what several rules derive from the fleet: make is called the
// first time, and its result kept. All callers must pass the same function.
func (f *Fleet) Once(make func() any) any {
	f.once.Do(func() { f.made = make() })
	return f.made
}

// A Stream is the stamps of one channel of one drive or scene, in the order
// in which the format says that they follow one another (lines of a file,
// next chains), never in table order. Readers emit one *Stream each, whatever
// the format, for the rules about time.
type Stream struct {
	Group   string  // drive or scene
	Channel string  // "image_02", "LIDAR_TOP", "timestamps_start" of a scanner
	Path    string  // file that holds the stamps
	Times   []int64 // ns
	Frames  []int   // number of the frame of each stamp, where the format counts frames that have none; nil: no stamp is missing
	Hz      float64 // nominal rate; 0 if the format fixes none
	Epoch   bool    // Times count from the Unix epoch (false: odometry's times.txt, from the first frame)
	Wall    bool    // Times are local wall-clock readings taken as UTC (KITTI)
	// At gives the place of stamp i.
	At func(i int) rule.Place
}
