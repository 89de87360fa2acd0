package datagen

import (
	"encoding/base64"
	"fmt"
	"slices"
	"time"
)

// T4 makes a data set of Autoware's T4 format: one scene annotated at 5 Hz,
// sensors at 10 Hz, the optional tables, a map and a recording beside it.
type T4 struct {
	Seed    uint64
	Samples int    // 0: 5
	World   *Scene // nil: one of its own
}

var baseT4 = cached("t4", T4{Seed: 4}.write)

// A camera looks up to 50 ms after the lidar.
var t4Sensors = []sensor{
	{"LIDAR_TOP", "lidar", 10, 0, [3]float64{0.9, 0, 2.0}, 0},
	{"CAM_FRONT", "camera", 10, 20_000_000, [3]float64{1.7, 0.01, 1.5}, 0},
	{"CAM_BACK", "camera", 10, 30_000_000, [3]float64{0.02, 0.01, 1.57}, 180},
}

const (
	t4Width, t4Height = 160, 90
	t4Name            = "db_demo_v1"
	t4Light           = "traffic_light" // category of what is annotated in the images alone
	t4Lanelet         = "1001"          // the traffic light in the map
)

var t4Categories = []string{"unlabeled", "car", "truck", "bus", "bicycle", "motorcycle", "pedestrian", t4Light, "drivable_surface"}

// Write writes the data set into a folder.
func (g T4) Write(root string) error { return g.write(toDisk(root)) }

func (g T4) write(put sink) error {
	if g.Samples == 0 {
		g.Samples = 5
	}
	if g.World == nil {
		g.World = NewScene(g.Seed, time.Date(2024, 3, 7, 2, 30, 0, 0, time.UTC).UnixNano())
	}
	t := newTables(36, g.Seed)
	rec := newRecording(g.World, t4Sensors, g.Samples, 200_000_000, 1000)
	log := t.token("log", t4Name)
	t.scene(t4Name, log, rec)
	t.add("log", record("token", log, "logfile", "", "vehicle", "robotaxi", "data_captured", "2024-03-07-11-30-00", "location", "odaiba"))
	t.add("map", record("token", t.token("map"), "log_tokens", []string{log}, "category", "semantic_prior", "filename", "map/lanelet2_map.osm"))
	for i, c := range t4Categories {
		t.add("category", record("token", t.token("category", c), "name", c, "description", "", "index", i,
			"has_orientation", c == t4Light, "has_number", false))
	}
	t.annotations(t4Name, rec, func(c Class) string { return c.T4 }, t4Attribute)
	for i, r := range t.rows["instance"] {
		r.Set("instance_name", fmt.Sprintf("%s::%d", t4Name, i+1))
	}
	for _, r := range t.rows["sample_annotation"] {
		r.Set("velocity", literal("null"))
		r.Set("acceleration", literal("null"))
		r.Set("automatic_annotation", false)
	}
	t.add("visibility", t.visibilities("none", "partial", "most", "full")...)
	for _, c := range rec.sensors() {
		matrix, distortion := [][]float64{}, []float64{}
		if c.modality == "camera" {
			matrix, distortion = intrinsic(t4Width, t4Height), []float64{-0.04, 0.01, 0, 0, 0}
		}
		t.sensor(c)
		t.add("calibrated_sensor", record("token", t.token("calibrated", c.channel), "sensor_token", t.token("sensor", c.channel),
			"translation", c.at, "rotation", c.rotation(), "camera_intrinsic", matrix, "camera_distortion", distortion))
	}
	if err := g.captures(put, t, rec); err != nil {
		return err
	}
	g.vehicle(t, rec)
	err := t.write(func(table string, rows []*Record) error {
		return put("annotation/"+table+".json", formatTable(rows))
	})
	if err != nil {
		return err
	}
	for _, f := range []struct{ name, content string }{
		{"map/lanelet2_map.osm", t4Map},
		{"map/pointcloud_map.pcd", t4Cloud},
		{"input_bag/metadata.yaml", "rosbag2_bagfile_information:\n  version: 5\n  message_count: 0\n"},
		{"status.json", "{}\n"},
	} {
		if err := put(f.name, []byte(f.content)); err != nil {
			return err
		}
	}
	return nil
}

