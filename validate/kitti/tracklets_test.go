package kitti

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

const (
	trackletHead = `<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>
<!DOCTYPE boost_serialization>
<boost_serialization signature="serialization::archive" version="9">
`
	trackletPose = `<item><tx>1</tx><ty>2</ty><tz>-1.7</tz><rx>0</rx><ry>0</ry><rz>0.5</rz>
<state>2</state><occlusion>0</occlusion><occlusion_kf>1</occlusion_kf><truncation>0</truncation><amt_border_l>-1</amt_border_l></item>`
	oneTracklet = `<item><objectType>Car</objectType><h>1.5</h><w>1.6</w><l>4</l><first_frame>3</first_frame>
<poses><count>1</count><item_version>2</item_version>` + trackletPose + `</poses><finished>1</finished></item>`
	trackletFile = trackletHead + "<tracklets><count>1</count><item_version>1</item_version>\n" + oneTracklet + "\n</tracklets>\n</boost_serialization>\n"
)

func readTracklets(t testing.TB, in string) *ruletest.Emitter {
	t.Helper()
	e := &ruletest.Emitter{}
	of := TrackletContext{Path: "tracklet_labels.xml", Frames: 10, Absent: []int{3}}
	if err := ReadTracklets(context.Background(), strings.NewReader(in), of, e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestReadTracklets(t *testing.T) {
	e := readTracklets(t, trackletFile)
	tr, poses, lists := ruletest.Items[*Tracklet](e), ruletest.Items[*TrackletPose](e), ruletest.Items[*TrackletList](e)
	if len(e.Faults) > 0 || len(tr) != 1 || len(poses) != 1 || len(lists) != 2 {
		t.Fatalf("faults %v; %d tracklets, %d poses, %d lists", e.Faults, len(tr), len(poses), len(lists))
	}
	if tr := tr[0]; tr.Type != "Car" || tr.H != 1.5 || tr.W != 1.6 || tr.L != 4 || tr.First != 3 || tr.Poses != 1 || tr.Frames != 10 || tr.Place.Line != 5 {
		t.Errorf("tracklet %+v", tr)
	}
	if p := poses[0]; p.T != [3]float64{1, 2, -1.7} || p.R[2] != 0.5 || p.State != 2 || p.FrameIndex != 3 || !p.Absent || p.Place.Frame != "0000000003" {
		t.Errorf("pose %+v", p)
	}
	if l := lists[0]; l.Of != "poses" || l.Count != 1 || l.Items != 1 || l.Version != 2 {
		t.Errorf("list %+v", l)
	}
}

// TestTrackletFaults: each file is refuted once, with its line, and the rest
// of it is skipped.
func TestTrackletFaults(t *testing.T) {
	change := func(old, new string) string {
		out := strings.Replace(trackletFile, old, new, 1)
		if out == trackletFile {
			t.Fatalf("%q is not in the file", old)
		}
		return out
	}
	for name, c := range map[string]struct {
		in   string
		line int
		part string
	}{
		"truncated":         {trackletFile[:len(trackletFile)-30], 8, "not well-formed"},
		"no element":        {"<?xml version=\"1.0\"?>\n", 2, "no element"},
		"other root":        {"<tracklets/>", 1, "root element"},
		"second root":       {trackletFile + "<a/>", 10, "second root"},
		"no tracklets":      {trackletHead + "</boost_serialization>", 4, "no <tracklets>"},
		"external entity":   {change("<!DOCTYPE boost_serialization>", `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>`), 2, "ENTITY"},
		"external type":     {change("<!DOCTYPE boost_serialization>", `<!DOCTYPE x SYSTEM "x.dtd">`), 2, "SYSTEM"},
		"undeclared entity": {change("Car", "&car;"), 5, "entity"},
		"no height":         {change("<h>1.5</h>", ""), 7, "no <h>"},
		"second height":     {change("<h>1.5</h>", "<h>1.5</h><h>1.5</h>"), 5, "second <h>"},
		"nan":               {change("<h>1.5</h>", "<h>nan</h>"), 5, "not a finite number"},
		"float state":       {change("<state>2<", "<state>2.0<"), 7, "not an integer"},
		"element in text":   {change("<h>1.5</h>", "<h><i/></h>"), 5, "holds an element"},
		"text":              {change("<finished>", "x<finished>"), 7, "text"},
		"latin 1":           {change(`encoding="UTF-8"`, `encoding="ISO-8859-1"`), 1, "ISO-8859-1"},
		"deep":              {change("<finished>1", strings.Repeat("<a>", 100_000)), 7, "deeper"},
		"long text":         {change("Car", strings.Repeat("C", 3<<20)), 5, "1 MiB"},
		"long name":         {change("objectType", strings.Repeat("o", 3<<20)), 5, "1 MiB"},
		"invalid UTF-8":     {change("Car", "\xff\xfe"), 5, "UTF-8"},
	} {
		e := readTracklets(t, c.in)
		if len(e.Faults) != 1 || len(e.Skips) != 3 {
			t.Errorf("%s: faults %v, skips %v", name, e.Faults, e.Skips)
			continue
		}
		if f := e.Faults[0]; f.Slug != "tracklet-xml" || !strings.Contains(f.Message, c.part) || f.Line != c.line {
			t.Errorf("%s: line %d: %s; want …%s… on line %d", name, f.Line, f.Message, c.part, c.line)
		}
	}
	for _, old := range []string{`signature="serialization::archive"`, `version="9"`} {
		e := readTracklets(t, change(old, ""))
		if len(e.Faults) != 1 || len(e.Skips) != 0 || len(ruletest.Items[*Tracklet](e)) != 1 {
			t.Errorf("without %s: faults %v, skips %v", old, e.Faults, e.Skips)
		}
	}
}

// TestTrackletStream: a long file is read to its end, unless ctx ends first.
func TestTrackletStream(t *testing.T) {
	const n = 2000
	in := trackletHead + fmt.Sprintf("<tracklets><count>%d</count><item_version>1</item_version>\n", n) +
		strings.Repeat(oneTracklet, n) + "</tracklets></boost_serialization>"
	if e := readTracklets(t, in); len(ruletest.Items[*Tracklet](e)) != n || len(e.Faults) > 0 {
		t.Errorf("%d tracklets, faults %v", len(ruletest.Items[*Tracklet](e)), e.Faults)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := ReadTracklets(ctx, strings.NewReader(in), TrackletContext{}, &ruletest.Emitter{}); err != context.Canceled {
		t.Errorf("a cancelled read gives %v", err)
	}
}

// TestTrackletsReal reads the file of the sample data whose count is wrong and
// whose sizes are negative.
func TestTrackletsReal(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(shareddata.Dir(t), "openvinotoolkit+datumaro", "tests", "assets", "kitti_dataset", "kitti_raw", "tracklet_labels.xml"))
	if err != nil {
		t.Fatal(err)
	}
	e := readTracklets(t, string(b))
	negative := 0
	for _, tr := range ruletest.Items[*Tracklet](e) {
		for _, v := range []float64{tr.H, tr.W, tr.L} {
			if v < 0 {
				negative++
			}
		}
	}
	if len(e.Faults) > 0 || negative != 4 {
		t.Errorf("faults %v; %d negative sizes, want 4", e.Faults, negative)
	}
	for _, l := range ruletest.Items[*TrackletList](e) {
		if wrong := l.Count != l.Items; wrong != (l.Of == "tracklets") {
			t.Errorf("%s: count %d, items %d", l.Key, l.Count, l.Items)
		}
	}
}

// FuzzReadTracklets: no input is an error or more than a fault, and what is
// well-formed in every respect gives both lists.
func FuzzReadTracklets(f *testing.F) {
	f.Add([]byte(trackletFile))
	f.Add([]byte(trackletHead + "<tracklets/></boost_serialization>"))
	f.Add([]byte(trackletFile[:300]))
	f.Add([]byte("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 {
			return
		}
		e := &ruletest.Emitter{}
		if err := ReadTracklets(context.Background(), bytes.NewReader(b), TrackletContext{Path: "t.xml"}, e); err != nil {
			return // a Git-LFS pointer
		}
		if len(e.Skips) == 0 && len(e.Faults) == 0 && len(ruletest.Items[*TrackletList](e)) == 0 {
			t.Error("neither a list nor a fault")
		}
	})
}
