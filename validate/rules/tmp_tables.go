package rules

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mmaudit/mmaudit/internal/lazyre"
	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var tmpTables = []Rule{
	{
		ID: "TMP004", Slug: "sample-lidar", Severity: rule.Error, Formats: formats{nuScenes, t4},
		Summary: "A sample has the stamp of its lidar keyframe.",
		Why:     "The stamp of the sample is the time of the annotations and the reference of every offset: shifted, each box is where the object was not.",
		Example: "sample.timestamp 1532402927647951, its LIDAR_TOP keyframe 1532402927697951",
		Hint:    "copy the stamp of the lidar keyframe to the sample",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			for _, m := range lateSamples(t) {
				s, sd := &t.Sample.Rows[m.sample], &t.SampleData.Rows[m.capture]
				c.Report(Finding{
					Message: fmt.Sprintf("the sample is %s its %s keyframe", apart(s.Timestamp, sd.Timestamp), t.Reference()),
					Place:   nuscenes.At(t, &t.Sample, m.sample), Related: []Place{captureAt(t, m.capture)},
					Expected: micros(sd.Timestamp), Actual: micros(s.Timestamp),
				})
			}
		}).Needing("sample", "sample_data", "calibrated_sensor", "sensor")},
	},
	{
		ID: "TMP005", Slug: "ego-pose-time", Severity: rule.Error, Formats: formats{nuScenes},
		Summary: "An ego pose has the stamp of the sample_data that uses it.",
		Why:     "Points and boxes are carried to the map by the pose: one of another moment displaces them by the way driven in between, 10 cm in 10 ms.",
		Example: "ego_pose.timestamp 1532402927647951 for a sample_data of 1532402927697951",
		Hint:    "interpolate the pose at the stamp of the sample_data and write that stamp to both",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			for i, e := range t.Links().SampleData.EgoPose {
				sd := &t.SampleData.Rows[i]
				if e < 0 || !t.SampleData.Sound(int32(i)) || !t.EgoPose.Sound(e) || t.EgoPose.Rows[e].Timestamp == sd.Timestamp {
					continue
				}
				if !credible(sd.Timestamp) {
					continue // ts-unit
				}
				pose := t.EgoPose.Rows[e].Timestamp
				if named, _, ok := t.NamedTime(sd.Filename); ok && named == pose {
					continue // it is the stamp of sample_data that is wrong: filename-time
				}
				c.Report(Finding{
					Message: fmt.Sprintf("the pose is %s the sample_data that uses it", apart(pose, sd.Timestamp)),
					Place:   nuscenes.At(t, &t.EgoPose, e), Related: []Place{captureAt(t, int32(i))},
					Expected: micros(sd.Timestamp), Actual: micros(pose),
				})
			}
		}).Needing("ego_pose", "sample_data")},
	},
	{
		ID: "TMP006", Slug: "filename-time", Severity: rule.Error, Formats: formats{nuScenes, lyft},
		Summary: "The time in a file's name is the stamp of its row. (Lyft: ns since 1980-01-06, without leap seconds.)",
		Why:     "Tools that have no tables at hand take the time from the name; where the two differ, one of them belongs to another capture.",
		Example: "filename …__LIDAR_TOP__1532402927647951.pcd.bin with timestamp 1532402927697951",
		Hint:    "find out which of the two is right (the neighbours in the chain tell) and write it to the other",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			for i := range t.SampleData.Rows {
				if named, ok := misnamed(t, int32(i)); ok && t.SampleData.Sound(int32(i)) {
					stamp := t.SampleData.Rows[i].Timestamp
					c.Report(Finding{
						Message: fmt.Sprintf("the stamp is %s the time in the name", apart(stamp, named)),
						Place:   captureAt(t, int32(i)), Expected: micros(named), Actual: micros(stamp),
					})
				}
			}
		}).Needing("sample_data")},
	},
	{
		ID: "TMP007", Slug: "keyframe-window", Severity: rule.Warning, Formats: formats{nuScenes, t4},
		Summary: "The keyframe of each channel lies where the rig's trigger puts it, in ms after the sample: from -50 to 4 for the cameras of nuScenes, within 40 for its radars, from 0 to 50 in T4.",
		Why:     "A keyframe outside its window is the one of a neighbouring sweep: at 15 m/s, 83 ms put everything 1.2 m away from its box.",
		Example: "CAM_FRONT 45.6 ms after its sample: the next frame was taken",
		Hint:    "choose the capture nearest to the lidar's stamp, or give your rig's windows in sync.windows",
		Checks:  []Check{rule.On(checkKeyframeWindows).Needing("sample", "sample_data", "calibrated_sensor", "sensor")},
	},
	{
		ID: "TMP008", Slug: "keyframe-interval", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "The samples of a scene follow one another in 0.35 to 0.65 s.",
		Why:     "Models and metrics count samples as half seconds: velocities and forecasts are wrong where the step is another.",
		Example: "1.000 s between two samples: one was left out",
		Hint:    "restore the sample that was left out, or resample the keyframes at 2 Hz",
		Checks:  []Check{rule.On(checkKeyframeIntervals).Needing("scene", "sample", "sample_data")},
	},
	{
		ID: "TMP018", Slug: "date-captured", Severity: rule.Warning, Formats: formats{nuScenes, t4},
		Summary: "The date of a log is the one in its file's name, and the local date of its scenes.",
		Why:     "Splits by day and retention by date use it: a wrong date leaks drives between splits and keeps data too long.",
		Example: "date_captured 2018-07-25 in the log n015-2018-07-24-11-22-45+0800",
		Hint:    "take the date from the name of the log file",
		Checks:  []Check{rule.On(checkDateCaptured).Needing("log", "scene", "sample")},
	},
	{
		ID: "TMP020", Slug: "scene-duration", Severity: rule.Info, Statistic: true, Formats: formats{nuScenes},
		Summary: "States which scenes are shorter than 15 s or longer than 25 s: the owner's are 20 s.",
		Why:     "Trackers and forecasters reset at each scene; metrics over scenes of other lengths do not compare with published ones.",
		Example: "scene-0061 lasts 7.5 s",
		Hint:    "nothing to repair if scenes are cut so on purpose",
		Checks: []Check{rule.On(func(c *Ctx, t *nuscenes.Tables) {
			for _, s := range sceneSpans(t) {
				if d := s.to - s.from; d < 15e9 || d > 25e9 {
					c.Report(Finding{
						Message: fmt.Sprintf("%s lasts %s", t.Scene.Rows[s.scene].Name, seconds(d)),
						Place:   nuscenes.At(t, &t.Scene, s.scene), Expected: "15 to 25 s", Actual: seconds(d),
					})
				}
			}
		}).Needing("scene", "sample")},
	},
	{
		ID: "TMP021", Slug: "scene-overlap", Severity: rule.Warning, Formats: formats{nuScenes},
		Summary: "The scenes of one log do not overlap in time.",
		Why:     "The same seconds count twice, and a split by scene has them on both sides.",
		Example: "scene-0061 ends at 1532402947.6 s, scene-0062 of the same log begins at 1532402940.1 s",
		Hint:    "cut the log into scenes that do not overlap",
		Checks:  []Check{rule.On(checkSceneOverlap).Needing("scene", "sample", "log")},
	},
	{
		ID: "TMP026", Slug: "is-valid-keyframe", Severity: rule.Warning, Formats: formats{t4},
		Summary: "No keyframe of an annotated sample is marked as invalid.",
		Why:     "The devkit hides captures with is_valid false: boxes would be trained on without the data that shows them.",
		Example: "is_valid false on the LIDAR_TOP keyframe of a sample with 12 boxes",
		Hint:    "remove the annotations of the sample, or replace the capture and set is_valid",
		Checks:  []Check{rule.On(checkValidKeyframes).Needing("sample", "sample_data", "sample_annotation")},
	},
}

