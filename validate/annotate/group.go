package annotate

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/metadata"
	"github.com/mmaudit/mmaudit/validate/moment"
)

// A group is the sidecar of one drive or scene.
type group struct {
	name    string
	moments int
	skipped int // moments without stamps that need no records
	records int
	content []byte
	offsets map[string][]int64 // by channel, without the reference
}

// groups derives the sidecars of a data set, one after another. What is
// missing is counted; a group that lacks something has no content.
func (s *set) groups(ctx context.Context, missing *MissingError, visit func(*group) error) error {
	var g *group
	var lines []metadata.Line
	var failed error
	flush := func() bool {
		if g == nil {
			return true
		}
		slices.SortFunc(lines, func(a, b metadata.Line) int {
			return cmp.Or(strings.Compare(a.Sample, b.Sample), strings.Compare(a.Channel, b.Channel))
		})
		g.content = metadata.AppendHeader(nil, s.name, g.name)
		for i := range lines {
			g.content = lines[i].Append(g.content)
		}
		g.records = len(lines)
		failed = visit(g)
		g, lines = nil, lines[:0]
		return failed == nil
	}
	err := s.src.Moments(func(m *moment.Moment) bool {
		if g != nil && g.name != m.Group && !flush() {
			return false
		}
		if g == nil {
			g = &group{name: m.Group, offsets: map[string][]int64{}}
		}
		lines = s.moment(lines, g, m, missing)
		return ctx.Err() == nil
	})
	if err = cmp.Or(err, failed, ctx.Err()); err != nil {
		return err
	}
	flush()
	return failed
}

// moment appends the records of one moment.
func (s *set) moment(lines []metadata.Line, g *group, m *moment.Moment, missing *MissingError) []metadata.Line {
	if !slices.ContainsFunc(m.Channels, func(o moment.Observation) bool { return o.File != "" }) {
		return lines // stamps alone are no sample
	}
	timed, err := s.stamped(m)
	if err != nil && !metadata.Demanded(s.src.Dataset().Schema, m) {
		g.skipped++
		return lines
	}
	g.moments++
	if err != nil {
		missing.add("%s: %v", firstFile(m), err)
		return lines
	}
	id, ok := s.id(m)
	if !ok {
		missing.add("%s: no canonical key, since the mapping of the KITTI devkit is not at hand", firstFile(m))
		return lines
	}
	for _, o := range m.Channels {
		if o.File == "" {
			continue
		}
		ns, source, err := offset(timed, o.Channel)
		if err != nil {
			missing.add("%s: %v", o.File, err)
			continue
		}
		if o.Channel != m.Reference {
			g.offsets[o.Channel] = append(g.offsets[o.Channel], ns)
		}
		lines = append(lines, metadata.Line{
			Dataset: s.name, Sample: m.Sample, Channel: o.Channel, File: o.File,
			ID: id, Offset: ns, Schema: string(s.src.Dataset().Schema), Source: source,
		})
	}
	return lines
}

func firstFile(m *moment.Moment) string {
	for _, o := range m.Channels {
		if o.File != "" {
			return o.File
		}
	}
	return m.Sample
}

// id is what a sync map gives the sample, else what its key derives to.
func (s *set) id(m *moment.Moment) (uuid.UUID, bool) {
	if id, ok := s.ids[m.Sample]; ok {
		return id, true
	}
	if m.Key == "" {
		return uuid.UUID{}, false
	}
	return metadata.DeriveIn(s.desc.Namespace, m.Key), true
}

// stamped gives the moment with its stamps: itself, or the raw frame that it
// was taken from.
func (s *set) stamped(m *moment.Moment) (*moment.Moment, error) {
	if !fromRaw(s.src.Dataset().Schema) {
		return m, nil
	}
	if m.Key == "" {
		return nil, fmt.Errorf("the mapping of the KITTI devkit is not at hand, which says from which raw frame it was taken")
	}
	date, number, frame, ok := rawFrame(m.Key)
	if !ok {
		return nil, fmt.Errorf("no raw frame is known for %s", m.Sample)
	}
	if s.raw == nil {
		return nil, fmt.Errorf("%s has no stamps of its own, and the raw data set is not at hand (--raw DIR)", s.src.Dataset().Schema)
	}
	return s.raw.Frame(date, number, frame)
}

