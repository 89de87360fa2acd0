package validate

import (
	"context"
	"fmt"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/kitti"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A reader reads one data set with jobs workers, emits its items, and returns
// its moments, nil where they cannot be known. What is wrong in the data is
// emitted, not returned; the error means that reading could not go on.
type reader func(ctx context.Context, ds *dataset.Dataset, jobs int, e rule.Emitter) (moment.Source, error)

// readers names the reader of each format.
var readers = map[dataset.Schema]reader{
	dataset.KITTIObject:   kitti.ReadObject,
	dataset.KITTITracking: kitti.ReadTracking,
	dataset.KITTIRaw:      kitti.ReadRaw,
	dataset.KITTIOdometry: kitti.ReadOdometry,
	dataset.SemanticKITTI: kitti.ReadOdometry,
	dataset.NuScenes:      nuscenes.Read,
	dataset.Lyft:          nuscenes.Read,
	dataset.T4:            nuscenes.Read,
}

// read reads one data set with the reader of its format.
func read(ctx context.Context, ds *dataset.Dataset, jobs int, e rule.Emitter) (moment.Source, error) {
	r, ok := readers[ds.Schema]
	if !ok {
		return nil, fmt.Errorf("no reader for %s", ds.Schema)
	}
	return r(ctx, ds, jobs, e)
}
