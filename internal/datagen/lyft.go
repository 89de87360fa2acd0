package datagen

import (
	"fmt"
	"strconv"
	"time"
)

// Lyft makes one scene of Lyft L5: nuScenes tables with other habits. Tokens
// have 64 digits, stamps are floats of microseconds, everything is a keyframe
// at 5 Hz, lidar points are not counted, and lidar rows have no size.
type Lyft struct {
	Seed    uint64
	Samples int    // 0: 5
	World   *Scene // nil: one of its own
}

var baseLyft = cached("lyft", Lyft{Seed: 3}.write)

// Cameras look when the sweep passes them, within the 110 ms before its end.
var lyftSensors = []sensor{
	{"LIDAR_TOP", "lidar", 5, 0, [3]float64{1.1970962545449502, 0.0000368, 1.8279670539933053}, 179},
	{"LIDAR_FRONT_LEFT", "lidar", 5, 0, [3]float64{3.47289236509973, 0.941603244416182, 0.5427200389242757}, 90},
	{"CAM_FRONT", "camera", 5, -53_000_000, [3]float64{1.5039405282244198, -0.02676183592864872, 1.6584901808053665}, 0},
	{"CAM_BACK", "camera", 5, -103_000_000, [3]float64{0.8201327486252449, -0.002437920474569259, 1.6531257722973938}, 180},
}

// lyftFiles says how the name of a channel's files begins, and ends.
var lyftFiles = map[string][2]string{
	"LIDAR_TOP":        {"lidar/host-a101_lidar1_", ".bin"},
	"LIDAR_FRONT_LEFT": {"lidar/host-a101_lidar0_", ".bin"},
	"CAM_FRONT":        {"images/host-a101_cam0_", ".jpeg"},
	"CAM_BACK":         {"images/host-a101_cam3_", ".jpeg"},
}

const (
	lyftWidth, lyftHeight = 192, 108
	// gpsEpoch is 1980-01-06 as the file names count from it: leap seconds
	// are left out.
	gpsEpoch = 315964800e9
)

// Write writes the data set into a folder.
func (l Lyft) Write(root string) error { return l.write(toDisk(root)) }

func (l Lyft) write(put sink) error {
	if l.Samples == 0 {
		l.Samples = 5
	}
	if l.World == nil {
		l.World = NewScene(l.Seed, time.Date(2019, 5, 1, 17, 46, 25, 903083166, time.UTC).UnixNano())
	}
	const version, mapfile = "v1.01-train/", "maps/map_raster_palo_alto.png"
	t := newTables(64, l.Seed)
	rec := newRecording(l.World, lyftSensors, l.Samples, 200_000_000, 1)
	name := fmt.Sprintf("host-a101-lidar0-%d-%d", rec.samples[0]-gpsEpoch, rec.samples[len(rec.samples)-1]-gpsEpoch)
	log := t.token("scene", name) // a log has the token of its scene
	for _, c := range []string{"car", "pedestrian", "animal", "other_vehicle", "bus", "motorcycle", "truck", "emergency_vehicle", "bicycle"} {
		t.add("category", record("description", "", "token", t.token("category", c), "name", c))
	}
	t.add("log", record("date_captured", "2019-05-01", "location", "Palo Alto", "token", log, "vehicle", "a101", "logfile", ""))
	t.add("map", record("log_tokens", []string{log}, "token", token(32, mapfile), "filename", mapfile, "category", "semantic_prior"))
	for i, level := range []string{"v0-40", "v40-60", "v60-80", "v80-100"} {
		t.add("visibility", record("level", level, "description", "visibility of whole object: "+level, "token", strconv.Itoa(i+1)))
	}
	t.scene(name, log, rec)
	for i, r := range t.rows["sample"] {
		r.Set("timestamp", lyftTime(rec.samples[i]))
	}
	t.annotations(name, rec, func(c Class) string { return c.Lyft }, lyftAction)
	for _, r := range t.rows["sample_annotation"] {
		r.Set("num_lidar_pts", -1)
		r.Set("num_radar_pts", 0)
		r.Set("visibility_token", "")
		q := r.Floats("rotation")
		r.Set("rotation", []literal{literal(pythonFloat(q[0])), "0", "0", literal(pythonFloat(q[3]))})
	}
	for _, c := range rec.sensors() {
		matrix := [][]float64{}
		if c.modality == "camera" {
			matrix = intrinsic(lyftWidth, lyftHeight)
		}
		t.sensor(c)
		t.add("calibrated_sensor", record("sensor_token", t.token("sensor", c.channel), "rotation", c.rotation(),
			"camera_intrinsic", matrix, "translation", c.at, "token", t.token("calibrated", name, c.channel)))
	}
	picture := gradient(lyftWidth, lyftHeight)
	var failed error
	t.captures(rec, func(ci, k int, c capture) {
		own := t.capture(name, c)
		file := lyftFiles[c.sensor.channel][0] + strconv.FormatInt(c.time-gpsEpoch, 10) + lyftFiles[c.sensor.channel][1]
		prev, next := t.neighbours(name, rec.captures[ci], k)
		r := record("calibrated_sensor_token", t.token("calibrated", name, c.sensor.channel), "token", own,
			"sample_token", t.token("sample", name, c.sample), "is_key_frame", true, "prev", prev, "fileformat", "bin",
			"ego_pose_token", own, "timestamp", lyftTime(c.time), "next", next, "filename", file)
		var content []byte
		if c.sensor.modality == "camera" {
			r.Set("fileformat", "jpeg")
			r.Set("width", lyftWidth)
			r.Set("height", lyftHeight)
			content = withComment(picture, file)
		} else {
			content = lidarBin(rec.cloud(c.sensor, c.time, lidarPoints, lidarHits), 32)
		}
		t.add("sample_data", r)
		// Every pose is that of the sample.
		at := rec.samples[c.sample]
		ego := l.World.Ego(at)
		t.add("ego_pose", record("rotation", yawQuaternion(ego.Yaw), "translation", []float64{ego.X, ego.Y, -18.62},
			"token", own, "timestamp", lyftTime(at)))
		if err := put(file, content); err != nil && failed == nil {
			failed = err
		}
	})
	if failed != nil {
		return failed
	}
	if err := put(mapfile, blackPNG(400, 300)); err != nil {
		return err
	}
	return t.write(func(table string, rows []*Record) error {
		return put(version+table+".json", onOneLine(formatTable(rows)))
	})
}

// lyftTime is a stamp as the nearest float of microseconds: the step of a
// float is a quarter there.
func lyftTime(ns int64) float64 { return float64((ns+125)/250) / 4 }

func lyftAction(o *Object, _ int) string {
	switch {
	case o.Speed == 0:
		return "object_action_parked"
	case o.Class.Lyft == "pedestrian":
		return "object_action_walking"
	}
	return "object_action_driving_straight_forward"
}
