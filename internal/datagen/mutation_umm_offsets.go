package datagen

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// offsetFault replaces the offset of each record that matches by f of it.
func offsetFault(name string, match []string, f func(ns int64) int64) func(*Dir) error {
	return func(d *Dir) error {
		return d.editRecords(name, func(l string) string {
			_, rest, _ := strings.Cut(l, `"temporal_offset_ns":`)
			text, _, _ := strings.Cut(rest, ",")
			ns, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return err.Error()
			}
			return setField("temporal_offset_ns", fmt.Sprint(f(ns)))(l)
		}, match...)
	}
}

// shiftStamp moves the stamp of a raw frame and its record alike: the metadata
// stay true.
func shiftStamp(d *Dir, channel string, frame int, by int64) error {
	file := "2011_09_26/2011_09_26_drive_0001_sync/" + channel + "/timestamps.txt"
	err := d.EditLine(file, frame+1, func(l string) string {
		const layout = "2006-01-02 15:04:05.000000000"
		t, err := time.Parse(layout, l)
		if err != nil {
			return err.Error()
		}
		return t.Add(time.Duration(by)).Format(layout)
	})
	if err != nil {
		return err
	}
	return offsetFault(rawSidecar, of(rawSample(frame), channel), func(ns int64) int64 { return ns + by })(d)
}

var ummOffsetsMutations = []Mutation{
	{Rule: "UMM016", Base: mmRaw, Apply: offsetFault(rawSidecar, rawImage, func(ns int64) int64 { return ns - 500_000 })},
	{Rule: "UMM016", Name: "nuscenes", Base: mmNuScenes, Apply: offsetFault(nuScenesSidecar, []string{`"channel":"CAM_FRONT"`}, func(ns int64) int64 { return ns + 3000 })},
	{Rule: "UMM017", Base: mmRaw, Apply: sidecarFault(rawSidecar, of(rawSample(5), "image_00"), setField("temporal_offset_ns", "512"))},
	{Rule: "UMM019", Base: mmObject, Apply: sidecarFault(objectSidecar, of("training/000002", "velodyne"), setField("temporal_offset_ns", "250000000"))},
	{Rule: "UMM019", Name: "partner", Base: mmKITTI, Apply: sidecarFault(objectSidecar, of("training/000002", "velodyne"), setField("temporal_offset_ns", "250000000"))},
	{Rule: "UMM020", Base: mmRaw, Apply: offsetFault(rawSidecar, rawImage, func(ns int64) int64 { return ns / 1000 })},
	{Rule: "UMM020", Name: "milliseconds", Base: mmRaw, Apply: offsetFault(rawSidecar, rawImage, func(ns int64) int64 { return ns / 1_000_000 })},
	{Rule: "UMM020", Name: "picoseconds", Base: mmNuScenes, Apply: offsetFault(nuScenesSidecar, []string{`"channel":"CAM_FRONT"`}, func(ns int64) int64 { return ns * 1000 })},
	{Rule: "UMM016", Name: "partner", Base: mmKITTI, Apply: offsetFault(rawSidecar, of(rawSample(3), "velodyne"), func(ns int64) int64 { return ns - 500_000 })},
	{Rule: "UMM020", Name: "object", Base: mmObject, Apply: offsetFault(objectSidecar, of("training/000002", "velodyne"), func(ns int64) int64 { return ns / 1000 })},
	{Rule: "UMM021", Name: "object", Base: mmKITTI, Apply: offsetFault(objectSidecar, of("training/000002", "velodyne"), func(ns int64) int64 { return -ns })},
	{Rule: "UMM021", Base: mmRaw, Apply: offsetFault(rawSidecar, rawImage, func(ns int64) int64 { return -ns })},
	{Rule: "UMM019", Name: "odometry", Base: mmOdometry, Apply: sidecarFault(sequenceSidecar, of("03/000002", "velodyne"), setField("temporal_offset_ns", "250000000"))},
	{Rule: "UMM017", Name: "semantickitti", Base: mmSemanticKITTI, Apply: sidecarFault(semanticSidecar, of("03/000002", "image_0"), setField("temporal_offset_ns", "512"))},
	{Rule: "UMM020", Name: "semantickitti", Base: mmSemanticKITTI, Apply: offsetFault(semanticSidecar, of("03/000002", "image_2"), func(ns int64) int64 { return ns / 1000 })},
	{Rule: "UMM021", Name: "odometry", Base: mmOdometry, Apply: offsetFault(sequenceSidecar, of("03/000002", "image_2"), func(ns int64) int64 { return -ns })},
	{Rule: "UMM022", Base: mmRaw, Apply: offsetFault(rawSidecar, rawImage, func(ns int64) int64 { return ns + 113 })},
	{Rule: "UMM023", Base: mmNuScenes, Apply: offsetFault(nuScenesSidecar, []string{`"channel":"CAM_FRONT"`}, func(ns int64) int64 { return ns + 2 })},
	{Rule: "UMM024", Base: mmRaw, Apply: sidecarFault(rawSidecar, nil, setField("temporal_offset_ns", "0"))},
	{Rule: "UMM030", Base: mmRaw, Apply: func(d *Dir) error { return shiftStamp(d, "image_02", 5, -4_000_000) }},
	{Rule: "UMM031", Base: mmRaw, Apply: func(d *Dir) error {
		for frame := 1; frame < 12; frame++ {
			if err := shiftStamp(d, "image_01", frame, int64(frame)*100_000); err != nil {
				return err
			}
		}
		return nil
	}},
}
