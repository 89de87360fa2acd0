package nuscenes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

const laneletSample = `<?xml version="1.0" encoding="UTF-8"?>
<osm>
  <node id="7" lat="0" lon="0"><tag k="type" v="traffic_light"/></node>
  <way id="7"><nd ref="7"/><tag k="type" v="traffic_light"/><tag k="subtype" v="red"/></way>
  <way id="8"><tag k="type" v="line_thin"/></way>
  <way id="9"><nd ref="7"/></way>
  <relation id="10"><member type="way" ref="7"/><tag k="type" v="lanelet"/></relation>
  <relation id="7"/>
  <way id="11"><tag k="type" v="traffic_light"/></way>
</osm>
`

func TestParseLanelet(t *testing.T) {
	ids := map[string]Primitive{"7": {}, "8": {}, "9": {}, "10": {}, "12": {}}
	if _, err := parseLanelet(t.Context(), strings.NewReader(laneletSample), ids); err != nil {
		t.Fatal(err)
	}
	want := map[string]Primitive{"7": {"way", "traffic_light"}, "8": {"way", "line_thin"}, "9": {"way", ""}, "10": {"relation", "lanelet"}, "12": {}}
	if fmt.Sprint(ids) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", ids, want)
	}
}

func TestParseLaneletFaults(t *testing.T) {
	for _, x := range []struct {
		text string
		line int
	}{
		{"<osm>\n<way id=\"1\">\n", 3},
		{"", 1},
		{"no map\n", 2},
		{"<osm>\n" + strings.Repeat(" ", 2<<20) + "</osm>", 2},
		{"<osm>\n<!--" + strings.Repeat("x", 2<<20) + "--></osm>", 2},
		{"<osm>\n</way>", 2},
		{"<html></html>", 1},
		{"<osm>&secret;</osm>", 1},
		{`<!DOCTYPE osm [<!ENTITY secret SYSTEM "/etc/passwd">]>` + "\n<osm><way id=\"&secret;\"/></osm>", 2},
		{`<?xml version="1.0" encoding="UTF-16"?><osm/>`, 1},
		{"<osm>" + strings.Repeat("<a>", 100), 1},
		{"<osm>\xff</osm>", 1},
	} {
		line, err := parseLanelet(t.Context(), strings.NewReader(x.text), map[string]Primitive{})
		var fault *laneletError
		if !errors.As(err, &fault) || line != x.line {
			t.Errorf("%.40q: line %d, %v", x.text, line, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := parseLanelet(ctx, strings.NewReader(laneletSample), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// FuzzLanelet holds the parser to its promises: it fills in wanted ids alone,
// and fails with a line or not at all.
func FuzzLanelet(f *testing.F) {
	f.Add(laneletSample)
	f.Add("<osm><way id='7'><tag k='type' v='&lt;'/></way></osm>")
	f.Add("<osm><way id='7'")
	f.Add("<?xml version='1.1'?><osm/>")
	f.Add("<!DOCTYPE osm [<!ENTITY a \"b\">]><osm>&a;</osm>")
	f.Fuzz(func(t *testing.T, text string) {
		ids := map[string]Primitive{"7": {}, "8": {}}
		line, err := parseLanelet(t.Context(), strings.NewReader(text), ids)
		var fault *laneletError
		if err != nil && (!errors.As(err, &fault) || line < 1) {
			t.Errorf("line %d, %v", line, err)
		}
		if len(ids) != 2 {
			t.Errorf("ids %v", ids)
		}
	})
}
