package datagen

import "strings"

var ummSidecarsMutations = []Mutation{
	{Rule: "UMM032", Base: mmRaw, Apply: func(d *Dir) error {
		return d.Replace("mm_dataset.json", `"clock"`, `"temporal_offset_ns": 0, "clock"`)
	}},
	{Rule: "UMM032", Name: "header", Base: mmRaw, Apply: func(d *Dir) error {
		return d.EditLine(rawSidecar, 1, addField("sensor_sync_id", otherUUID))
	}},
	{Rule: "UMM033", Base: mmRaw, Apply: func(d *Dir) error {
		return d.Replace("mm_dataset.json", `"datasets": [`, `"datasets": [{"name": "kitti_raw"},`)
	}},
	{Rule: "UMM033", Name: "sidecar", Base: mmRaw, Apply: func(d *Dir) error {
		return d.Copy(rawSidecar, strings.TrimSuffix(rawSidecar, ".jsonl")+" (copy).jsonl")
	}},
	{Rule: "UMM034", Base: mmRaw, Apply: func(d *Dir) error {
		return d.Replace("mm_dataset.json", `"clock"`, `"modality_schema": "kitti_raw", "clock"`)
	}},
	{Rule: "UMM034", Name: "header", Base: mmRaw, Apply: func(d *Dir) error {
		return d.EditLine(rawSidecar, 1, addField("reference", `"image_00"`))
	}},
	{Rule: "UMM035", Base: mmRaw, Apply: func(d *Dir) error {
		return d.Replace(rawSidecar, `"schema_version":"1.0"`, `"schema_version":"2.0"`)
	}},
	{Rule: "UMM035", Name: "no-header", Base: mmRaw, Apply: func(d *Dir) error { return d.EditLines(rawSidecar, without(1)) }},
	{Rule: "UMM035", Name: "descriptor", Base: mmRaw, Apply: func(d *Dir) error {
		return d.Replace("mm_dataset.json", `"schema_version": "1.0"`, `"schema_version": 1.0`)
	}},
	{Rule: "UMM036", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, addField("temporal_ofset_ns", "0"))},
	{Rule: "UMM036", Name: "value", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, addField("size", `"12 MB"`))},
	{Rule: "UMM036", Name: "literal", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, addField("size", "1e6"))},
	{Rule: "UMM036", Name: "map", Base: mmPair, Apply: func(d *Dir) error {
		return d.Replace(pairMap, `"},"clock_offset_ns"`, `"},"clock_ofset":0,"clock_offset_ns"`)
	}},
	{Rule: "UMM036", Name: "descriptor", Base: mmRaw, Apply: func(d *Dir) error {
		return d.Replace("mm_dataset.json", `"clock": "local"`, `"clock": "Berlin"`)
	}},
	{Rule: "UMM037", Base: mmRaw, Apply: func(d *Dir) error {
		return d.EditLines(rawSidecar, func(l []string) []string {
			l[8], l[9] = l[9], l[8]
			return l
		})
	}},
	{Rule: "UMM038", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, addField("size", "1234567"))},
	{Rule: "UMM038", Name: "sha256", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, addField("sha256", `"`+strings.Repeat("0", 64)+`"`))},
	// What is not covered has no record, which UMM001 says of each channel.
	{Rule: "UMM040", Base: mmRaw, With: []string{"UMM001"}, Apply: func(d *Dir) error { return d.EditLines(rawSidecar, without(10)) }},
}
