package rules

import (
	"math"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// windows are the offsets, in ms after the reference channel, at which the
// keyframes of a channel are to be expected (docs/formats.md). A name that
// ends in * stands for all channels that begin so.
var windows = map[dataset.Schema]map[string][2]float64{
	nuScenes: {
		"CAM_FRONT_LEFT":  {-50, -38},
		"CAM_FRONT":       {-43, -31},
		"CAM_FRONT_RIGHT": {-35, -23},
		"CAM_BACK_RIGHT":  {-27, -16},
		"CAM_BACK":        {-18, -6},
		"CAM_BACK_LEFT":   {-8, 4},
		"RADAR_*":         {-40, 40},
		"LIDAR_TOP":       {0, 0},
	},
	kittiRaw: {
		"image_01":  {-5, 5},
		"image_02":  {-12, -3},
		"image_03":  {-12, -3},
		"oxts":      {-6, 6},
		"velodyne*": {-22, -13},
	},
	kittiObject: { // frames of raw, against the image_00 that they were taken with
		"image_02": {-12, -3},
		"image_03": {-12, -3},
		"velodyne": {-22, -13},
	},
	kittiTracking: {"image_02": {-12, -3}, "image_03": {-12, -3}, "velodyne": {-22, -13}},
	kittiOdometry: sequenceWindows,
	semanticKITTI: sequenceWindows,
	lyft:          {"CAM_*": {-110, 0}},
	t4:            {"*": {0, 50}},
}

// sequenceWindows are those of raw by the names of odometry.
var sequenceWindows = map[string][2]float64{
	"image_1": {-5, 5}, "image_2": {-12, -3}, "image_3": {-12, -3}, "velodyne": {-22, -13},
}

// window gives the least and the greatest offset of a channel in ms: what the
// configuration says, else what is known of the format, else sync.window_ms
// either way.
func window(p *rule.Params, s dataset.Schema, channel string) (lo, hi float64) {
	for _, of := range []map[string][2]float64{p.Sync.Windows, windows[s]} {
		if w, ok := of[channel]; ok {
			return w[0], w[1]
		}
		best := -1
		for name, w := range of {
			if stem, ok := strings.CutSuffix(name, "*"); ok && len(stem) > best && strings.HasPrefix(channel, stem) {
				best, lo, hi = len(stem), w[0], w[1]
			}
		}
		if best >= 0 {
			return lo, hi
		}
	}
	w := math.Abs(p.Sync.WindowMs)
	return -w, w
}
