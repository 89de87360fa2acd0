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
}
