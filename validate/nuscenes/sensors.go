package nuscenes

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
)

// Sensors says which sensor each sample_data row comes from.
type Sensors struct {
	// Of is the row of sensor, through calibrated_sensor; Unknown where the
	// references do not lead there, or the file's name says otherwise.
	Of Column
	// Mismatches are the rows whose file's name says otherwise, gathered where
	// they do so in one way.
	Mismatches []ChannelMismatch
}

// A ChannelMismatch is files whose path names another channel than the sensor
// of the calibration that they use.
type ChannelMismatch struct {
	Calibrated, Sensor int32
	Folder, Name       string // channel in the folder, and in the file's name; "" where there is none
	Row                int32  // first such row of sample_data
	N                  int
}

// Sensors finds the sensors, once.
func (t *Tables) Sensors() *Sensors {
	t.facts.sensors.Do(func() { t.facts.s = t.sensors() })
	return t.facts.s
}

func (t *Tables) sensors() *Sensors {
	l := t.Links()
	c := &Sensors{Of: newColumn(len(t.SampleData.Rows))}
	type way struct {
		calibrated   int32
		folder, name string
	}
	ways := map[way]*ChannelMismatch{}
	for i := range c.Of {
		c.Of[i] = Unknown
		calibrated := l.SampleData.Calibrated[i]
		if calibrated < 0 {
			continue
		}
		sensor := l.CalibratedSensor.Sensor[calibrated]
		if sensor < 0 {
			continue
		}
		f := t.FileName(t.SampleData.Rows[i].Filename)
		channel := t.Sensor.Rows[sensor].Channel
		if (f.Folder == "" || f.Folder == channel) && (f.Channel == "" || f.Channel == channel) {
			c.Of[i] = sensor
			continue
		}
		w := way{calibrated, f.Folder, f.Channel}
		m := ways[w]
		if m == nil {
			m = &ChannelMismatch{Calibrated: calibrated, Sensor: sensor, Folder: f.Folder, Name: f.Channel, Row: int32(i)}
			ways[w] = m
		}
		m.N++
	}
	for _, m := range ways {
		c.Mismatches = append(c.Mismatches, *m)
	}
	slices.SortFunc(c.Mismatches, func(a, b ChannelMismatch) int { return cmp.Compare(a.Row, b.Row) })
	return c
}

// A FileName is what the path of a payload says. Parts that the path does not
// have are "".
type FileName struct {
	Kind    string // nuScenes: "samples" or "sweeps"
	Folder  string // the folder, which is named after the channel
	Log     string // nuScenes: the log file in the name
	Channel string // nuScenes: the channel in the name
	Stamp   string // nuScenes: the digits of the time stamp
}

// ParseFileName takes a payload's path apart: nuScenes
// samples/CHANNEL/LOGFILE__CHANNEL__STAMP.EXT, T4 data/CHANNEL/FRAME.EXT.
// Lyft's names hold no channel.
func ParseFileName(s dataset.Schema, name string) FileName {
	top, rest, ok := strings.Cut(name, "/")
	if !ok {
		return FileName{}
	}
	folder, base, ok := strings.Cut(rest, "/")
	if !ok || strings.Contains(base, "/") {
		return FileName{}
	}
	switch {
	case s == dataset.T4 && top == "data":
		return FileName{Folder: folder}
	case s == dataset.NuScenes && (top == "samples" || top == "sweeps"):
		f := FileName{Kind: top, Folder: folder}
		log, rest, ok := strings.Cut(base, "__")
		if !ok {
			return f
		}
		channel, tail, ok := strings.Cut(rest, "__")
		if !ok {
			return f
		}
		f.Log, f.Channel = log, channel
		f.Stamp, _, _ = strings.Cut(tail, ".")
		return f
	}
	return FileName{}
}
