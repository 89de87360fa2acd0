package kitti

import (
	"context"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// rawCalibFiles are the calibration files of a date.
var rawCalibFiles = []string{"calib_cam_to_cam.txt", "calib_imu_to_velo.txt", "calib_velo_to_cam.txt"}

// ReadRaw reads a KITTI raw data set.
func ReadRaw(ctx context.Context, ds *dataset.Dataset, jobs int, e rule.Emitter) (moment.Source, error) {
	return OpenRaw(ds), ctx.Err()
}
