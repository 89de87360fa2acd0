package datagen

import (
	"bytes"
	"math"
)

var payCloudsMutations = []Mutation{
	{Rule: "PAY007", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Edit("training/velodyne/000001.bin", cut(4))
	}},
	{Rule: "PAY007", Name: "nuscenes", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Change("sweeps/LIDAR_TOP/*", cut(3))
	}},
	{Rule: "PAY014", Base: baseKITTIObject, Apply: func(d *Dir) error {
		return d.Edit("training/velodyne/000001.bin", func(b []byte) []byte { return b[:len(b)/16*6/16*16] })
	}},
	{Rule: "PAY014", Name: "rings", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Change("sweeps/LIDAR_TOP/*", cut(20))
	}},
	{Rule: "PAY016", Base: baseNuScenes, Apply: radar("POINTS ", "POINTS 9")},
	{Rule: "PAY016", Name: "fields", Base: baseNuScenes, Apply: radar("SIZE 4 ", "SIZE ")},
	{Rule: "PAY017", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Change("sweeps/RADAR_FRONT/*", func(b []byte) []byte { return b[:bytes.Index(b, []byte("DATA binary\n"))+40] })
	}},
	{Rule: "PAY018", Base: baseNuScenes, Apply: radar("vx_comp vy_comp", "vy_comp vx_comp")},
	{Rule: "PAY019", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Change("sweeps/RADAR_FRONT/*", func(b []byte) []byte { return b[:len(b)-(4096-bytes.Index(b, []byte("DATA binary\n"))-12)] })
	}},
	{Rule: "PAY019", Name: "comment", Base: baseNuScenes, Apply: radar("VERSION", "# made by a converter\nVERSION")},
	{Rule: "PAY021", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Change("sweeps/RADAR_FRONT/*", func([]byte) []byte {
			b := radarPCD([]point{{}})
			at := bytes.Index(b, []byte("DATA binary\n")) + 12
			copy(b[at:], f32(math.Float32bits(float32(math.NaN()))))
			return b
		})
	}},
	{Rule: "PAY022", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Change("sweeps/LIDAR_TOP/*", func([]byte) []byte { return radarPCD([]point{{}}) })
	}},
	{Rule: "PAY022", Name: "camera", Base: baseNuScenes, Apply: func(d *Dir) error {
		return d.Change("sweeps/CAM_FRONT/*", func([]byte) []byte { return blackPNG(nuScenesWidth, nuScenesHeight) })
	}},
}

// radar replaces text in the header of one radar scan.
func radar(old, new string) func(*Dir) error {
	return func(d *Dir) error {
		return d.Change("sweeps/RADAR_FRONT/*", func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) })
	}
}