// captureAt gives the place of a row of sample_data with its channel.
func captureAt(t *nuscenes.Tables, i int32) Place {
	p := nuscenes.At(t, &t.SampleData, i)
	if s := t.Sensors().Of[i]; s >= 0 {
		p.Channel = t.Sensor.Rows[s].Channel
	}
	return p
}

// misnamed gives the time in the name of a capture's file, and whether its
// stamp contradicts it.
func misnamed(t *nuscenes.Tables, i int32) (named int64, bad bool) {
	r := &t.SampleData.Rows[i]
	named, tolerance, ok := t.NamedTime(r.Filename)
	d := r.Timestamp - named
	return named, ok && credible(r.Timestamp) && (d > tolerance || d < -tolerance) // else ts-unit speaks
}

// keyframes calls visit with every keyframe whose sample and channel are
// beyond doubt, and whose stamp is not refuted by its file's name.
func keyframes(t *nuscenes.Tables, visit func(capture, sample, sensor int32)) {
	l, sensors, k := t.Links(), t.Sensors(), t.Keyframes()
	for i := range t.SampleData.Rows {
		i := int32(i)
		sample, sensor := l.SampleData.Sample[i], sensors.Of[i]
		if !t.SampleData.Rows[i].KeyFrame || !t.SampleData.Sound(i) || sample < 0 || sensor < 0 || !t.Sample.Sound(sample) || k.Refuted(i) {
			continue
		}
		if _, bad := misnamed(t, i); !bad && credible(t.SampleData.Rows[i].Timestamp) {
			visit(i, sample, sensor)
		}
	}
}

