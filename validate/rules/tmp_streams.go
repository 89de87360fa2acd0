package rules

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
	"time"

	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var tmpStreams = []Rule{
	{
		ID: "TMP001", Slug: "ts-unit", Severity: rule.Error,
		Summary: "Timestamps are in the unit that the format says: they fall between the years 2000 and 2100, or, where they count from the first frame (odometry), step by the sensor's period.",
		Why:     "A stamp in the wrong unit is a valid number: sensors are then paired with whatever happens to be nearest, or with nothing.",
		Example: `"timestamp": 1532402927 (seconds), where the table counts microseconds`,
		Hint:    "multiply the stamps to the format's unit in integers; a float64 of nanoseconds loses the last 8 bits",
		Checks:  []Check{rule.On(checkUnit)},
	},
	{
		ID: "TMP002", Slug: "ts-order", Severity: rule.Error,
		Summary: "The stamps of a channel rise along its frames: line by line, or from record to record by next. (Of times.txt, times-txt speaks.)",
		Why:     "Interpolation, velocities and video run backwards there; readers that sort by time see frames in another order than readers that follow the format.",
		Example: "oxts/timestamps.txt:5 is 12 ms before line 4",
		Hint:    "put the frames into the order of their stamps, or restore the stamp that is wrong",
		Checks: []Check{rule.On(func(c *Ctx, s *moment.Stream) {
			for i := 1; i < len(s.Times); i++ {
				if a, b := s.Times[i-1], s.Times[i]; b < a && plausible(s, a) && plausible(s, b) {
					c.Report(Finding{
						Message: fmt.Sprintf("the stamp of %s is %v before the one that it follows", s.Channel, time.Duration(a-b)),
						Place:   s.At(i), Expected: "> " + stampText(s, a), Actual: stampText(s, b),
						Related: []Place{s.At(i - 1)},
					})
				}
			}
		})},
	},
	{
		ID: "TMP003", Slug: "ts-duplicate", Severity: rule.Warning,
		Summary: "No two frames of a channel have the same stamp.",
		Why:     "A sensor cannot see twice at once: a frame was written twice, or got the stamp of its neighbour. Velocities divide by zero there.",
		Example: "image_02/timestamps.txt:7 equals line 6",
		Hint:    "remove the frame that was written twice, or restore its stamp",
		Checks: []Check{rule.On(func(c *Ctx, s *moment.Stream) {
			for i := 1; i < len(s.Times); i++ {
				if a, b := s.Times[i-1], s.Times[i]; a == b && plausible(s, a) {
					c.Report(Finding{
						Message: fmt.Sprintf("the stamp of %s equals the one that it follows", s.Channel),
						Place:   s.At(i), Actual: stampText(s, b), Related: []Place{s.At(i - 1)},
					})
				}
			}
		})},
	},
	{
		ID: "TMP009", Slug: "rate", Severity: rule.Warning,
		Summary: "A channel runs at its nominal rate, within the tolerance rate.tolerance (20 %). Keyframes alone, as in Lyft, and sensors without a nominal rate are not judged.",
		Why:     "A channel at half its rate has lost every second frame, and models trained on a number of sweeps look at another span of time.",
		Example: "LIDAR_TOP runs at 10 Hz instead of 20 Hz",
		Hint:    "look for dropped frames in the recording, or set rate.tolerance if the sensor really runs at another rate",
		Checks:  []Check{rule.On(checkRate)},
	},
	{
		ID: "TMP010", Slug: "gap", Severity: rule.Warning,
		Summary: "No step between two stamps of a channel is longer than gap.factor (1.8) times the median step.",
		Why:     "Frames are missing there, yet their numbers or links run on: code that counts frames takes the step for one period.",
		Example: "CAM_FRONT steps 0.5 s between two sweeps, about 5 frames",
		Hint:    "restore the frames; in KITTI raw a frame that was never taken has a blank line",
		Checks:  []Check{rule.On(checkGap)},
	},
	{
		ID: "TMP011", Slug: "jitter", Severity: rule.Info,
		Summary: "The period of a channel is steady: its median absolute deviation is below 20 % of the median.",
		Why:     "Jitter is often that of the computer which took the stamps when data arrived, not of the sensor: offsets between channels are then no better than the jitter.",
		Example: "RADAR_FRONT: steps of 76 ms with a deviation of 31 ms",
		Hint:    "stamp at the trigger of the sensor, with a synchronised clock",
		Checks:  []Check{rule.On(checkJitter)},
	},
	{
		ID: "TMP012", Slug: "overlap", Severity: rule.Warning,
		Summary: "The channels of a drive or scene cover the same span of time, to 80 % at least.",
		Why:     "Where a channel starts late or stops early, samples lack it or are paired with data of another moment.",
		Example: "oxts of a drive ends 6 s before the cameras",
		Hint:    "cut all channels to their common span, or restore the one that is short",
		Checks:  []Check{rule.Collect(collectSpan, reportSpans)},
	},
	{
		ID: "TMP016", Slug: "float-quantised", Severity: rule.Info, Formats: formats{kittiRaw, nuScenes, lyft},
		Summary: "Stamps have the full resolution of their clock: they are not all multiples of one power of two.",
		Why:     "Such stamps passed through a floating-point number: a float64 of nanoseconds since 1970 keeps steps of 256 ns. Offsets computed from them carry that error.",
		Example: "image_00/timestamps.txt: every stamp is a multiple of 256 ns (so in the owner's release)",
		Hint:    "nothing to repair in the owner's data; in your own, keep stamps as integers from the driver to the file",
		Checks:  []Check{rule.On(checkQuantised)},
	},
}

