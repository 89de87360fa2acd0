package kitti

import (
	"context"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// ReadOdometry reads a KITTI odometry or SemanticKITTI data set.
func ReadOdometry(ctx context.Context, ds *dataset.Dataset, jobs int, e rule.Emitter) (moment.Source, error) {
	return nil, ctx.Err()
}
