package rules

import (
	"fmt"
	"slices"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/internal/suggest"
	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// schTracklets are the rules about tracklet_labels.xml, whatever their group.
var schTracklets = []Rule{
	{
		ID: "SCH037", Slug: "tracklet-xml", Severity: rule.Error, Formats: formats{kittiRaw},
		Summary: "tracklet_labels.xml is well-formed XML, a boost archive of version 9 with the owner's elements, and names nothing outside itself.",
		Why:     "The devkit reads it with boost, and others with small parsers of their own, which expect exactly these elements. An external entity would make a reader open files or addresses that the author of the file chose.",
		Example: `<!DOCTYPE boost_serialization [<!ENTITY x SYSTEM "file:///etc/passwd">]>`,
		Hint:    "write the file as the owner's tool does: <boost_serialization signature=\"serialization::archive\" version=\"9\"> with a list of tracklets",
		Checks:  []Check{rule.FromReader()},
	},
	{
		ID: "SCH038", Slug: "tracklet-count", Severity: rule.Error, Formats: formats{kittiRaw},
		Summary: "Each list of a tracklet file has as many items as its count says.",
		Why:     "boost reads as many items as the count says: it fails beyond the last, or leaves the rest out silently.",
		Example: "<count>4</count> in a list of three tracklets",
		Hint:    "set the count to the number of items",
		Checks: []Check{rule.On(func(c *Ctx, l *kitti.TrackletList) {
			if l.Count != l.Items {
				c.Report(Finding{
					Message:  fmt.Sprintf("the count of %s is %d, but there are %d items", l.Key, l.Count, l.Items),
					Place:    l.CountAt,
					Expected: fmt.Sprint(l.Items), Actual: fmt.Sprint(l.Count), Key: l.Key,
				})
			}
		})},
	},
	{
		ID: "SCH039", Slug: "tracklet-enum", Severity: rule.Warning, Formats: formats{kittiRaw},
		Summary: "Object types, states, occlusion and truncation of tracklets are those that the owner defines, and boxes turn about the vertical axis alone.",
		Why:     "Readers look the values up in the owner's tables and ignore rx and ry: what is not in a table is dropped or fails, and a tilted box is drawn upright.",
		Example: "<objectType>car</objectType>, <rx>1.0</rx>",
		Hint:    "use the owner's names (Car, Van, Truck, Pedestrian, Person (sitting), Cyclist, Tram, Misc), or name your own classes under `class:` in mmvalidate.yaml",
		Checks:  []Check{rule.On(checkTrackletType), rule.On(checkTrackletPose)},
	},
	{
		ID: "SCH040", Slug: "tracklet-version", Severity: rule.Warning, Formats: formats{kittiRaw},
		Summary: "item_version is 1 for the list of tracklets and 2 for lists of poses.",
		Why:     "boost hands the number to the reader's code, which expects other fields for other versions.",
		Example: "<poses> with <item_version>3</item_version>",
		Hint:    "write 1 for tracklets and 2 for poses",
		Checks: []Check{rule.On(func(c *Ctx, l *kitti.TrackletList) {
			if want := map[string]int{"tracklets": 1, "poses": 2}[l.Of]; l.Version != want {
				c.Report(Finding{
					Message:  fmt.Sprintf("item_version of %s is %d", l.Key, l.Version),
					Place:    l.VerAt,
					Expected: fmt.Sprint(want), Actual: fmt.Sprint(l.Version), Key: l.Key,
				})
			}
		})},
	},
	{
		ID: "LNK033", Slug: "tracklet-span", Severity: rule.Error, Formats: formats{kittiRaw},
		Summary: "A tracklet's frames, first_frame and one for each pose, lie within its drive.",
		Why:     "Boxes beyond the last frame are never seen; a first frame that is off by some frames puts every box of the object in the wrong place.",
		Example: "first_frame 100 with 20 poses in a drive of 108 frames",
		Hint:    "correct first_frame, or remove the poses beyond the drive",
		Checks: []Check{rule.On(func(c *Ctx, t *kitti.Tracklet) {
			if t.Frames == 0 || t.First >= 0 && t.First+t.Poses <= t.Frames {
				return
			}
			c.Report(Finding{
				Message:  fmt.Sprintf("tracklet %d (%s) spans the frames %d to %d, but the drive has %s", t.Index, t.Type, t.First, t.First+t.Poses-1, human.Count(t.Frames, "frame")),
				Place:    t.Place,
				Expected: fmt.Sprintf("0 to %d", t.Frames-1), Actual: fmt.Sprintf("%d to %d", t.First, t.First+t.Poses-1),
				Key: fmt.Sprintf("tracklet %d", t.Index),
			})
		})},
	},
}

var trackletTypes = []string{"Car", "Van", "Truck", "Pedestrian", "Person (sitting)", "Cyclist", "Tram", "Misc"}

func checkTrackletType(c *Ctx, t *kitti.Tracklet) {
	if _, own := c.Params.Classes[t.Type]; own || slices.Contains(trackletTypes, t.Type) {
		return
	}
	f := Finding{
		Message: fmt.Sprintf("object type %q of tracklet %d is not one of the owner's", t.Type, t.Index),
		Place:   t.Place, Actual: t.Type, Key: fmt.Sprintf("tracklet %d", t.Index),
	}
	if near := suggest.Nearest(t.Type, trackletTypes); near != "" {
		f.Expected = near
	}
	c.Report(f)
}

// checkTrackletPose reports the enums and angles of one pose.
func checkTrackletPose(c *Ctx, p *kitti.TrackletPose) {
	report := func(format string, args ...any) {
		c.Report(Finding{
			Message: fmt.Sprintf("pose %d of tracklet %d has ", p.Index, p.Tracklet) + fmt.Sprintf(format, args...),
			Place:   p.Place, Key: fmt.Sprintf("tracklet %d pose %d", p.Tracklet, p.Index),
		})
	}
	for _, e := range []struct {
		name  string
		value int
		legal []int
	}{
		{"state", p.State, []int{0, 1, 2}},
		{"occlusion", p.Occlusion, []int{-1, 0, 1, 2}},
		{"truncation", p.Truncation, []int{-1, 0, 1, 2, 99}},
	} {
		if !slices.Contains(e.legal, e.value) {
			report("%s %d, which is none of %v", e.name, e.value, e.legal)
		}
	}
	if p.R[0] != 0 || p.R[1] != 0 {
		report("rx %g and ry %g, but boxes turn about the vertical axis alone", p.R[0], p.R[1])
	}
}

// checkTrackletSize is the part of size-positive for tracklets.
func checkTrackletSize(c *Ctx, t *kitti.Tracklet) {
	for _, s := range []struct {
		name  string
		value float64
	}{{"height", t.H}, {"width", t.W}, {"length", t.L}} {
		if s.value <= 0 {
			c.Report(Finding{
				Message:  fmt.Sprintf("%s of tracklet %d (%s) is %g m", s.name, t.Index, t.Type, s.value),
				Place:    t.Place,
				Expected: "> 0", Actual: fmt.Sprintf("%g", s.value), Key: fmt.Sprintf("tracklet %d %s", t.Index, s.name),
			})
		}
	}
}

// checkTrackletWindow is the part of size-range for tracklets.
func checkTrackletWindow(c *Ctx, t *kitti.Tracklet) {
	if t.H <= 0 || t.W <= 0 || t.L <= 0 {
		return // size-positive
	}
	class := t.Type
	if class == "Person (sitting)" {
		class = "Person_sitting" // as the other data sets of the family spell it
	}
	if f, ok := unusualSize(c, t.Type, class, [3]float64{t.H, t.W, t.L}); ok {
		f.Place, f.Key = t.Place, fmt.Sprintf("tracklet %d", t.Index)
		c.Report(f)
	}
}