// Stamps outside these years are of another unit, or of a clock never set.
var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	latest   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
)

// credible reports whether ns since the Unix epoch is a time of this century.
// Where it is not, ts-unit speaks, and rules that would compare it do not.
func credible(ns int64) bool { return ns >= earliest && ns < latest }

// plausible reports whether a stamp of s can be a time at all.
func plausible(s *moment.Stream, ns int64) bool { return !s.Epoch || credible(ns) }

// checkUnit reports a stream once, however many of its stamps are implausible.
func checkUnit(c *Ctx, s *moment.Stream) {
	first, n := -1, 0
	for i, t := range s.Times {
		if !plausible(s, t) {
			if n++; first < 0 {
				first = i
			}
		}
	}
	if n == 0 {
		if unit := elapsedUnit(s); unit != "" {
			c.Report(Finding{
				Message: fmt.Sprintf("the times of %s are in %s, not seconds", s.Group, unit), Place: streamPlace(s),
				Expected: fmt.Sprintf("steps of %g s", 1/s.Hz), Actual: fmt.Sprintf("steps of %g s", float64(median(steps(s)))/1e9), Key: s.Group + " " + s.Channel,
			})
		}
		return
	}
	t := s.Times[first]
	what := fmt.Sprintf("lies in the year %d", time.Unix(0, t).UTC().Year())
	if unit := unitOf(s, t); unit != "" {
		what = "is in " + unit
	}
	c.Report(Finding{
		Message: fmt.Sprintf("%d of %d stamps of %s are no time of this century: the first %s", n, len(s.Times), s.Channel, what),
		Place:   s.At(first), Actual: stampText(s, t), Key: s.Group + " " + s.Channel,
	})
}

// steps gives the differences of the stamps of s.
func steps(s *moment.Stream) (out []int64) {
	for i := 1; i < len(s.Times); i++ {
		out = append(out, s.Times[i]-s.Times[i-1])
	}
	return out
}

// elapsedUnit recognises the unit of times that count from the first frame and
// were taken for seconds, by the nominal period; "" if they can be seconds.
func elapsedUnit(s *moment.Stream) string {
	if s.Epoch || s.Hz == 0 || len(s.Times) < 4 {
		return ""
	}
	periods := float64(median(steps(s))) / 1e9 * s.Hz
	for _, u := range []struct {
		name  string
		scale float64
	}{{"milliseconds", 1e3}, {"microseconds", 1e6}, {"nanoseconds", 1e9}} {
		if r := periods / u.scale; r > 0.5 && r < 2 {
			return u.name
		}
	}
	return ""
}

// unitOf recognises the unit of a stamp that was taken for microseconds. What
// does not fit into 64 bits as nanoseconds is at the end of their range.
func unitOf(s *moment.Stream, t int64) string {
	if s.Wall {
		return ""
	}
	within := func(scale int64) bool { return t > 0 && t <= latest/scale && plausible(s, t*scale) }
	switch {
	case within(1e3):
		return "milliseconds, not microseconds"
	case within(1e6):
		return "seconds, not microseconds"
	case t == 1<<63-1:
		return "nanoseconds, not microseconds"
	}
	return ""
}

