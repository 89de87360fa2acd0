package datagen

import (
	"fmt"
	"strings"
	"time"
)

// rawDrive is the folder of the drive in baseKITTIRaw, and odometryDir that of
// the sequence without poses in baseKITTIOdometry.
const (
	rawDrive    = "2011_09_26/2011_09_26_drive_0001_sync/"
	odometryDir = "sequences/11/"
)

// rawStamps are the timestamps files of a drive.
var rawStamps = []string{
	"image_00/timestamps.txt", "image_01/timestamps.txt", "image_02/timestamps.txt", "image_03/timestamps.txt",
	"oxts/timestamps.txt", "velodyne_points/timestamps.txt", "velodyne_points/timestamps_start.txt", "velodyne_points/timestamps_end.txt",
}

var layRawMutations = []Mutation{
	{Rule: "LAY004", Name: "raw-data", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.Remove(rawDrive + "image_01/data") }},
	{Rule: "LAY004", Name: "odometry-calib", Base: baseKITTIOdometry, Apply: func(d *Dir) error { return d.Remove(odometryDir + "calib.txt") }},
	{Rule: "LAY008", Name: "odometry-scan", Base: baseKITTIOdometry, Apply: func(d *Dir) error { return d.Remove(odometryDir + "velodyne/000002.bin") }},
	{Rule: "LAY008", Name: "semantickitti-label", Base: baseSemanticKITTI, Apply: func(d *Dir) error { return d.Remove("sequences/03/labels/000004.label") }},
	{Rule: "LAY009", Name: "raw-digits", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.Rename(rawDrive+"image_01/data/0000000009.png", rawDrive+"image_01/data/000009.png")
	}},
	{Rule: "LAY010", Name: "raw", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.Remove(rawDrive + "image_01/data/0000000004.png") }},
	{Rule: "LAY010", Name: "odometry", Base: baseKITTIOdometry, Apply: func(d *Dir) error {
		for _, f := range []string{"image_0/000002.png", "image_1/000002.png", "image_2/000002.png", "image_3/000002.png", "velodyne/000002.bin"} {
			if err := d.Remove(odometryDir + f); err != nil {
				return err
			}
		}
		return nil
	}},
	{Rule: "LAY011", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.EditLines(rawDrive+"image_03/timestamps.txt", without(10)) }},
	{Rule: "LAY011", Name: "data", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.Remove(rawDrive + "image_01/data/0000000009.png") }},
	{Rule: "LAY011", Name: "start", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.EditLines(rawDrive+"velodyne_points/timestamps_start.txt", without(10)) }},
	{Rule: "LAY011", Name: "file", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.Remove(rawDrive + "image_01/timestamps.txt") }},
	{Rule: "LAY012", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.Remove(rawDrive + "image_01") }},
	{Rule: "LAY013", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.Remove("2011_09_26/calib_imu_to_velo.txt") }},
	{Rule: "LAY014", Base: baseKITTIRaw, Apply: func(d *Dir) error { return d.Remove(rawDrive + "oxts/dataformat.txt") }},
}

// payRawMutations are faults of the payload of raw and odometry.
var payRawMutations = []Mutation{
	{Rule: "PAY005", Name: "raw", Base: baseKITTIRaw, Apply: func(d *Dir) error {
		return d.Write(rawDrive+"image_01/data/0000000003.png", greyPNG(picture{1224, 370}, "another date's"))
	}},
	{Rule: "PAY023", Name: "semantickitti", Base: baseSemanticKITTI, Apply: func(d *Dir) error {
		return d.Edit("sequences/03/labels/000002.label", func(b []byte) []byte { return b[:len(b)-4] })
	}},
	{Rule: "PAY023", Name: "semantickitti-bytes", Base: baseSemanticKITTI, Apply: func(d *Dir) error {
		return d.Edit("sequences/03/labels/000002.label", func(b []byte) []byte { return b[:len(b)-1] })
	}},
}

// editStamps replaces each stamp of the named timestamps files of the drive by
// f of it; frame counts from 0.
func (d *Dir) editStamps(f func(frame int, ns int64) int64, files ...string) error {
	const layout = "2006-01-02 15:04:05.000000000"
	for _, name := range files {
		var failed error
		err := d.Edit(rawDrive+name, func(b []byte) []byte {
			var out []byte
			for frame, line := range strings.Split(strings.TrimSuffix(string(b), "\n"), "\n") {
				t, err := time.Parse(layout, line)
				if err != nil {
					failed = err
				}
				out = append(out, time.Unix(0, f(frame, t.UnixNano())).UTC().Format(layout+"\n")...)
			}
			return out
		})
		if failed != nil {
			return fmt.Errorf("%s: %w", name, failed)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// dropFrame removes a frame of a stream: its data, and its stamps by a blank
// line each.
func (d *Dir) dropFrame(stream, ext string, frame int, stamps ...string) error {
	if err := d.Remove(fmt.Sprintf("%s%s/data/%010d%s", rawDrive, stream, frame, ext)); err != nil {
		return err
	}
	for _, s := range stamps {
		if err := d.EditLine(rawDrive+stream+"/"+s, frame+1, func(string) string { return "" }); err != nil {
			return err
		}
	}
	return nil
}
