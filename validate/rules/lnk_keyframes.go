package rules

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var lnkKeyframes = []Rule{
	{
		ID: "LNK013", Slug: "keyframe-channel-missing", Severity: rule.Error, Formats: formats{nuScenes, t4},
		Summary: "Every sample has a keyframe of each channel that its scene has.",
		Why:     "Training code reads all cameras and the lidar of a sample, and stops with a KeyError at the one that is missing.",
		Example: "no row of sample_data joins the third sample of scene-0061 with CAM_BACK",
		Hint:    "restore the keyframe, or leave the sample out",
		Checks:  []Check{rule.On(keyframeMissing).Needing(keyframeTables...)},
	},
	{
		ID: "LNK014", Slug: "keyframe-channel-duplicate", Severity: rule.Error, Formats: formats{nuScenes, t4},
		Summary: "A sample has no more than one keyframe of a channel.",
		Why:     "The devkit takes the last of two without a word: which image was annotated depends on the order of the table.",
		Example: "two rows of sample_data with is_key_frame true, one sample_token and CAM_FRONT",
		Hint:    "make one of the two a sweep, or give it its own sample",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			for _, d := range t.Keyframes().Duplicates {
				p := captureAt(t, d.Row)
				c.Report(Finding{
					Message: fmt.Sprintf("sample %s has another keyframe of %s", t.Text(t.Sample.Rows[d.Sample].Token), t.Sensor.Rows[d.Sensor].Channel),
					Place:   p, Key: p.Token, Related: []Place{captureAt(t, d.First)},
				})
			}
		}).Needing(keyframeTables...)},
	},
	{
		ID: "LNK015", Slug: "keyframe-folder", Severity: rule.Error, Formats: formats{nuScenes},
		Summary: "Files of keyframes lie in samples/, all others in sweeps/.",
		Why:     "Data sets are packed and downloaded by folder: a keyframe in sweeps/ is missing for whoever took the samples alone.",
		Example: `"is_key_frame": true with "filename": "sweeps/CAM_FRONT/…"`,
		Hint:    "correct is_key_frame, or move the file",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			for _, row := range t.Keyframes().Folders {
				r := &t.SampleData.Rows[row]
				want, have := "sweeps/", "samples/"
				if r.KeyFrame {
					want, have = have, want
				}
				p := captureAt(t, row)
				c.Report(Finding{
					Message: fmt.Sprintf("is_key_frame is %t, but the file lies in %s", r.KeyFrame, have),
					Place:   p, Key: p.Token, Expected: want, Actual: have,
				})
			}
		}).Needing("sample_data")},
	},
	{
		ID: "LNK016", Slug: "filename-channel", Severity: rule.Error, Formats: formats{nuScenes, t4},
		Summary: "The folder of a file, the channel in its name and the sensor of its calibration are one channel.",
		Why:     "Data with the calibration of another sensor is projected to the wrong side of the vehicle, and looks plausible.",
		Example: "samples/CAM_BACK/… with a calibrated_sensor of CAM_FRONT",
		Hint:    "correct calibrated_sensor_token, or move the file to the folder of its channel",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			for _, m := range t.Sensors().Mismatches {
				channel := t.Sensor.Rows[m.Sensor].Channel
				says, other := "folder", m.Folder
				if m.Folder == channel || m.Folder == "" {
					says, other = "name", m.Name
				}
				msg := fmt.Sprintf("the file's %s says %s, its calibration belongs to %s", says, other, channel)
				p := nuscenes.At(t, &t.SampleData, m.Row)
				key := p.Token
				if m.N > 1 {
					msg = fmt.Sprintf("%d files of this calibration: the %s says %s, the calibration belongs to %s", m.N, says, other, channel)
					key = t.Text(t.CalibratedSensor.Rows[m.Calibrated].Token) + " " + other
				}
				c.Report(Finding{
					Message: msg, Place: p, Key: key, Expected: channel, Actual: other,
					Related: []Place{nuscenes.At(t, &t.CalibratedSensor, m.Calibrated)},
				})
			}
		}).Needing("sample_data", "calibrated_sensor", "sensor")},
	},
	{
		ID: "LNK018", Slug: "sweep-sample", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "A sweep belongs to the sample that follows it most closely in time, or to the last sample of its scene.",
		Why:     "Readers gather the sweeps of a sample by its token: a sweep of another moment is projected with the motion of seconds.",
		Example: "a sweep between the second and third sample of its scene names the fifth",
		Hint:    "name the next sample in time",
		Checks: []Check{rule.On(sweepSample).
			Needing(keyframeTables...)},
	},
}

var keyframeTables = []string{"sample_data", "sample", "scene", "calibrated_sensor", "sensor"}

func keyframeMissing(c *Ctx, t *nuscenes.Tables) {
	k := t.Keyframes()
	for _, m := range k.Missing {
		p := nuscenes.At(t, &t.Sample, m.Sample)
		p.Channel = t.Sensor.Rows[m.Sensor].Channel
		msg := fmt.Sprintf("the sample has no keyframe of %s", p.Channel)
		if m.N > 1 {
			msg = fmt.Sprintf("%d of %d samples of the scene have no keyframe of %s, this one first", m.N, m.Of, p.Channel)
		}
		c.Report(Finding{Message: msg, Place: p, Expected: "1 keyframe", Actual: "none"})
	}
	if k.Excused > 0 {
		c.Skip("LNK001 to LNK016 on " + t.SampleData.Path)
	}
}

// sweepSample accepts two readings of "closest following": by the stamps, and
// by the next keyframe of the channel's chain. Where the chain is not sound,
// and the stamps say otherwise, there is no verdict.
func sweepSample(c *Ctx, t *nuscenes.Tables) {
	l, chains := t.Links(), t.Chains()
	byTime := make([][]int32, len(t.Scene.Rows)) // samples of each scene, by time
	of := func(scene int32) []int32 {
		if byTime[scene] == nil {
			byTime[scene] = slices.Clone(t.Members().SamplesOf.Of(scene))
			slices.SortFunc(byTime[scene], func(a, b int32) int {
				return cmp.Or(cmp.Compare(t.Sample.Rows[a].Timestamp, t.Sample.Rows[b].Timestamp), cmp.Compare(a, b))
			})
		}
		return byTime[scene]
	}
	unknown := false
	for g, stream := range chains.Streams {
		data := chains.SampleData
		if !data.Sound(int32(g)) {
			unknown = true
			continue
		}
		samples := of(stream.Scene)
		if len(samples) == 0 {
			continue
		}
		keyframe := samples[len(samples)-1] // that follows in the chain
		for row := data.Tail(int32(g)); row >= 0; row = data.Prev[row] {
			r, sample := &t.SampleData.Rows[row], l.SampleData.Sample[row]
			if r.KeyFrame {
				if sample >= 0 {
					keyframe = sample
				}
				continue
			}
			if sample < 0 || sample == keyframe {
				continue
			}
			i, _ := slices.BinarySearchFunc(samples, r.Timestamp, func(s int32, at int64) int {
				return cmp.Compare(t.Sample.Rows[s].Timestamp, at)
			})
			if want := samples[min(i, len(samples)-1)]; want != sample {
				p := captureAt(t, row)
				c.Report(Finding{
					Message: "the sweep belongs to another sample than the one that follows it", Place: p, Key: p.Token,
					Expected: t.Text(t.Sample.Rows[want].Token), Actual: t.Text(t.Sample.Rows[sample].Token),
					Related: []Place{nuscenes.At(t, &t.Sample, want)},
				})
			}
		}
	}
	if unknown {
		c.Skip(refuted(t.SampleData.Path))
	}
}