type lateSample struct{ sample, capture int32 }

// lateSamples are the samples whose stamp is not that of their lidar keyframe.
func lateSamples(t *nuscenes.Tables) (late []lateSample) {
	reference := t.Reference()
	keyframes(t, func(capture, sample, sensor int32) {
		if t.Sensor.Rows[sensor].Channel == reference && t.SampleData.Rows[capture].Timestamp != t.Sample.Rows[sample].Timestamp {
			late = append(late, lateSample{sample, capture})
		}
	})
	return late
}

// lateSet is lateSamples by sample.
func lateSet(t *nuscenes.Tables) map[int32]bool {
	set := map[int32]bool{}
	for _, m := range lateSamples(t) {
		set[m.sample] = true
	}
	return set
}

func checkKeyframeWindows(c *Ctx, t *nuscenes.Tables) {
	late, reference := lateSet(t), t.Reference()
	keyframes(t, func(capture, sample, sensor int32) {
		channel := t.Sensor.Rows[sensor].Channel
		if channel == reference || late[sample] {
			return // sample-lidar speaks about it
		}
		lo, hi := window(c.Params, t.Dataset.Schema, channel)
		ms := float64(t.SampleData.Rows[capture].Timestamp-t.Sample.Rows[sample].Timestamp) / 1e6
		if ms < lo || ms > hi {
			c.Report(Finding{
				Message:  fmt.Sprintf("the keyframe of %s is %.1f ms after its sample, outside its window", channel, ms),
				Place:    captureAt(t, capture),
				Expected: fmt.Sprintf("%v to %v ms", lo, hi), Actual: fmt.Sprintf("%.1f ms", ms),
			})
		}
	})
}

func checkKeyframeIntervals(c *Ctx, t *nuscenes.Tables) {
	late, chain := lateSet(t), t.Chains().Sample
	for scene := range int32(chain.Groups()) {
		if !chain.Sound(scene) {
			continue // the rules about chains speak about it
		}
		for at, prev := chain.Next[chain.Head(scene)], chain.Head(scene); at >= 0; prev, at = at, chain.Next[at] {
			d := t.Sample.Rows[at].Timestamp - t.Sample.Rows[prev].Timestamp
			// Steps backward are those of the lidar: ts-order.
			if d <= 0 || 350e6 <= d && d <= 650e6 || late[at] || late[prev] || !credible(t.Sample.Rows[at].Timestamp) {
				continue
			}
			c.Report(Finding{
				Message: fmt.Sprintf("%s to the sample before it", seconds(d)),
				Place:   nuscenes.At(t, &t.Sample, at), Related: []Place{nuscenes.At(t, &t.Sample, prev)},
				Expected: "0.35 to 0.65 s", Actual: seconds(d),
			})
		}
	}
}

var logName = lazyre.New(`(\d{4}-\d\d-\d\d)-\d\d-\d\d-\d\d([+-]\d{4})?$`)

func checkDateCaptured(c *Ctx, t *nuscenes.Tables) {
	zones := map[int32]*time.Location{} // of logs whose date is that of their name
	dates := map[int32]time.Time{}
	for i := range t.Log.Rows {
		r := &t.Log.Rows[i]
		date, err := time.Parse(time.DateOnly, r.Date[:min(len(r.Date), len(time.DateOnly))])
		if err != nil || !t.Log.Sound(int32(i)) {
			continue // date-format
		}
		name := logName().FindStringSubmatch(r.Logfile)
		if name != nil && name[1] != date.Format(time.DateOnly) {
			c.Report(Finding{
				Message: fmt.Sprintf("the log is of %s, its file's name says %s", date.Format(time.DateOnly), name[1]),
				Place:   nuscenes.At(t, &t.Log, int32(i)), Expected: name[1], Actual: date.Format(time.DateOnly),
			})
			continue
		}
		dates[int32(i)] = date
		if name != nil && name[2] != "" {
			if zone, err := time.Parse("-0700", name[2]); err == nil {
				_, offset := zone.Zone()
				zones[int32(i)] = time.FixedZone(name[2], offset)
			}
		}
	}
	for _, s := range sceneSpans(t) {
		log := t.Links().Scene.Log[s.scene]
		date, ok := dates[log]
		if !ok || !credible(s.from) || sameDay(time.Unix(0, s.from), date, zones[log]) {
			continue
		}
		local := time.Unix(0, s.from).UTC()
		if zones[log] != nil {
			local = local.In(zones[log])
		}
		c.Report(Finding{
			Message: fmt.Sprintf("%s begins at %s, its log is of %s", t.Scene.Rows[s.scene].Name, local.Format("2006-01-02 15:04 -0700"), date.Format(time.DateOnly)),
			Place:   nuscenes.At(t, &t.Scene, s.scene), Related: []Place{nuscenes.At(t, &t.Log, log)},
			Expected: date.Format(time.DateOnly), Actual: local.Format(time.DateOnly),
		})
	}
}

