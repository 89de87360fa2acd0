package kitti

import (
	"context"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// ReadRaw reads a KITTI raw data set.
func ReadRaw(ctx context.Context, ds *dataset.Dataset, jobs int, e rule.Emitter) (moment.Source, error) {
	return nil, ctx.Err()
}
