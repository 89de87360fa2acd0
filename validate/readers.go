package validate

import (
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/nuscenes"
)

// readers names the reader of each format.
var readers = map[dataset.Schema]Reader{
	dataset.KITTIObject:   kitti.ReadObject,
	dataset.KITTITracking: kitti.ReadTracking,
	dataset.KITTIRaw:      kitti.ReadRaw,
	dataset.KITTIOdometry: kitti.ReadOdometry,
	dataset.SemanticKITTI: kitti.ReadOdometry,
	dataset.NuScenes:      nuscenes.Read,
	dataset.Lyft:          nuscenes.Read,
	dataset.T4:            nuscenes.Read,
}