// sameDay reports whether at is on that date, or in the night that follows it.
// Without a zone, it asks for any that exists.
func sameDay(at, date time.Time, zone *time.Location) bool {
	const night = 6 * time.Hour
	if zone != nil {
		_, offset := at.In(zone).Zone()
		begin := date.Add(-time.Duration(offset) * time.Second)
		return !at.Before(begin) && at.Before(begin.Add(24*time.Hour+night))
	}
	return !at.Before(date.Add(-14*time.Hour)) && at.Before(date.Add(36*time.Hour+night))
}

// A sceneSpan is the time from the first sample of a scene to the last.
type sceneSpan struct {
	scene    int32
	from, to int64 // ns
}

// sceneSpans gives the spans of the scenes whose chain of samples is sound.
func sceneSpans(t *nuscenes.Tables) (all []sceneSpan) {
	chain := t.Chains().Sample
	for scene := range int32(chain.Groups()) {
		if chain.Sound(scene) {
			s := sceneSpan{scene, t.Sample.Rows[chain.Head(scene)].Timestamp, t.Sample.Rows[chain.Tail(scene)].Timestamp}
			if s.from <= s.to {
				all = append(all, s)
			}
		}
	}
	return all
}

func checkSceneOverlap(c *Ctx, t *nuscenes.Tables) {
	byLog := map[int32][]sceneSpan{}
	for _, s := range sceneSpans(t) {
		if log := t.Links().Scene.Log[s.scene]; log >= 0 {
			byLog[log] = append(byLog[log], s)
		}
	}
	for _, all := range byLog {
		slices.SortFunc(all, func(a, b sceneSpan) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.scene, b.scene)) })
		latest := all[0]
		for _, s := range all[1:] {
			if s.from < latest.to {
				c.Report(Finding{
					Message: fmt.Sprintf("%s begins %s before the end of %s of the same log", t.Scene.Rows[s.scene].Name,
						seconds(latest.to-s.from), t.Scene.Rows[latest.scene].Name),
					Place: nuscenes.At(t, &t.Scene, s.scene), Related: []Place{nuscenes.At(t, &t.Scene, latest.scene)},
				})
			}
			if s.to > latest.to {
				latest = s
			}
		}
	}
}

func checkValidKeyframes(c *Ctx, t *nuscenes.Tables) {
	annotated := map[int32]int{}
	for _, s := range t.Links().SampleAnnotation.Sample {
		annotated[s]++
	}
	keyframes(t, func(capture, sample, _ int32) {
		if !t.SampleData.Rows[capture].Valid && annotated[sample] > 0 {
			c.Report(Finding{
				Message: fmt.Sprintf("is_valid is false for a keyframe of a sample with %d annotations", annotated[sample]),
				Place:   captureAt(t, capture),
			})
		}
	})
}

// apart says how far a stamp lies from another: "12.5 ms after".
func apart(stamp, from int64) string {
	way, ns := "after", stamp-from
	if stamp < from {
		way, ns = "before", from-stamp
	}
	if ns < 0 { // hostile stamps: the distance is beyond int64
		ns = math.MaxInt64
	}
	switch {
	case ns < 1e6:
		return fmt.Sprintf("%s µs %s", decimal(float64(ns)/1e3), way)
	case ns < 10e9:
		return fmt.Sprintf("%s ms %s", decimal(float64(ns)/1e6), way)
	}
	return fmt.Sprintf("%s %s", seconds(ns), way)
}

// micros writes a stamp as the tables do.
func micros(ns int64) string {
	switch s := ns % 1000; {
	case ns == math.MinInt64 || ns == math.MaxInt64: // the reader saturates
		return "beyond 64-bit nanoseconds"
	case ns < 0 && s != 0:
		return "-" + micros(-ns)
	case s != 0:
		return strings.TrimRight(fmt.Sprintf("%d.%03d", ns/1000, s), "0")
	}
	return strconv.FormatInt(ns/1000, 10)
}

func seconds(ns int64) string { return fmt.Sprintf("%.3f s", float64(ns)/1e9) }

func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
