package rules

import (
	"testing"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

func TestWindow(t *testing.T) {
	p := rule.DefaultParams()
	p.Sync.Windows = map[string][2]float64{"CAM_FRONT": {-1, 2}, "RADAR_F*": {-3, 3}}
	for _, c := range []struct {
		schema  dataset.Schema
		channel string
		lo, hi  float64
	}{
		{nuScenes, "CAM_FRONT", -1, 2},
		{nuScenes, "CAM_FRONT_LEFT", -50, -38},
		{nuScenes, "RADAR_FRONT", -3, 3},
		{nuScenes, "RADAR_BACK_LEFT", -40, 40},
		{nuScenes, "CAM_THERMAL", -100, 100},
		{t4, "CAM_BACK", 0, 50},
		{lyft, "CAM_BACK", -110, 0},
		{lyft, "LIDAR_TOP", -100, 100},
		{kittiRaw, "velodyne_points", -22, -13},
		{kittiRaw, "image_00", -100, 100},
	} {
		if lo, hi := window(p, c.schema, c.channel); lo != c.lo || hi != c.hi {
			t.Errorf("%s %s: [%v, %v], want [%v, %v]", c.schema, c.channel, lo, hi, c.lo, c.hi)
		}
	}
}
