package nuscenes

import (
	"cmp"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
)

// A Source gives the moments of a data set: one for each sample, with the
// keyframe of each channel. The reference is the lidar whose stamp the sample
// has.
type Source struct {
	t         *Tables
	scenes    []int32   // by name
	samples   [][]int32 // of each scene, in the order of the chain
	keyframes Groups    // sample_data by sample
	channel   []string  // of each calibrated sensor; "" where references dangle
	reference string
	prefix    string // of the canonical key
	file      string // of sample_data
}

func newSource(t *Tables) *Source {
	s := &Source{t: t, reference: t.Reference(), prefix: prefix(t.Dataset), file: path.Base(t.SampleData.Path)}
	s.channel = make([]string, len(t.CalibratedSensor.Rows))
	for i := range t.CalibratedSensor.Rows {
		if k := find(&t.Sensor, t.CalibratedSensor.Rows[i].Sensor); k >= 0 {
			s.channel[i] = t.Sensor.Rows[k].Channel
		}
	}
	s.byScene()
	s.bySample()
	return s
}

// Reference names the channel whose stamps are the samples' own.
func (t *Tables) Reference() string {
	var lidars []string
	for i := range t.Sensor.Rows {
		if r := &t.Sensor.Rows[i]; r.Modality == "lidar" {
			lidars = append(lidars, r.Channel)
		}
	}
	slices.Sort(lidars)
	for _, usual := range []string{"LIDAR_TOP", "LIDAR_CONCAT"} {
		if slices.Contains(lidars, usual) {
			return usual
		}
	}
	if t.Dataset.Schema == dataset.T4 && len(lidars) > 0 {
		return lidars[0]
	}
	return "LIDAR_TOP"
}

// prefix is what the canonical key of a moment begins with. The id of a T4
// data set is the name of its folder, or of the one above its version.
func prefix(ds *dataset.Dataset) string {
	switch ds.Schema {
	case dataset.Lyft:
		return "lyft/"
	case dataset.T4:
		root, err := filepath.Abs(ds.Root)
		if err != nil {
			root = ds.Root
		}
		if _, err := strconv.Atoi(filepath.Base(root)); err == nil {
			root = filepath.Dir(root)
		}
		return "t4/" + filepath.Base(root) + "/"
	}
	return "nuscenes/"
}

// byScene orders scenes by name and samples by their chain. Samples whose
// chain is broken are ordered by time.
func (s *Source) byScene() {
	t := s.t
	chain := t.Chains().Sample
	s.samples = make([][]int32, len(t.Scene.Rows))
	for i := range t.Sample.Rows {
		if k := find(&t.Scene, t.Sample.Rows[i].Scene); k >= 0 {
			s.samples[k] = append(s.samples[k], int32(i))
		}
	}
	for k, own := range s.samples {
		s.scenes = append(s.scenes, int32(k))
		if chain.Sound(int32(k)) {
			n := 0
			for i := chain.Head(int32(k)); i >= 0 && n < len(own); i = chain.Next[i] {
				own[n] = i
				n++
			}
			continue
		}
		slices.SortFunc(own, func(a, b int32) int {
			return cmp.Or(cmp.Compare(t.Sample.Rows[a].Timestamp, t.Sample.Rows[b].Timestamp), cmp.Compare(a, b))
		})
	}
	slices.SortFunc(s.scenes, func(a, b int32) int {
		return cmp.Or(cmp.Compare(t.Scene.Rows[a].Name, t.Scene.Rows[b].Name), cmp.Compare(a, b))
	})
}

// bySample gathers the keyframes of each sample.
func (s *Source) bySample() {
	t := s.t
	of := newColumn(len(t.SampleData.Rows))
	for i := range t.SampleData.Rows {
		of[i] = -1
		if r := &t.SampleData.Rows[i]; r.KeyFrame {
			of[i] = find(&t.Sample, r.Sample)
		}
	}
	s.keyframes = groupBy(of, len(t.Sample.Rows))
}

// Dataset implements moment.Source.
func (s *Source) Dataset() *dataset.Dataset { return s.t.Dataset }

// Tables gives the tables that the moments are read from.
func (s *Source) Tables() *Tables { return s.t }

// Moments implements moment.Source: scenes by name, samples as chained.
func (s *Source) Moments(yield func(*moment.Moment) bool) error {
	for _, scene := range s.scenes {
		for _, sample := range s.samples[scene] {
			if !yield(s.moment(scene, sample)) {
				return nil
			}
		}
	}
	return nil
}

func (s *Source) moment(scene, sample int32) *moment.Moment {
	t := s.t
	token := t.Text(t.Sample.Rows[sample].Token)
	m := &moment.Moment{
		Group: t.Scene.Rows[scene].Name, Sample: token, Key: s.prefix + token, Reference: s.reference,
	}
	rows := s.keyframes.Of(sample)
	m.Channels = make([]moment.Observation, 0, len(rows))
	for _, i := range rows {
		r := &t.SampleData.Rows[i]
		cs := find(&t.CalibratedSensor, r.Calibrated)
		if cs < 0 || s.channel[cs] == "" {
			continue
		}
		o := moment.Observation{
			Channel: s.channel[cs], File: t.Name(r.Filename), Time: r.Timestamp,
			Timed:      r.Timestamp != 0 || t.SampleData.Sound(i),
			Resolution: 1000, Place: At(t, &t.SampleData, i),
		}
		o.Place.Channel = o.Channel
		o.Source = s.file + ":" + o.Place.Token
		if t.Dataset.Schema == dataset.Lyft {
			o.Tolerance = 250
		}
		// Like the devkit, of two keyframes the later row counts.
		if k := slices.IndexFunc(m.Channels, func(x moment.Observation) bool { return x.Channel == o.Channel }); k >= 0 {
			m.Channels[k] = o
		} else {
			m.Channels = append(m.Channels, o)
		}
	}
	slices.SortFunc(m.Channels, func(a, b moment.Observation) int { return cmp.Compare(a.Channel, b.Channel) })
	return m
}
