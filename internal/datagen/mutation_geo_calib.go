package datagen

import "strings"

// Lines of a calibration file: see schCalibMutations.
var geoCalibMutations = []Mutation{
	breakCalib("GEO003", "", onLine(5, column(2, "9.9e-01"))),
	breakCalib("GEO003", "mirror", onLine(7, func(string) string { return "Tr_imu_to_velo: 1 0 0 0 0 1 0 0 0 0 -1 0" })),
	breakTrackingCalib("GEO003", "tracking", onLine(6, column(2, "0.5"))),
	breakCalib("GEO005", "", onLine(3, column(3, "1.5"))),
	breakCalib("GEO005", "focal", onLine(1, column(7, "900"))),
	breakCalib("GEO005", "row", onLine(2, column(12, "0"))),
	breakCalib("GEO011", "", onLine(4, column(5, "-10"))),
	breakCalib("GEO011", "origin", onLine(1, column(5, "44.8"))),
	{Rule: "GEO013", Base: baseKITTIPair, Apply: func(d *Dir) error {
		return d.EditLine(objectCalib, 3, func(s string) string { return strings.Replace(s, "6.071928000000e+02", "6.071929000000e+02", 1) })
	}},
	{Rule: "GEO013", Name: "imu", Base: baseKITTIPair, Apply: func(d *Dir) error { return d.EditLine(objectCalib, 7, column(5, "0")) }},
	breakCalib("GEO014", "", onLine(6, func(string) string { return "Tr_velo_to_cam: 0 0 1 0.27 -1 0 0 0 0 -1 0 -0.08" })),
	onCalib("GEO003", "odometry", baseKITTIOdometry, odometryCalib, onLine(5, column(3, "0.5"))),
	onCalib("GEO003", "raw cameras", baseKITTIRaw, rawCameras, onKey("R_rect_02:", column(2, "-9.9e-01"))),
	onCalib("GEO011", "raw", baseKITTIRaw, rawCameras, onKey("P_rect_03:", column(5, "-10"))),
	onCalib("GEO011", "odometry", baseKITTIOdometry, odometryCalib, onLine(1, column(5, "44.8"))),
	// Just beyond the limit of 1e-4.
	breakCalib("GEO003", "just", onLine(5, func(string) string { return "R0_rect: 1.00006 0 0 0 1 0 0 0 1" })),
}
