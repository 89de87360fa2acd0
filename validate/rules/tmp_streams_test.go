package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// said gathers what rules say: "TMP010 7" for a finding at stamp 7, "skip TMP010".
type said []string

func (s *said) Report(r *rule.Rule, f rule.Finding) {
	*s = append(*s, strings.TrimSuffix(fmt.Sprintf("%s %d", r.ID, f.Line), " 0"))
}
func (s *said) Skip(r *rule.Rule, _ string) { *s = append(*s, "skip "+r.ID) }

func (s *said) SkipFor(r *rule.Rule, _, _ string) { *s = append(*s, "skip "+r.ID) }

// streamRules runs the rules about streams over streams of one data set.
func streamRules(streams ...*moment.Stream) []string {
	out := said{}
	for i := range tmpStreams {
		r := &tmpStreams[i]
		for _, k := range r.Checks {
			b := k.Bind(rule.Ctx{Rule: r, Dataset: &dataset.Dataset{Schema: nuScenes}, Params: rule.DefaultParams(), Sink: &out})
			for _, s := range streams {
				b.Visit(s)
			}
			b.Finish()
		}
	}
	slices.Sort(out)
	return out
}

const start = 1532402927_647951_000 // ns

// stream makes the stamps of a channel: the first, then steps in ms.
func stream(channel string, hz float64, first int64, steps ...int64) *moment.Stream {
	s := &moment.Stream{Group: "scene-0061", Channel: channel, Path: "sample_data.json", Hz: hz, Epoch: true, Times: []int64{first}}
	for _, d := range steps {
		first += d * 1e6
		s.Times = append(s.Times, first)
	}
	s.At = func(i int) Place { return Place{Path: s.Path, Line: i} }
	return s
}

func repeat(n int, steps ...int64) []int64 { return slices.Repeat(steps, n) }

// TestStreams: what each rule says about typical clocks, and that one fault
// has one name.
func TestStreams(t *testing.T) {
	at := func(s *moment.Stream, i int, ns int64) *moment.Stream {
		s.Times[i] = ns
		return s
	}
	numbered := func(s *moment.Stream, frames ...int) *moment.Stream {
		s.Frames = frames
		return s
	}
	all := []string{"skip TMP009", "skip TMP010", "skip TMP011", "skip TMP012"}
	for name, c := range map[string]struct {
		streams []*moment.Stream
		want    []string
	}{
		"steady":               {[]*moment.Stream{stream("LIDAR_TOP", 20, start, repeat(40, 50)...)}, nil},
		"12 Hz out of 20":      {[]*moment.Stream{stream("CAM_FRONT", 12, start, repeat(12, 100, 100, 50)...)}, nil},
		"radar":                {[]*moment.Stream{stream("RADAR_FRONT", 13, start, repeat(8, 76, 62, 89, 76, 81)...)}, nil},
		"half the rate":        {[]*moment.Stream{stream("LIDAR_TOP", 20, start, repeat(20, 100)...)}, []string{"TMP009"}},
		"no nominal rate":      {[]*moment.Stream{stream("LIDAR_TOP", 0, start, repeat(20, 500)...)}, nil},
		"one frame lost":       {[]*moment.Stream{stream("LIDAR_TOP", 20, start, 50, 50, 50, 100, 50, 50, 50)}, []string{"TMP010 4"}},
		"a declared frame":     {[]*moment.Stream{numbered(stream("oxts", 10, start, 100, 100, 200, 100), 0, 1, 2, 4, 5)}, nil},
		"jitter":               {[]*moment.Stream{stream("LIDAR_TOP", 20, start, repeat(4, 35, 50, 65)...)}, []string{"TMP011"}},
		"backwards":            {[]*moment.Stream{stream("LIDAR_TOP", 20, start, 50, 50, -20, 70, 50)}, append(all, "TMP002 3")},
		"twice":                {[]*moment.Stream{stream("LIDAR_TOP", 20, start, 50, 0, 50, 50)}, append(all, "TMP003 2")},
		"three stamps":         {[]*moment.Stream{stream("LIDAR_TOP", 20, start, 50, 500)}, nil},
		"one implausible":      {[]*moment.Stream{at(stream("LIDAR_TOP", 20, start, 50, 50, 50, 50), 2, 7)}, append(all, "TMP001 2")},
		"from the first frame": {[]*moment.Stream{{Group: "00", Channel: "times", Hz: 10, Times: []int64{0, 1e8, 2e8, 3e8, 4e8}, At: func(int) Place { return Place{} }}}, nil},
		"late channel": {[]*moment.Stream{
			stream("LIDAR_TOP", 20, start, repeat(40, 50)...), stream("CAM_FRONT", 20, start, repeat(40, 50)...),
			stream("CAM_BACK", 20, start+500e6, repeat(30, 50)...),
		}, []string{"TMP012"}},
		"long channel": {[]*moment.Stream{
			stream("LIDAR_TOP", 20, start, repeat(40, 50)...), stream("CAM_FRONT", 20, start, repeat(40, 50)...),
			stream("CAM_BACK", 20, start-5e9, repeat(300, 50)...),
		}, nil},
	} {
		if got := streamRules(c.streams...); !slices.Equal(got, slices.Sorted(slices.Values(c.want))) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestUnits: a stamp in another unit is recognised by its size.
func TestUnits(t *testing.T) {
	s := &moment.Stream{Epoch: true}
	for in, want := range map[int64]string{
		1532402927_000:         "seconds, not microseconds",
		1532402927_647_000:     "milliseconds, not microseconds",
		1<<63 - 1:              "nanoseconds, not microseconds", // saturated
		0:                      "",
		-5:                     "",
		start - 60*365*86400e9: "",
	} {
		if got := unitOf(s, in); got != want {
			t.Errorf("unitOf(%d) = %q, want %q", in, got, want)
		}
	}
	if got := unitOf(&moment.Stream{Epoch: true, Wall: true}, 1532402927_000); got != "" {
		t.Errorf("a wall clock in %s", got)
	}
}

// TestQuantised: the owner's cameras of KITTI raw show steps of 256 ns; clocks
// that count microseconds, or stamps on a decimal grid, do not.
func TestQuantised(t *testing.T) {
	series := func(step, offset int64) []int64 {
		var out []int64
		for i := range int64(20) {
			out = append(out, start/step*step+offset+i*103_370_123/step*step)
		}
		return out
	}
	for name, c := range map[string]struct {
		times []int64
		want  bool
	}{
		"float64 of ns": {series(256, 0), true},
		"nanoseconds":   {series(1, 0), false},
		"shifted":       {series(256, 128), false},
		"microseconds":  {series(1000, 0), false},
		"milliseconds":  {series(1_000_000, 0), false},
		"32 µs":         {series(32_000, 0), true},
		"few":           {series(256, 0)[:5], false},
	} {
		s := stream("image_00", 0, 0)
		s.Times = c.times
		if got := slices.Contains(streamRules(s), "TMP016"); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