// stampText writes a stamp as the format's files do.
func stampText(s *moment.Stream, ns int64) string {
	switch {
	case !s.Epoch:
		return fmt.Sprintf("%v", time.Duration(ns))
	case s.Wall:
		return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05.000000000")
	case ns == 1<<63-1:
		return "beyond 64-bit nanoseconds"
	case ns%1000 == 0:
		return fmt.Sprintf("%d µs", ns/1000)
	}
	return fmt.Sprintf("%d.%03d µs", ns/1000, ns%1000)
}

// periods gives the steps between the stamps of s, each divided by the number
// of frames that it spans. It gives none, and says so, where the stamps are
// not in order: then steps mean nothing, and another rule has spoken.
func periods(c *Ctx, s *moment.Stream) []int64 {
	if len(s.Times) < 4 {
		return nil
	}
	if elapsedUnit(s) != "" {
		c.Skip("TMP001 on " + s.Path)
		return nil
	}
	out := make([]int64, 0, len(s.Times)-1)
	for i, t := range s.Times {
		if !plausible(s, t) {
			c.Skip("TMP001 on " + s.Path)
			return nil
		}
		if i == 0 {
			continue
		}
		d := t - s.Times[i-1]
		if d <= 0 {
			id := "TMP002"
			if d == 0 {
				id = "TMP003"
			}
			c.Skip(id + " on " + s.Path)
			return nil
		}
		if s.Frames != nil {
			d /= int64(s.Frames[i] - s.Frames[i-1])
		}
		out = append(out, d)
	}
	return out
}

// median gives the middle value, the mean of both if there are two; 0 for none.
func median(v []int64) int64 {
	if len(v) == 0 {
		return 0
	}
	v = slices.Clone(v)
	m := len(v) / 2
	high := nth(v, m)
	if len(v)%2 == 1 {
		return high
	}
	low := slices.Max(v[:m])
	return low + (high-low)/2
}

// nth gives the value that would be v[k] if v was sorted, and puts those below
// it in front. It is quickselect: the periods of a clock, of which there are
// millions, need no order.
func nth(v []int64, k int) int64 {
	lo, hi := 0, len(v)-1 // v[lo:hi+1] holds the one
	for lo < hi {
		pivot := v[lo+(hi-lo)/2]
		i, j := lo, hi
		for i <= j {
			for v[i] < pivot {
				i++
			}
			for v[j] > pivot {
				j--
			}
			if i <= j {
				v[i], v[j] = v[j], v[i]
				i++
				j--
			}
		}
		switch {
		case k <= j:
			hi = j
		case k >= i:
			lo = i
		default:
			return v[k]
		}
	}
	return v[k]
}

// checkRate measures the rate over the steps that are no gaps: cameras that
// skip every third trigger have two periods, and their mean counts.
func checkRate(c *Ctx, s *moment.Stream) {
	steps := periods(c, s)
	if s.Hz == 0 || len(steps) == 0 {
		return
	}
	longest := c.Params.Gap.Factor * float64(median(steps))
	sum, n := 0.0, 0
	for _, d := range steps {
		if float64(d) <= longest {
			sum += float64(d)
			n++
		}
	}
	if n == 0 {
		return
	}
	hz := 1e9 * float64(n) / sum
	if tol := c.Params.Rate.Tolerance; hz < s.Hz*(1-tol) || hz > s.Hz*(1+tol) {
		c.Report(Finding{
			Message:  fmt.Sprintf("%s runs at %.2f Hz in %s, where %g Hz are expected", s.Channel, hz, s.Group, s.Hz),
			Place:    streamPlace(s),
			Expected: fmt.Sprintf("%g Hz +- %g %%", s.Hz, 100*tol), Actual: fmt.Sprintf("%.2f Hz", hz), Key: s.Group + " " + s.Channel,
		})
	}
}

// streamPlace is where findings about a stream as a whole point.
func streamPlace(s *moment.Stream) Place {
	p := s.At(0)
	p.Line, p.Column, p.Frame = 0, 0, ""
	p.Channel = s.Channel
	return p
}