func (g T4) captures(put sink, t *tables, rec *recording) error {
	picture := gradient(t4Width, t4Height)
	var failed error
	try := func(name string, content []byte) {
		if failed == nil {
			failed = put(name, content)
		}
	}
	t.captures(rec, func(ci, k int, c capture) {
		own, sample := t.capture(t4Name, c), ""
		if c.key { // what is not a keyframe need not name a sample
			sample = t.token("sample", t4Name, c.sample)
		}
		prev, next := t.neighbours(t4Name, rec.captures[ci], k)
		file := fmt.Sprintf("data/%s/%05d", c.sensor.channel, k)
		r := record("token", own, "sample_token", sample, "ego_pose_token", own, "calibrated_sensor_token", t.token("calibrated", c.sensor.channel),
			"filename", "", "fileformat", "", "width", 0, "height", 0, "timestamp", c.time/1000, "is_key_frame", c.key,
			"next", next, "prev", prev, "is_valid", true, "info_filename", literal("null"), "autolabel_metadata", literal("null"))
		if c.sensor.modality == "camera" {
			r.Set("filename", file+".jpg")
			r.Set("fileformat", "jpg")
			r.Set("width", t4Width)
			r.Set("height", t4Height)
			try(file+".jpg", withComment(picture, own))
			if c.key && c.sensor.channel == "CAM_FRONT" {
				g.image(t, own, c)
			}
		} else {
			r.Set("filename", file+".pcd.bin")
			r.Set("fileformat", "pcd.bin")
			points := rec.cloud(c.sensor, c.time, lidarPoints, lidarHits)
			try(file+".pcd.bin", lidarBin(points, 32))
			info := fmt.Sprintf("data/%s_INFO/%05d.json", c.sensor.channel, k)
			r.Set("info_filename", info)
			try(info, t4Info(t.token("sensor", c.sensor.channel), c.time, len(points)))
			if c.key {
				try(g.labels(t, rec, points, own))
			}
		}
		t.add("sample_data", r)
		ego := g.World.Ego(c.time)
		t.add("ego_pose", record("token", own, "timestamp", c.time/1000, "rotation", yawQuaternion(ego.Yaw),
			"translation", []float64{ego.X, ego.Y, 41.2}, "twist", []float64{g.World.Speed, 0, 0, 0, 0, g.World.Turn},
			"acceleration", []float64{0, g.World.Speed * g.World.Turn, 0}, "geocoordinate", []float64{35.62, 139.78, 41.2}))
	})
	return failed
}

// labels gives the class of every lidar point of a keyframe.
func (g T4) labels(t *tables, rec *recording, points []point, capture string) (name string, classes []byte) {
	for _, p := range points {
		class := "drivable_surface"
		if p.object >= 0 {
			class = rec.world.Objects[p.object].Class.T4
		}
		classes = append(classes, byte(slices.Index(t4Categories, class)))
	}
	name = "lidarseg/annotation/" + capture + ".bin"
	t.add("lidarseg", record("token", t.token("lidarseg", capture), "sample_data_token", capture, "filename", name))
	return name, classes
}

// image annotates a traffic light and the road in one image, and a person's
// key points.
func (g T4) image(t *tables, capture string, c capture) {
	light := t.token("instance", t4Light)
	first := len(t.rows["object_ann"]) == 0
	if first {
		t.add("instance", record("token", light, "category_token", t.token("category", t4Light), "nbr_annotations", g.Samples,
			"first_annotation_token", "", "last_annotation_token", "", "instance_name", t4Name+"::light"))
		t.add("traffic_light", record("token", t.token("light"), "instance_token", light, "primitive_id", t4Lanelet))
	}
	box := [4]int{70, 10, 78, 30}
	t.add("object_ann", record("token", t.token("object_ann", c.n), "sample_data_token", capture, "instance_token", light,
		"category_token", t.token("category", t4Light), "attribute_tokens", []string{}, "bbox", box[:], "mask", boxMask(box, t4Width, t4Height),
		"orientation", 0.0, "number", literal("null"), "automatic_annotation", false))
	t.add("surface_ann", record("token", t.token("surface_ann", c.n), "sample_data_token", capture,
		"category_token", t.token("category", "drivable_surface"), "mask", boxMask([4]int{0, 60, 160, 90}, t4Width, t4Height),
		"automatic_annotation", false))
	if first {
		t.add("keypoint", record("token", t.token("keypoint"), "sample_data_token", capture, "instance_token", t.token("instance", t4Name, 3),
			"category_tokens", []string{t.token("category", "pedestrian")}, "keypoints", [][]float64{{81.5, 40.25}}, "num_keypoints", 1))
	}
}

