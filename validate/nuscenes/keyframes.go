package nuscenes

import (
	"cmp"
	"slices"

	"github.com/mmaudit/mmaudit/validate/dataset"
)

// Keyframes says which sample has a keyframe of which channel, and which has
// none or several.
type Keyframes struct {
	Missing    []MissingKeyframe
	Duplicates []DuplicateKeyframe
	// Folders are the rows of sample_data (nuScenes alone) whose is_key_frame
	// and folder contradict each other.
	Folders []int32
	// Excused counts keyframes that seem missing, where a row that another rule
	// refutes may be the one.
	Excused int

	refuted map[int32]struct{} // rows of Duplicates, and Folders
}

// A MissingKeyframe says that a sample lacks a channel that its scene has.
// Where a channel is missing from more than half of its scene's samples, one
// entry stands for all.
type MissingKeyframe struct {
	Sample int32 // the first such sample
	Sensor int32
	N, Of  int // samples without it; samples of the scene
}

// A DuplicateKeyframe is a second keyframe of one channel in one sample.
type DuplicateKeyframe struct {
	Row, First int32 // of sample_data
	Sample     int32
	Sensor     int32
}

// Keyframes finds the keyframes, once.
func (t *Tables) Keyframes() *Keyframes {
	t.facts.keyframes.Do(func() { t.facts.k = t.keyframes() })
	return t.facts.k
}

// What a row of sample_data is to its sample.
const (
	sweep = iota
	perhaps
	keyframe
)

func (t *Tables) keyframes() *Keyframes {
	l, c, m := t.Links(), t.Chains(), t.Members()
	k := &Keyframes{refuted: map[int32]struct{}{}}
	nuscenes := t.Dataset.Schema == dataset.NuScenes
	is := func(i int32) int {
		r := &t.SampleData.Rows[i]
		switch {
		case !t.SampleData.Sound(i):
			return perhaps
		case nuscenes:
			if f := t.FileName(r.Filename); f.Kind != "" && (f.Kind == "samples") != r.KeyFrame {
				return perhaps
			}
		}
		if r.KeyFrame {
			return keyframe
		}
		return sweep
	}

	// Rows that may be a keyframe of a sample, a channel, or of anything.
	kinds := make([]uint8, len(t.SampleData.Rows))
	anySample, anySensor := map[int32]bool{}, map[int32]bool{}
	anywhere := t.SampleData.open()
	for i := range int32(len(kinds)) {
		kind := is(i)
		kinds[i] = uint8(kind)
		if kind == perhaps && t.SampleData.Sound(i) {
			k.Folders = append(k.Folders, i)
			k.refuted[i] = struct{}{}
		}
		sample, sensor := l.SampleData.Sample[i], t.Sensors().Of[i]
		if kind == sweep || sample >= 0 && c.SampleData.Group[i] >= 0 {
			continue
		}
		switch {
		case sample >= 0 && c.Sample.Trusted(sample) >= 0:
			anySample[sample] = true // of an unknown channel
		case sensor >= 0:
			anySensor[sensor] = true
		default:
			anywhere = true
		}
	}

	excused := func(sample int32) bool {
		return anySample[sample] || c.Sample.Trusted(sample) < 0 || !t.Sample.Sound(sample)
	}

	// Keyframes by stream: their samples, and which of these come twice.
	streams := groupBy(c.SampleData.Group, len(c.Streams))
	seen := newColumn(len(t.Sample.Rows)) // 1 + the row that was seen in the stream at hand
	for s, stream := range c.Streams {
		rows := streams.Of(int32(s))
		samples := m.SamplesOf.Of(stream.Scene)
		present, twice := 0, false
		for _, r := range rows {
			sample := l.SampleData.Sample[r]
			if sample < 0 || kinds[r] == sweep {
				continue
			}
			switch first := seen[sample]; {
			case first == 0:
				seen[sample] = r + 1
				present++
			case kinds[r] == keyframe && kinds[first-1] == keyframe:
				twice = true
				k.Duplicates = append(k.Duplicates, DuplicateKeyframe{Row: r, First: first - 1, Sample: sample, Sensor: stream.Sensor})
				k.refuted[r] = struct{}{}
			case kinds[r] == keyframe:
				seen[sample] = r + 1
			}
		}
		missing := len(samples) - present
		switch {
		case missing <= 0:
		case twice || anywhere || anySensor[stream.Sensor] || c.SampleData.missing[s]:
			k.Excused += missing
		case missing > present:
			// At most present samples are passed over before one that lacks it.
			e := MissingKeyframe{Sample: Unknown, Sensor: stream.Sensor, N: missing, Of: len(samples)}
			for _, sample := range samples {
				if seen[sample] == 0 && !excused(sample) {
					e.Sample = sample
					k.Missing = append(k.Missing, e)
					break
				}
			}
		default:
			for _, sample := range samples {
				if seen[sample] != 0 {
					continue
				}
				if excused(sample) {
					k.Excused++
					continue
				}
				k.Missing = append(k.Missing, MissingKeyframe{Sample: sample, Sensor: stream.Sensor, N: 1, Of: len(samples)})
			}
		}
		for _, r := range rows {
			if sample := l.SampleData.Sample[r]; sample >= 0 {
				seen[sample] = 0
			}
		}
	}
	slices.SortFunc(k.Missing, func(a, b MissingKeyframe) int {
		return cmp.Or(cmp.Compare(a.Sample, b.Sample), cmp.Compare(a.Sensor, b.Sensor))
	})
	slices.SortFunc(k.Duplicates, func(a, b DuplicateKeyframe) int { return cmp.Compare(a.Row, b.Row) })
	return k
}

// Refuted reports whether a row of sample_data is not to be taken for the
// keyframe of its channel: it is the second, or its folder denies that it is
// one.
func (k *Keyframes) Refuted(row int32) bool { _, ok := k.refuted[row]; return ok }