func checkGap(c *Ctx, s *moment.Stream) {
	steps := periods(c, s)
	m := median(steps)
	for i, d := range steps {
		if float64(d) <= c.Params.Gap.Factor*float64(m) {
			continue
		}
		missing := (d+m/2)/m - 1
		frames := "1 frame is"
		if missing != 1 {
			frames = fmt.Sprintf("%d frames are", missing)
		}
		c.Report(Finding{
			Message:  fmt.Sprintf("%s steps %v where %v is usual: about %s missing", s.Channel, time.Duration(d), time.Duration(m), frames),
			Place:    s.At(i + 1),
			Expected: fmt.Sprintf("<= %v", time.Duration(c.Params.Gap.Factor*float64(m))), Actual: time.Duration(d).String(),
			Related: []Place{s.At(i)},
		})
	}
}

// minJitter is the number of steps from which a deviation means something.
const minJitter = 8

func checkJitter(c *Ctx, s *moment.Stream) {
	steps := periods(c, s)
	if len(steps) < minJitter {
		return
	}
	m := median(steps)
	off := make([]int64, len(steps))
	for i, d := range steps {
		off[i] = max(d-m, m-d)
	}
	if mad := median(off); float64(mad) > 0.2*float64(m) {
		c.Report(Finding{
			Message:  fmt.Sprintf("the period of %s in %s is %v with a median deviation of %v", s.Channel, s.Group, time.Duration(m), time.Duration(mad)),
			Place:    streamPlace(s),
			Expected: fmt.Sprintf("<= %v", time.Duration(m/5)), Actual: time.Duration(mad).String(), Key: s.Group + " " + s.Channel,
		})
	}
}

// spans holds the first and last stamp of each channel by drive or scene.
type spans map[string][]span

type span struct {
	channel    string
	from, to   int64
	place      Place
	start, end string // as text
}

func collectSpan(c *Ctx, all *spans, s *moment.Stream) {
	if len(periods(c, s)) == 0 {
		return
	}
	if *all == nil {
		*all = spans{}
	}
	from, to := s.Times[0], s.Times[len(s.Times)-1]
	(*all)[s.Group] = append((*all)[s.Group], span{s.Channel, from, to, streamPlace(s), stampText(s, from), stampText(s, to)})
}

// minOverlap is the share of the common span that each channel must cover.
const minOverlap = 0.8

// reportSpans holds each channel against the span of the middle channel, so
// that one channel that is too long does not accuse the others.
func reportSpans(c *Ctx, all *spans) {
	for group, channels := range *all {
		var starts, ends []int64
		seen := map[string]bool{}
		for _, s := range channels {
			starts, ends = append(starts, s.from), append(ends, s.to)
			seen[s.channel] = true
		}
		if len(seen) < len(channels) { // two scenes of one name
			c.Skip("a name of its own for each of the scenes " + group)
			continue
		}
		from, to := median(starts), median(ends)
		if to <= from {
			continue
		}
		for _, s := range channels {
			share := max(0, float64(min(s.to, to)-max(s.from, from))/float64(to-from))
			if share < minOverlap {
				c.Report(Finding{
					Message:  fmt.Sprintf("%s covers %.0f %% of the span of %s: %s to %s", s.channel, 100*share, group, s.start, s.end),
					Place:    s.place,
					Expected: fmt.Sprintf(">= %.0f %%", 100*minOverlap), Actual: fmt.Sprintf("%.0f %%", 100*share), Key: group + " " + s.channel,
				})
			}
		}
	}
}

// minQuantised is the number of stamps from which a common factor is no chance:
// 2^-8 for each of them.
const minQuantised = 8

// checkQuantised looks for a common power of two of at least 256 ns. Stamps of
// a clock that counts in decimal steps (microseconds) are taken in those steps.
func checkQuantised(c *Ctx, s *moment.Stream) {
	if len(s.Times) < minQuantised || !s.Epoch {
		return
	}
	decimal := int64(1e9)
	all := uint64(0)
	for _, t := range s.Times {
		if !plausible(s, t) {
			c.Skip("TMP001 on " + s.Path)
			return
		}
		for t%decimal != 0 {
			decimal /= 10
		}
	}
	for _, t := range s.Times {
		all |= uint64(t / decimal)
	}
	if k := bits.TrailingZeros64(all); k >= 5 && decimal<<min(k, 20) >= 256 {
		step := decimal << k
		c.Report(Finding{
			Message: fmt.Sprintf("every stamp of %s in %s is a multiple of %d ns", s.Channel, s.Group, step),
			Place:   streamPlace(s), Expected: fmt.Sprintf("steps of %d ns", decimal), Actual: fmt.Sprintf("steps of %d ns", step),
			Key: cmp.Or(s.Group, s.Path) + " " + s.Channel,
		})
	}
}
