package datagen

import "strings"

var (
	rawImage    = of(rawSample(5), "image_02")
	otherUUID   = `"0e7f9a6c-3b52-4d18-9c41-5a8e2f607b13"` // version 4
	versionOne  = `"0e7f9a6c-3b52-1d18-9c41-5a8e2f607b13"`
	wrongLetter = `"0e7f9a6c-3b52-4d18-9c41-5a8e2f607b1g"`
)

var ummFieldsMutations = []Mutation{
	{Rule: "UMM001", Base: mmRaw, Apply: func(d *Dir) error { return d.EditLines(rawSidecar, without(10)) }},
	{Rule: "UMM001", Name: "scene", Base: mmNuScenes, Apply: func(d *Dir) error { return d.Remove(nuScenesSidecar) }},
	{Rule: "UMM001", Name: "none", Base: mmRaw, Apply: func(d *Dir) error { return d.Remove(".mm") }},
	{Rule: "UMM002", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("sensor_sync_id", "null"))},
	{Rule: "UMM002", Name: "empty", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("sensor_sync_id", `""`))},
	{Rule: "UMM002", Name: "absent", Base: mmNuScenes, Apply: sidecarFault(nuScenesSidecar, []string{`"channel":"CAM_FRONT"`}, setField("sensor_sync_id", ""))},
	{Rule: "UMM003", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("sensor_sync_id", wrongLetter))},
	{Rule: "UMM003", Name: "upper", Base: mmRaw, Severity: "warning", Apply: sidecarFault(rawSidecar, rawImage, func(l string) string {
		i := strings.Index(l, `"sensor_sync_id":"`) + len(`"sensor_sync_id":"`)
		return l[:i] + strings.ToUpper(l[i:i+36]) + l[i+36:]
	})},
	{Rule: "UMM003", Name: "number", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("sensor_sync_id", "17"))},
	{Rule: "UMM005", Base: mmRaw, Apply: sidecarFault(rawSidecar, of(rawSample(5), ""), setField("sensor_sync_id", versionOne))},
	{Rule: "UMM005", Name: "channel", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("sensor_sync_id", versionOne))},
	{Rule: "UMM006", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("temporal_offset_ns", "null"))},
	{Rule: "UMM006", Name: "absent", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("temporal_offset_ns", ""))},
	{Rule: "UMM007", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, func(l string) string {
		return strings.Replace(l, `,"modality_schema"`, `.0,"modality_schema"`, 1)
	})},
	{Rule: "UMM007", Name: "exponent", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("temporal_offset_ns", "-6.138e6"))},
	{Rule: "UMM007", Name: "string", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("temporal_offset_ns", `"-6138000"`))},
	{Rule: "UMM007", Name: "beyond", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("temporal_offset_ns", "9223372036854775808"))},
	{Rule: "UMM008", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("modality_schema", ""))},
	{Rule: "UMM009", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("modality_schema", `"kitti-raw"`))},
	{Rule: "UMM009", Name: "header", Base: mmRaw, Apply: func(d *Dir) error {
		if err := d.editRecords(rawSidecar, setField("modality_schema", "")); err != nil {
			return err
		}
		return d.EditLine(rawSidecar, 1, addField("modality_schema", `"raw"`))
	}},
	{Rule: "UMM010", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, setField("modality_schema", `"nuscenes_v1.0"`))},
}