// fromRaw reports whether a format takes its stamps from KITTI raw.
func fromRaw(s dataset.Schema) bool {
	switch s {
	case dataset.KITTIObject, dataset.KITTITracking, dataset.KITTIOdometry, dataset.SemanticKITTI:
		return true
	}
	return false
}

// rawFrame takes the canonical key of a raw frame apart:
// "kitti-raw/2011_09_26_drive_0001/0000000001".
func rawFrame(key string) (date, number string, frame int, ok bool) {
	rest, ok := strings.CutPrefix(key, "kitti-raw/")
	if !ok {
		return "", "", 0, false
	}
	drive, id, _ := strings.Cut(rest, "/")
	date, number, ok = strings.Cut(drive, "_drive_")
	n, err := strconv.Atoi(id)
	return date, number, n, ok && err == nil
}

// offset is t_channel - t_reference with the place where the channel's stamp
// was read.
func offset(m *moment.Moment, channel string) (ns int64, source string, err error) {
	ref, found := m.Ref()
	if !found || !ref.Timed {
		return 0, "", fmt.Errorf("the reference %s has no stamp at %s", m.Reference, m.Sample)
	}
	for _, o := range m.Channels {
		if o.Channel != rawChannel(channel) && o.Channel != channel {
			continue
		}
		if !o.Timed {
			break
		}
		ns, ok := m.Offset(o)
		if !ok {
			return 0, "", fmt.Errorf("the stamps of %s and %s at %s lie further apart than int64 holds", channel, m.Reference, m.Sample)
		}
		return ns, o.Source, nil
	}
	return 0, "", fmt.Errorf("%s has no stamp at %s", channel, m.Sample)
}

// rawChannel gives the name that raw has for a channel of odometry.
func rawChannel(channel string) string {
	if n, ok := strings.CutPrefix(channel, "image_"); ok && len(n) == 1 {
		return "image_0" + n
	}
	return channel
}

// entry is what annotate states of a data set in the descriptor.
func entry(s *set) metadata.Entry {
	schema := s.src.Dataset().Schema
	e := metadata.Entry{Name: s.name, Clock: "utc", StampSemantics: map[string]string{}}
	switch schema {
	case dataset.KITTIOdometry, dataset.SemanticKITTI:
		e.Clock = "relative"
	case dataset.KITTIObject, dataset.KITTIRaw, dataset.KITTITracking:
		e.Clock = "local"
	}
	// The channels of a data set hardly change: a few moments show them.
	n := 0
	_ = s.src.Moments(func(m *moment.Moment) bool {
		e.Reference = m.Reference
		for _, o := range m.Channels {
			if meaning := semantics(schema, o.Channel); meaning != "" {
				e.StampSemantics[o.Channel] = meaning
			}
		}
		n++
		return n < 1000
	})
	return e
}

func semantics(schema dataset.Schema, channel string) string {
	switch schema {
	case dataset.NuScenes:
		switch {
		case strings.HasPrefix(channel, "CAM_"):
			return "trigger"
		case channel == "LIDAR_TOP":
			return "end"
		}
	case dataset.Lyft, dataset.T4:
	default:
		switch {
		case strings.HasPrefix(channel, "image_"):
			return "trigger"
		case strings.HasPrefix(channel, "velodyne"):
			return "mid"
		}
	}
	return ""
}

// windows gives the window of each channel: from the 1st percentile to the
// 99th, widened by a tenth of their distance and half a millisecond, outward
// to a tenth of a millisecond.
func windows(observed map[string][]int64) map[string][2]float64 {
	out := map[string][2]float64{}
	for ch, ns := range observed {
		slices.Sort(ns)
		lo, hi := ns[(len(ns)-1)/100], ns[(len(ns)-1)-(len(ns)-1)/100]
		margin := float64(hi-lo)/10 + 500_000
		out[ch] = [2]float64{
			math.Floor((float64(lo)-margin)/1e5) / 10,
			math.Ceil((float64(hi)+margin)/1e5) / 10,
		}
	}
	return out
}
