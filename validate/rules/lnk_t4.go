package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/rule"
)

var lnkT4 = []Rule{
	{
		ID: "LNK030", Slug: "metainfo-sources", Severity: rule.Error, Formats: formats{t4},
		Summary: "The sources of a point cloud's description name sensors that exist, do not overlap, and cover all its points.",
		Why:     "Points are taken back to the scan, and the time, that they came from by these ranges: a wrong one moves them by the motion of a tenth of a second.",
		Example: `"sources": [{"sensor_token": "…", "idx_begin": 0, "length": 100}, {"sensor_token": "…", "idx_begin": 90, …}]`,
		Hint:    "write each source with the first point and the number of points that it brought",
		Checks: []Check{
			rule.On(metainfoSources).Needing("sensor"),
			rule.FromReader(),
		},
	},
	{
		ID: "LNK031", Slug: "lanelet-primitive", Severity: rule.Error, Formats: formats{t4},
		Summary: "The primitive_id of a traffic light is a way of the Lanelet2 map with type traffic_light.",
		Why:     "Autoware joins what the camera saw with the light on the map by this id.",
		Example: `"primitive_id": "1002" where way 1002 of lanelet2_map.osm is a line_thin`,
		Hint:    "name the way of the traffic light, in the map of the same release",
		Checks: []Check{
			rule.On(func(c *Ctx, l *nuscenes.Lanelet) {
				t := l.Tables
				for i := range int32(len(t.TrafficLight.Rows)) {
					id := t.TrafficLight.Rows[i].Primitive
					p, ok := l.IDs[id]
					actual := "no element"
					switch {
					case !t.TrafficLight.Sound(i), p.Element == "way" && p.Type == "traffic_light":
						continue
					case p.Element == "way" && p.Type != "":
						actual = "a way of type " + p.Type
					case p.Element == "way":
						actual = "a way without type"
					case ok:
						actual = "a " + p.Element
					}
					c.Report(Finding{
						Message: fmt.Sprintf("primitive_id %s is %s in %s", id, actual, l.Path), Place: nuscenes.At(t, &t.TrafficLight, i),
						Expected: "a way of type traffic_light", Actual: actual,
					})
				}
			}).Needing("traffic_light"),
			rule.FromReader(),
		},
	},
}

func metainfoSources(c *Ctx, m *nuscenes.Metainfo) {
	report := func(i int, f Finding) {
		f.Place = m.Place
		f.Key = "source " + strconv.Itoa(i)
		c.Report(f)
	}
	order := make([]int, len(m.Sources)) // by first point
	for i, s := range m.Sources {
		order[i] = i
		if !s.Known {
			report(i, Finding{Message: fmt.Sprintf("sensor_token of source %d names no row of sensor", i), Expected: "a token of sensor", Actual: s.Sensor})
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(m.Sources[a].Begin, m.Sources[b].Begin), cmp.Compare(m.Sources[a].Length, m.Sources[b].Length))
	})
	torn := false
	var end int64 // of what is covered
	for _, i := range order {
		switch s := m.Sources[i]; {
		case s.Begin < end && s.Length > 0:
			torn = true
			report(i, Finding{
				Message:  fmt.Sprintf("source %d begins at point %d, inside another that ends at %d", i, s.Begin, end),
				Expected: strconv.FormatInt(end, 10), Actual: strconv.FormatInt(s.Begin, 10),
			})
		case s.Begin > end:
			torn = true
			report(i, Finding{
				Message:  fmt.Sprintf("no source covers the points %d to %d", end, s.Begin-1),
				Expected: strconv.FormatInt(end, 10), Actual: strconv.FormatInt(s.Begin, 10),
			})
		}
		end = max(end, m.Sources[i].Begin+m.Sources[i].Length)
	}
	if !torn && m.Points >= 0 && end != m.Points {
		c.Report(Finding{
			Message: fmt.Sprintf("the sources end at point %d, the cloud has %s", end, human.Count(int(m.Points), "point")),
			Place:   m.Place, Expected: strconv.FormatInt(m.Points, 10), Actual: strconv.FormatInt(end, 10), Key: "end",
		})
	}
}
