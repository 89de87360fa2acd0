package datagen

import "bytes"

var schJSONMutations = []Mutation{
	{Rule: "SCH001", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Edit("v1.0-mini/sample_annotation.json", func(b []byte) []byte { return b[:len(b)*2/3] })
	}},
	{Rule: "SCH001", Name: "row", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Replace("v1.0-mini/sample_data.json", "\"height\": 90", "\"height\": 09")
	}},
	{Rule: "SCH001", Name: "quote", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Replace("v1.0-mini/sample_data.json", `jpg",`, `jpg,`)
	}},
	{Rule: "SCH001", Name: "tail", Base: baseLyft, Apply: func(d *Dir) error {
		return d.Edit("v1.01-train/scene.json", func(b []byte) []byte { return append(bytes.TrimSpace(b), ']') })
	}},
	{Rule: "SCH001", Name: "deep", Base: baseT4, Apply: func(d *Dir) error {
		return d.EditRow("log", nil, func(r *Record) {
			r.SetLiteral("vehicle", string(bytes.Repeat([]byte{'['}, 100_000))+string(bytes.Repeat([]byte{']'}, 100_000)))
		})
	}},
	{Rule: "SCH001", Name: "splits", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Write("v1.0-mini/splits.json", []byte(`{"mini_train": ["scene-0061", "scene-0655"]`))
	}},

	{Rule: "SCH002", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Edit("v1.0-mini/scene.json", func(b []byte) []byte { return []byte(`{"scene": ` + string(bytes.TrimSpace(b)) + "}\n") })
	}},
	{Rule: "SCH002", Name: "element", Base: baseT4, Apply: func(d *Dir) error {
		return d.Replace("annotation/attribute.json", "[\n", "[\n\"attributes\",\n")
	}},

	{Rule: "SCH003", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("category", nil, func(r *Record) { r.Append("name", r.Literal("name")) })
	}},
	{Rule: "SCH003", Name: "nested", Base: baseT4, Apply: func(d *Dir) error {
		return d.Replace("annotation/object_ann.json", `"counts"`, "\"size\": [\n90,\n160\n],\n\"counts\"")
	}},

	{Rule: "SCH004", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("ego_pose", nil, func(r *Record) { r.SetLiteral("translation", "[NaN, 1180.9, 0.0]") })
	}},
	{Rule: "SCH004", Name: "overflow", Base: baseLyft, Apply: func(d *Dir) error {
		return d.EditRow("sample_annotation", nil, func(r *Record) { r.SetLiteral("size", "[1.9, 1e999, 1.6]") })
	}},

	{Rule: "SCH005", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Edit("v1.0-mini/log.json", func(b []byte) []byte { return append([]byte("\xef\xbb\xbf"), b...) })
	}},
	{Rule: "SCH005", Name: "crlf", Base: baseT4, Apply: func(d *Dir) error {
		return d.Edit("annotation/sensor.json", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) })
	}},
	{Rule: "SCH005", Name: "latin-1", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.EditRow("scene", nil, func(r *Record) { r.SetLiteral("description", "\"M\xfcnchen\"") })
	}},

	// JSON that is no table: descriptions of clouds, CAN messages, sidecars.
	{Rule: "SCH001", Name: "metainfo", Base: baseT4, Apply: func(d *Dir) error {
		return d.Edit(t4Description, func(b []byte) []byte { return b[:len(b)/2] })
	}},
	{Rule: "SCH001", Name: "can", Base: baseNuScenesCAN, Apply: func(d *Dir) error {
		return d.Edit(canMonitor, func(b []byte) []byte { return b[:len(b)*2/3] })
	}},
	{Rule: "SCH001", Name: "sidecar", Base: mmRaw, Apply: func(d *Dir) error {
		return d.EditLine(rawSidecar, 9, func(s string) string { return s[:len(s)-1] })
	}},
	{Rule: "SCH001", Name: "descriptor", Base: mmRaw, Apply: func(d *Dir) error {
		return d.Replace("mm_dataset.json", `"datasets": [`, `"datasets": `)
	}},
	{Rule: "SCH003", Name: "metainfo", Base: baseT4, Apply: func(d *Dir) error { return d.Replace(t4Description, "{", `{"stamp": {"sec": 1, "nanosec": 2},`) }},
	{Rule: "SCH003", Name: "can", Base: baseNuScenesCAN, Apply: func(d *Dir) error { return d.Replace(canMonitor, "{", `{"brake": 7,`) }},
	{Rule: "SCH003", Name: "splits", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Write("v1.0-mini/splits.json", []byte(`{"mini_train": ["scene-0061", "scene-0655"], "mini_val": [], "mini_val": []}`+"\n"))
	}},
	{Rule: "SCH003", Name: "sidecar", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, addField("channel", `"image_02"`))},
	{Rule: "SCH004", Name: "metainfo", Base: baseT4, Apply: func(d *Dir) error { return d.Replace(t4Description, "{", `{"x_gain": NaN,`) }},
	{Rule: "SCH004", Name: "can", Base: baseNuScenesCAN, Apply: func(d *Dir) error { return d.Replace(canMonitor, "{", `{"x_gain": Infinity,`) }},
	{Rule: "SCH004", Name: "sidecar", Base: mmRaw, Apply: sidecarFault(rawSidecar, rawImage, addField("x_gain", "-Infinity"))},

	// Every reader of text.
	encodingFault("metainfo", baseT4, t4Description, byteOrderMark),
	encodingFault("can", baseNuScenesCAN, canMonitor, byteOrderMark),
	encodingFault("can cr", baseNuScenesCAN, canMonitor, func(b []byte) []byte { return append(b, "\r\n"...) }),
	encodingFault("splits", baseNuScenesSplits, "v1.0-mini/splits.json", byteOrderMark),
	encodingFault("sidecar", mmRaw, rawSidecar, carriageReturns),
	encodingFault("descriptor", mmRaw, "mm_dataset.json", byteOrderMark),
	encodingFault("sync map", mmPair, pairMap, carriageReturns),
	encodingFault("object labels", baseKITTIObject, objectLabels, carriageReturns),
	encodingFault("object calibration", baseKITTIObject, objectCalib, byteOrderMark),
	encodingFault("planes", baseKITTIObject, objectPlane, noFinalLine),
	encodingFault("image sets", baseKITTIObject, "ImageSets/train.txt", carriageReturns),
	encodingFault("tracking labels", baseKITTITracking, trackingLabels, noFinalLine),
	encodingFault("tracking calibration", baseKITTITracking, trackingCalib, carriageReturns),
	encodingFault("tracking oxts", baseKITTITracking, "training/oxts/0000.txt", byteOrderMark),
	encodingFault("timestamps", baseKITTIRaw, rawDrive+"image_01/timestamps.txt", carriageReturns),
	encodingFault("start of scans", baseKITTIRaw, rawDrive+"velodyne_points/timestamps_start.txt", byteOrderMark),
	encodingFault("oxts", baseKITTIRaw, oxtsFrame, noFinalLine),
	encodingFault("raw calibration", baseKITTIRaw, "2011_09_26/calib_cam_to_cam.txt", carriageReturns),
	encodingFault("times", baseKITTIOdometry, odometryTimes, carriageReturns),
	encodingFault("poses", baseKITTIOdometry, "poses/03.txt", byteOrderMark),
	encodingFault("odometry calibration", baseSemanticKITTI, "sequences/03/calib.txt", carriageReturns),
}

const (
	t4Description = "data/LIDAR_TOP_INFO/00000.json"
	canMonitor    = "can_bus/scene-0061_vehicle_monitor.json"
)

// encodingFault makes a mutation of the bytes of a text file that leaves what it
// says.
func encodingFault(name string, base Base, file string, f func([]byte) []byte) Mutation {
	return Mutation{Rule: "SCH005", Name: name, Base: base, Apply: func(d *Dir) error { return d.Edit(file, f) }}
}

func carriageReturns(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n")) }
func byteOrderMark(b []byte) []byte   { return append([]byte("\xef\xbb\xbf"), b...) }
func noFinalLine(b []byte) []byte     { return bytes.TrimRight(b, "\n") }
