package rules

import (
	"fmt"
	"strings"
	"time"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var tmpRaw = []Rule{
	{
		ID: "TMP013", Slug: "velodyne-midpoint", Severity: rule.Warning, Formats: formats{kittiRaw},
		Summary: "A scan's stamp is the middle of its turn, between timestamps_start and timestamps_end, to 1 ns.",
		Why:     "The owner stamps the middle, nuScenes the end. A set that says one and means the other is 50 ms off against every camera, a metre at 70 km/h.",
		Example: "every stamp of velodyne_points/timestamps.txt is 2 ms behind the middle",
		Hint:    "write floor((start + end) / 2) in integer nanoseconds",
		Checks:  []Check{rule.On(checkMidpoint)},
	},
	{
		ID: "TMP014", Slug: "sweep-order", Severity: rule.Error, Formats: formats{kittiRaw},
		Summary: "A scan begins before its stamp, ends after it, and ends before the next one begins; usually less than 5 µs lie between them (else a warning).",
		Why:     "Motion compensation spreads the points of a scan between its beginning and its end: with the order broken they are moved the wrong way.",
		Example: "timestamps_start.txt:12 is later than timestamps_end.txt:12",
		Hint:    "restore the three files of the scanner from one archive",
		Checks:  []Check{rule.On(checkSweeps)},
	},
	{
		ID: "TMP015", Slug: "sync-reference", Severity: rule.Warning, Formats: formats{kittiRaw},
		Summary: "In a synchronised drive, frame k of each stream lies within 25 ms of frame k of image_00, and of oxts within 6 ms.",
		Why:     "Frames of one number are taken as one moment. Streams that are out of step by one frame are 100 ms apart: boxes and points no longer lie on their objects.",
		Example: "image_02 is 103 ms behind image_00 in every frame: it lost its first frame",
		Hint:    "look for a frame that is missing in one stream before the first one named, or use the drive as _extract",
		Checks:  []Check{rule.On(checkSync)},
	},
	{
		ID: "TMP017", Slug: "date-dir", Severity: rule.Error, Formats: formats{kittiRaw},
		Summary: "The date of the stamps, of the folder and of the drive's name are one.",
		Why:     "The calibration is chosen by the date folder: a drive in the wrong one is projected with the calibration of another day.",
		Example: "2011_09_28/2011_09_26_drive_0001_sync",
		Hint:    "move the drive into the folder of its date",
		Checks:  []Check{rule.On(checkDate)},
	},
	{
		ID: "TMP024", Slug: "times-txt", Severity: rule.Error, Formats: formats{kittiOdometry, semanticKITTI},
		Summary: "times.txt has one time in seconds for each frame, beginning at 0 and rising.",
		Why:     "It is the only clock of a sequence; line k is the time of frame k.",
		Example: "times.txt of sequence 04 begins with 1.037875e-01",
		Hint:    "restore times.txt from the archive of the calibration files",
		Checks:  []Check{rule.FromReader(), rule.On(checkTimes)},
	},
	{
		ID: "TMP025", Slug: "annotation-span", Severity: rule.Warning, Formats: formats{kittiRaw, kittiTracking},
		Summary: "Frames that carry boxes have the data that the boxes were drawn in.",
		Why:     "A box without a scan is a guess between its neighbours; a loader that pairs it with data of another frame trains on a shifted object.",
		Example: "a tracklet spans frame 177, for which velodyne_points/timestamps.txt has a blank line",
		Hint:    "remove the boxes of those frames, or restore the data",
		Checks: []Check{
			rule.On(func(c *Ctx, p *kitti.TrackletPose) {
				if p.Absent {
					c.Report(Finding{
						Message: fmt.Sprintf("tracklet %d has a box in frame %s, of which the drive has no scan", p.Tracklet, p.Place.Frame),
						Place:   p.Place, Key: fmt.Sprintf("tracklet %d frame %s", p.Tracklet, p.Place.Frame),
					})
				}
			}),
			rule.On(checkLabelledSpan),
		},
	},
}

// checkLabelledSpan looks for labels before the first frame of a tracking
// sequence. Of labels behind the last, track-frame speaks, and of holes
// between, frame-gap.
func checkLabelledSpan(c *Ctx, f *kitti.LabelFile) {
	if f.Sequence == "" || len(f.Frames) == 0 {
		return
	}
	n := 0
	var first *kitti.LabelRow
	for _, r := range f.Rows {
		if r.Number >= 0 && r.Number < f.Frames[0] {
			if n++; first == nil || r.Line < first.Line {
				first = r
			}
		}
	}
	if n == 0 {
		return
	}
	c.Report(Finding{
		Message: fmt.Sprintf("%d rows label frames before %06d, the first that sequence %s has", n, f.Frames[0], f.Sequence),
		Place:   Place{Path: f.Path, Line: first.Line, Frame: first.Frame}, Key: "before",
	})
}

// scans gives the three stamps of each scan that has them.
func scans(clock *kitti.RawClock, visit func(k int, start, at, end int64)) {
	starts, stamps, ends := clock.Stamps["velodyne_start"], clock.Stamps["velodyne"], clock.Stamps["velodyne_end"]
	if stamps == nil {
		return
	}
	for k := range stamps.Lines {
		at, ok := stamps.Frame(k)
		start, ok1 := starts.Frame(k)
		end, ok2 := ends.Frame(k)
		if ok && ok1 && ok2 {
			visit(k, start, at, end)
		}
	}
}

func scanPlace(s *kitti.Stamps, k int) Place {
	p := s.Place(k)
	p.Channel, p.Frame = "velodyne", fmt.Sprintf("%010d", k)
	return p
}

// checkMidpoint reports a drive once. Scans that sweep-order refutes are left out.
func checkMidpoint(c *Ctx, clock *kitti.RawClock) {
	var n, off, first int
	var worst time.Duration
	scans(clock, func(k int, start, at, end int64) {
		if n++; at <= start || at >= end {
			return
		}
		by := time.Duration(at - (start + (end-start)/2))
		if by.Abs() <= 1 {
			return
		}
		if by.Abs() > worst.Abs() {
			worst = by
		}
		if off++; off == 1 {
			first = k
		}
	})
	if off == 0 {
		return
	}
	c.Report(Finding{
		Message: fmt.Sprintf("%d of %d scans are not stamped with the middle of their turn: up to %v off", off, n, worst),
		Place:   scanPlace(clock.Stamps["velodyne"], first), Key: clock.Drive.Name,
	})
}

func checkSweeps(c *Ctx, clock *kitti.RawClock) {
	starts, stamps, ends := clock.Stamps["velodyne_start"], clock.Stamps["velodyne"], clock.Stamps["velodyne_end"]
	previous, last := -1, int64(0)
	var gaps []int64 // from the end of a scan to the beginning of the next
	scans(clock, func(k int, start, at, end int64) {
		switch {
		case start >= end:
			c.Report(Finding{
				Message: fmt.Sprintf("the scan begins %v after it ends", time.Duration(start-end)),
				Place:   scanPlace(starts, k), Related: []Place{scanPlace(ends, k)},
			})
		case at == start || at == end:
			c.Report(Finding{
				Message: "the stamp is that of one end of the scan's turn",
				Place:   scanPlace(stamps, k), Related: []Place{scanPlace(starts, k), scanPlace(ends, k)},
			})
		case at < start || at > end:
			c.Report(Finding{
				Message: fmt.Sprintf("the stamp lies %v outside the scan's turn", time.Duration(max(start-at, at-end))),
				Place:   scanPlace(stamps, k), Related: []Place{scanPlace(starts, k), scanPlace(ends, k)},
			})
		case previous >= 0 && start < last && last-start < end-start: // by more than a turn: ts-order
			c.Report(Finding{
				Message: fmt.Sprintf("the scan begins %v before the one before it ends", time.Duration(last-start)),
				Place:   scanPlace(starts, k), Related: []Place{scanPlace(ends, previous)},
			})
		}
		if previous >= 0 && previous == k-1 {
			gaps = append(gaps, start-last)
		}
		previous, last = k, end
	})
	if gap := median(gaps); gap >= maxTurnGap {
		p := scanPlace(starts, 0)
		p.Line, p.Frame = 0, ""
		c.Report(Finding{
			Severity: rule.Warning, Message: fmt.Sprintf("the scanner turns on without a pause, but %v lie between the scans", time.Duration(gap)),
			Place: p, Expected: "< 5 µs", Actual: time.Duration(gap).String(), Key: clock.Drive.Name + " gap",
		})
	}
}

// maxTurnGap is what may lie, in the usual case, between two scans: 1.4 µs at
// most in the owner's drives.
const maxTurnGap = int64(5 * time.Microsecond)

// maxSync is how far a stream's frame may lie from that of image_00. The
// scanner's stamp, the middle of its turn, is 13 to 22 ms before; the GPS/IMU
// unit runs at 100 Hz and gives its nearest reading.
func maxSync(channel string) time.Duration {
	if channel == "oxts" {
		return 6 * time.Millisecond
	}
	return 25 * time.Millisecond
}

// checkSync reports a stream once: one frame lost shifts all that follow.
func checkSync(c *Ctx, clock *kitti.RawClock) {
	d := clock.Drive
	if !d.Synced {
		return
	}
	ref := clock.Stamps["image_00"]
	if ref == nil {
		c.Skip("image_00/timestamps.txt of " + d.Name)
		return
	}
	for i := range d.Streams {
		st := &d.Streams[i]
		s := clock.Stamps[st.Channel]
		if s == nil || st.Channel == "image_00" {
			continue
		}
		if len(s.Lines) < st.Count() || len(ref.Lines) < d.Stream("image_00").Count() {
			c.Skip("LAY011 on " + s.Path)
			continue
		}
		refuted := map[int]bool{} // scans of which sweep-order has spoken
		if st.Channel == "velodyne" {
			scans(clock, func(k int, start, at, end int64) { refuted[k] = at <= start || at >= end })
		}
		limit := maxSync(st.Channel)
		n, off, first := 0, 0, 0
		var worst time.Duration
		for k := range s.Lines {
			a, ok := ref.Frame(k)
			b, ok2 := s.Frame(k)
			if !ok || !ok2 || !rising(ref, k) || !rising(s, k) || refuted[k] {
				continue
			}
			n++
			by := time.Duration(b - a)
			if by.Abs() <= limit {
				continue
			}
			if off++; off == 1 {
				first = k
			}
			if by.Abs() > worst.Abs() {
				worst = by
			}
		}
		if off == 0 {
			continue
		}
		p := s.Place(first)
		p.Channel, p.Frame = st.Channel, fmt.Sprintf("%010d", first)
		c.Report(Finding{
			Message: fmt.Sprintf("%d of %d frames of %s lie more than %v from image_00, by up to %v", off, n, st.Channel, limit, worst),
			Place:   p, Expected: fmt.Sprintf("within %v", limit), Actual: worst.String(), Key: d.Name + " " + st.Channel,
		})
	}
}

// rising reports whether stamp k is a time of this century and lies between
// its neighbours; of one that does not, ts-unit, ts-order or ts-duplicate has
// spoken.
func rising(s *kitti.Stamps, k int) bool {
	t, _ := s.Frame(k)
	if !credible(t) {
		return false
	}
	if before, ok := s.Frame(k - 1); ok && before >= t {
		return false
	}
	after, ok := s.Frame(k + 1)
	return !ok || t < after
}

// checkDate takes the first stamp of each file: a drive may run past midnight.
func checkDate(c *Ctx, clock *kitti.RawClock) {
	d := clock.Drive
	if d.Parent != d.Date {
		c.Report(Finding{
			Message: fmt.Sprintf("drive %s lies in the folder of %s", d.Name, d.Parent),
			Place:   Place{Path: d.Dir}, Expected: d.Date, Actual: d.Parent, Key: "folder",
		})
	}
	if d.Date == "" {
		return
	}
	want := strings.ReplaceAll(d.Date, "_", "-")
	for channel, s := range clock.Stamps {
		for k := range s.Lines {
			ns, ok := s.Frame(k)
			if !ok {
				continue
			}
			t := time.Unix(0, ns).UTC()
			if got := t.Format(time.DateOnly); got != want && credible(ns) {
				p := s.Place(k)
				p.Channel = channel
				c.Report(Finding{
					Message: fmt.Sprintf("the stamps begin on %s, but the drive is of %s", got, want),
					Place:   p, Expected: want, Actual: got, Key: d.Name + " " + channel,
				})
			}
			break
		}
	}
}

func checkTimes(c *Ctx, s *kitti.Sequence) {
	t := s.Times
	if t == nil {
		return
	}
	for k, ns := range t.NS {
		switch {
		case k == 0 && ns != 0:
			c.Report(Finding{
				Message: fmt.Sprintf("times begin at %v", time.Duration(ns)), Place: t.Place(0),
				Expected: "0", Actual: time.Duration(ns).String(),
			})
		case k > 0 && ns <= t.NS[k-1]:
			c.Report(Finding{
				Message: fmt.Sprintf("the time does not rise: %v behind %v", time.Duration(ns), time.Duration(t.NS[k-1])), Place: t.Place(k),
				Expected: "> " + time.Duration(t.NS[k-1]).String(), Actual: time.Duration(ns).String(),
			})
		}
	}
	if n := s.Count(); n > 0 && len(t.NS) != n {
		c.Report(Finding{
			Message:  fmt.Sprintf("%d times for the %s of sequence %s", len(t.NS), human.Count(n, "frame"), s.Name),
			Place:    Place{Path: t.Path},
			Expected: fmt.Sprint(n), Actual: fmt.Sprint(len(t.NS)), Key: "rows",
		})
	}
}
