package datagen

import "fmt"

// mmLine is a record of KITTI raw that stands alone.
func mmLine(sample, channel, file string, offset int64) string {
	return fmt.Sprintf(`{"dataset":"kitti_raw","sample":"%s","channel":"%s","file":"%s","sensor_sync_id":"%s","temporal_offset_ns":%d,"modality_schema":"kitti_raw"}`,
		sample, channel, file, uuid5("kitti-raw/"+sample), offset)
}

var ummGroupsMutations = []Mutation{
	{Rule: "UMM004", Base: mmRaw, Apply: sidecarFault(rawSidecar, of(rawSample(5), ""), setField("sensor_sync_id", `"00000000-0000-0000-0000-000000000000"`))},
	{Rule: "UMM004", Name: "max", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("sensor_sync_id", `"ffffffff-ffff-ffff-ffff-ffffffffffff"`))},
	{Rule: "UMM004", Name: "constant", Base: mmRaw, Apply: sidecarFault(rawSidecar, nil, setField("sensor_sync_id", otherUUID))},
	{Rule: "UMM011", Base: mmRaw, Apply: func(d *Dir) error {
		return d.EditLines(rawSidecar, func(l []string) []string { return append(l[:10:10], l[9:]...) })
	}},
	{Rule: "UMM011", Name: "single", Base: mmRaw, Apply: func(d *Dir) error {
		file := "2011_09_26/2011_09_26_drive_0001_sync/image_00/data/0000000005"
		return d.Write(file+".mm.json", []byte(`{"schema_version":"1.0",`+mmLine(rawSample(5), "image_00", file+".png", 0)[1:]+"\n"))
	}},
	{Rule: "UMM012", Base: mmRaw, Apply: func(d *Dir) error {
		return d.EditLines(rawSidecar, func(l []string) []string {
			return append(l, mmLine("2011_09_26_drive_0001/0000009999", "image_00", "2011_09_26/2011_09_26_drive_0001_sync/image_00/data/0000009999.png", 0))
		})
	}},
	{Rule: "UMM012", Name: "file", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, func(l string) string {
		return setField("file", `"2011_09_26/2011_09_26_drive_0001_sync/image_02/data/0000000007.png"`)(l)
	})},
	{Rule: "UMM012", Name: "drive", Base: mmRaw, Apply: func(d *Dir) error {
		return d.Write(".mm/kitti_raw/2011_09_26_drive_0009.jsonl",
			[]byte(`{"schema_version":"1.0","standard":"RFC-2025-04","dataset":"kitti_raw","group":"2011_09_26_drive_0009"}`+"\n"))
	}},
	{Rule: "UMM012", Name: "folder", Base: mmRaw, Apply: func(d *Dir) error { return d.Copy(rawSidecar, ".mm/kitti-raw/2011_09_26_drive_0001.jsonl") }},
	{Rule: "UMM013", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("sensor_sync_id", `"`+uuid5("kitti-raw/"+rawSample(4))+`"`))},
	{Rule: "UMM014", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("sensor_sync_id", otherUUID))},
	{Rule: "UMM015", Base: mmRaw, Apply: sidecarFault(rawSidecar, of(rawSample(5), ""), setField("sensor_sync_id", `"`+uuid5("kitti-raw/"+rawSample(4))+`"`))},
	{Rule: "UMM018", Base: mmRaw, Apply: func(d *Dir) error {
		return d.Replace("mm_dataset.json", `"reference": "image_00"`, `"reference": "image_09"`)
	}},
	{Rule: "UMM018", Name: "two", Base: mmRaw, Apply: func(d *Dir) error {
		if err := d.Replace("mm_dataset.json", `"reference": "image_00",`, ""); err != nil {
			return err
		}
		return d.editRecords(rawSidecar, func(l string) string {
			return addField("reference", `"velodyne"`)(setField("temporal_offset_ns", "0")(l))
		}, of(rawSample(5), "velodyne")...)
	}},
	{Rule: "UMM025", Base: mmRaw, Apply: sidecarFault(rawSidecar, of(rawSample(5), ""), setField("sensor_sync_id", otherUUID))},
	{Rule: "UMM025", Name: "map", Base: mmPair, Apply: func(d *Dir) error {
		sample, err := d.fieldOf(pairSidecar, "sample", `"channel":"LIDAR_TOP"`)
		if err != nil {
			return err
		}
		return d.editRecords(pairSidecar, setField("sensor_sync_id", `"`+uuid5("nuscenes/"+sample)+`"`), of(sample, "")...)
	}},
}
