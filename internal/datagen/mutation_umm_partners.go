package datagen

import (
	"fmt"
	"strings"
)

// move gives the second sample of scene-0061 to a later frame, in the sync map
// and in the sidecar.
func move(d *Dir, frames int) error {
	sample, err := d.fieldOf(pairMap, "sample", rawSample(5)) // that of a, which comes first
	if err != nil {
		return err
	}
	if sample != rawSample(5) {
		return fmt.Errorf("%s is not in %s", rawSample(5), pairMap)
	}
	from, to := uuid5("kitti-raw/"+rawSample(5)), uuid5("kitti-raw/"+rawSample(5+frames))
	if err := d.editRecords(pairMap, func(l string) string {
		return strings.ReplaceAll(strings.Replace(l, rawSample(5), rawSample(5+frames), 1), from, to)
	}, rawSample(5)); err != nil {
		return err
	}
	return d.editRecords(pairSidecar, func(l string) string { return strings.Replace(l, from, to, 1) }, from)
}

var ummPartnersMutations = []Mutation{
	{Rule: "UMM026", Base: mmPair, Apply: func(d *Dir) error {
		return d.Replace("kitti/mm_dataset.json", `"name": "kitti_raw",`, `"name": "kitti_raw", "partners": ["nuscenes_v1.0"],`)
	}},
	{Rule: "UMM027", Base: mmPair, Apply: func(d *Dir) error { return move(d, 3) }},
	{Rule: "UMM027", Name: "odometry", Base: mmOdometry, Apply: func(d *Dir) error { // frames 1 and 3 change places
		swap := strings.NewReplacer(uuid5(sequenceKey(1)), uuid5(sequenceKey(3)), uuid5(sequenceKey(3)), uuid5(sequenceKey(1)))
		if err := d.editRecords("odometry/mm_dataset.json", func(l string) string {
			return strings.Replace(l, `"kitti_odometry",`, `"kitti_odometry", "sync_id": "stored",`, 1)
		}, "kitti_odometry"); err != nil {
			return err
		}
		return d.editRecords(sequenceSidecar, swap.Replace)
	}},
	{Rule: "UMM028", Base: mmKITTI, Apply: offsetFault(objectSidecar, of("training/000002", "velodyne"), func(ns int64) int64 { return ns + 5000 })},
	{Rule: "UMM028", Name: "odometry", Base: mmOdometry, Apply: offsetFault(sequenceSidecar, of("03/000002", "velodyne"), func(ns int64) int64 { return ns + 5000 })},
	{Rule: "UMM029", Base: mmPair, Config: "sync:\n  partner_tolerance: 200ms\n", Apply: func(d *Dir) error { return move(d, 1) }},
	{Rule: "UMM039", Base: mmPair, Apply: func(d *Dir) error {
		return d.EditLines(pairMap, func(l []string) []string { return append(l, l[1]) })
	}},
	{Rule: "UMM039", Name: "missing", Base: mmPair, Apply: func(d *Dir) error {
		return d.editRecords(pairMap, func(l string) string { return strings.Replace(l, rawSample(5), rawSample(4321), 1) }, rawSample(5))
	}},
	{Rule: "UMM039", Name: "no-map", Base: mmPair, Apply: func(d *Dir) error { return d.Remove(pairMap) }},
	{Rule: "TMP019", Base: mmPair, Apply: func(d *Dir) error {
		return d.editRecords(pairMap, setField("clock_offset_ns", "0"))
	}},
}