// vehicle adds the state of the vehicle at 10 Hz.
func (g T4) vehicle(t *tables, rec *recording) {
	for i, c := range rec.captures[0] {
		t.add("vehicle_state", record("token", t.token("vehicle_state", i), "timestamp", c.time/1000, "accel_pedal", 0.2, "brake_pedal", 0.0,
			"steer_pedal", 0.0, "steering_tire_angle", 0.01, "steering_wheel_angle", 0.16, "shift_state", "FORWARD",
			"indicators", record("left", "off", "right", "off", "hazard", "off"), "additional_info", record("speed", g.World.Speed)))
	}
}

// t4Info says which part of a cloud each scan brought: here one sensor in two
// packets.
func t4Info(sensor string, time int64, points int) []byte {
	stamp := record("sec", time/1e9, "nanosec", time%1e9)
	part := func(begin, length int) *Record {
		return record("sensor_token", sensor, "idx_begin", begin, "length", length, "stamp", stamp)
	}
	return object("stamp", stamp, "num_pts_feats", 5, "sources", []*Record{part(0, points/2), part(points/2, points-points/2)})
}

// boxMask is a filled box (left, top, right, bottom) as run lengths in
// COCO's encoding, column by column.
func boxMask(box [4]int, width, height int) *Record {
	runs := []int{box[0]*height + box[1]}
	for x := box[0]; x < box[2]; x++ {
		runs = append(runs, box[3]-box[1])
		if x+1 < box[2] {
			runs = append(runs, height-box[3]+box[1])
		}
	}
	runs = append(runs, height-box[3]+(width-box[2])*height)
	// A box of full height joins its columns to one run.
	for i := 2; i < len(runs)-1; {
		if runs[i] == 0 {
			runs = slices.Replace(runs, i-1, i+2, runs[i-1]+runs[i+1])
		} else {
			i++
		}
	}
	if runs[len(runs)-1] == 0 {
		runs = runs[:len(runs)-1]
	}
	var text []byte
	for i, v := range runs {
		if i > 2 {
			v -= runs[i-2]
		}
		for more := true; more; {
			digit := v & 0x1f
			v >>= 5
			more = !(v == 0 && digit&0x10 == 0 || v == -1 && digit&0x10 != 0)
			if more {
				digit |= 0x20
			}
			text = append(text, byte(digit)+48)
		}
	}
	return record("size", []int{height, width}, "counts", base64.StdEncoding.EncodeToString(text))
}

func t4Attribute(o *Object, _ int) string {
	switch {
	case o.Class.T4 == "pedestrian":
		return "pedestrian_state.standing"
	case o.Class.T4 == "bicycle":
		return "cycle_state.with_rider"
	case o.Speed == 0:
		return "vehicle_state.parked"
	}
	return "vehicle_state.driving"
}

const t4Map = `<?xml version="1.0" encoding="UTF-8"?>
<osm generator="VMB">
  <MetaInfo format_version="1" map_version="1"/>
  <node id="1" lat="35.62" lon="139.78"><tag k="ele" v="46.2"/></node>
  <node id="2" lat="35.62" lon="139.78001"><tag k="ele" v="46.2"/></node>
  <way id="` + t4Lanelet + `">
    <nd ref="1"/>
    <nd ref="2"/>
    <tag k="type" v="traffic_light"/>
    <tag k="subtype" v="red_yellow_green"/>
  </way>
  <way id="1002">
    <nd ref="1"/>
    <nd ref="2"/>
    <tag k="type" v="line_thin"/>
  </way>
</osm>
`

const t4Cloud = `# .PCD v0.7 - Point Cloud Data file format
VERSION 0.7
FIELDS x y z
SIZE 4 4 4
TYPE F F F
COUNT 1 1 1
WIDTH 2
HEIGHT 1
VIEWPOINT 0 0 0 1 0 0 0
POINTS 2
DATA ascii
0 0 0
1 1 0
`
