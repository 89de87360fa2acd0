package datagen

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// NuScenes makes a data set of nuScenes v1.0: the thirteen tables, keyframes at
// 2 Hz, and the sweeps between them at the real rates. Images and clouds are
// small, and everything about them is true: sizes, intrinsics, counts.
type NuScenes struct {
	Seed     uint64
	Version  string          // folder of the tables; "" is v1.0-mini
	Scenes   []NuScenesScene // nil: scene-0061 with four channels and scene-0655 with two
	Lidarseg bool            // label every keyframe's lidar points, lidarseg and panoptic
	CAN      bool            // add the messages of the vehicle
	Splits   map[string][]string

	logs []nuScenesLog // nil: nuScenesLogs

	tablesAlone bool // leave the payload out
}

// A NuScenesScene is one scene to make.
type NuScenesScene struct {
	Name     string
	Log      int      // position in the list of logs; scenes of one log follow one another
	Channels []string // nil: all twelve
	Samples  int      // 0: 5, which is 2 s
	Interval int64    // ns from keyframe to keyframe; 0: 500 ms
	World    *Scene   // nil: one of its own, at the log's time
	After    int64    // ns from the log's start to the scene, if World is nil; 0: 6 minutes
}

// fourChannels is one sensor of each kind, and a second camera.
var fourChannels = []string{"LIDAR_TOP", "CAM_FRONT", "CAM_BACK", "RADAR_FRONT"}

var (
	baseNuScenes    = cached("nuscenes", NuScenes{Seed: 1}.write)
	baseNuScenesSeg = cached("nuscenes-lidarseg", NuScenes{Seed: 2, Lidarseg: true, Scenes: []NuScenesScene{
		{Name: "scene-0103", Log: 1, Channels: []string{"LIDAR_TOP", "CAM_FRONT"}},
	}}.write)
)

// nuScenesSensors are the twelve channels. Cameras are triggered when the
// lidar sweeps past them, so their keyframes precede its stamp.
var nuScenesSensors = []sensor{
	{"LIDAR_TOP", "lidar", 20, 0, [3]float64{0.943713, 0, 1.84023}, -90},
	{"CAM_FRONT", "camera", 12, -37_000_000, [3]float64{1.70079, 0.0159456, 1.5109}, 0},
	{"CAM_FRONT_RIGHT", "camera", 12, -29_000_000, [3]float64{1.5508, -0.493404, 1.49574}, -55},
	{"CAM_BACK_RIGHT", "camera", 12, -21_500_000, [3]float64{1.0148, -0.480568, 1.56239}, -110},
	{"CAM_BACK", "camera", 12, -12_000_000, [3]float64{0.0283261, 0.00345137, 1.57910}, 180},
	{"CAM_BACK_LEFT", "camera", 12, -2_000_000, [3]float64{1.03569, 0.484795, 1.59097}, 110},
	{"CAM_FRONT_LEFT", "camera", 12, -44_000_000, [3]float64{1.52387, 0.494631, 1.50932}, 55},
	{"RADAR_FRONT", "radar", 13, 0, [3]float64{3.412, 0, 0.5}, 0},
	{"RADAR_FRONT_LEFT", "radar", 13, 0, [3]float64{2.422, 0.8, 0.78}, 90},
	{"RADAR_FRONT_RIGHT", "radar", 13, 0, [3]float64{2.422, -0.8, 0.77}, -90},
	{"RADAR_BACK_LEFT", "radar", 13, 0, [3]float64{-0.562, 0.628, 0.53}, 177},
	{"RADAR_BACK_RIGHT", "radar", 13, 0, [3]float64{-0.562, -0.618, 0.53}, -177},
}

// A nuScenesLog is a drive of the fleet. Map images are as large as the real
// ones: ten pixels a metre.
type nuScenesLog struct {
	logfile, vehicle, location, mapfile string
	width, height                       int // px
}

var nuScenesLogs = []nuScenesLog{
	{"n015-2018-07-24-11-22-45+0800", "n015", "singapore-onenorth", "53992ee3023e5494b90c316c183be829", 15856, 20250},
	{"n008-2018-08-01-15-16-36-0400", "n008", "boston-seaport", "36092f0b03a857c6a3403e25b4b7aab3", 29795, 21181},
}

// start is the time in the log's name, in ns of UTC.
func (l *nuScenesLog) start() int64 {
	t, err := time.Parse("2006-01-02-15-04-05-0700", l.logfile[5:])
	if err != nil {
		panic(err) // the names are above
	}
	return t.UnixNano()
}

const nuScenesWidth, nuScenesHeight = 160, 90

// Write writes the data set into a folder.
func (n NuScenes) Write(root string) error { return n.write(toDisk(root)) }

func (n NuScenes) write(put sink) error {
	if n.Version == "" {
		n.Version = "v1.0-mini"
	}
	if n.Scenes == nil {
		n.Scenes = []NuScenesScene{
			{Name: "scene-0061", Channels: fourChannels},
			{Name: "scene-0655", Log: 1, Channels: fourChannels[:2]},
		}
	}
	if n.logs == nil {
		n.logs = nuScenesLogs
	}
	t := newTables(32, n.Seed)
	names := nuScenesCategories[:23]
	if n.Lidarseg {
		names = nuScenesCategories
	}
	for _, c := range names {
		r := record("token", t.token("category", c.name), "name", c.name, "description", "")
		if n.Lidarseg {
			r.Set("index", c.index)
		}
		t.add("category", r)
	}
	for i, s := range n.Scenes {
		if err := n.scene(put, t, i, s); err != nil {
			return err
		}
	}
	if err := n.maps(put, t); err != nil {
		return err
	}
	t.add("visibility", t.visibilities("v0-40", "v40-60", "v60-80", "v80-100")...)
	err := t.write(func(table string, rows []*Record) error {
		return put(n.Version+"/"+table+".json", formatTable(rows))
	})
	if err != nil {
		return err
	}
	if n.Splits != nil {
		return put(n.Version+"/splits.json", splitsJSON(n.Splits))
	}
	return nil
}

// maps writes the map of every location that was driven, with its logs.
func (n NuScenes) maps(put sink, t *tables) error {
	logs := map[string][]string{} // by map
	for i, l := range n.logs {
		if !slices.ContainsFunc(n.Scenes, func(s NuScenesScene) bool { return s.Log == i }) {
			continue
		}
		file := "maps/" + l.mapfile + ".png"
		t.add("log", record("token", t.token("log", l.logfile), "logfile", l.logfile, "vehicle", l.vehicle,
			"date_captured", l.logfile[5:15], "location", l.location))
		own := t.token("map", l.mapfile)
		if k := slices.IndexFunc(t.rows["map"], where("token", own)); k >= 0 {
			logs[own] = append(logs[own], t.token("log", l.logfile))
			t.rows["map"][k].Set("log_tokens", logs[own])
			continue
		}
		logs[own] = []string{t.token("log", l.logfile)}
		t.add("map", record("category", "semantic_prior", "token", own, "filename", file, "log_tokens", logs[own]))
		if err := put(file, blackPNG(l.width, l.height)); err != nil {
			return err
		}
	}
	return nil
}

func (n NuScenes) scene(put sink, t *tables, i int, s NuScenesScene) error {
	log := &n.logs[s.Log]
	if s.Samples == 0 {
		s.Samples = 5
	}
	if s.Interval == 0 {
		s.Interval = 500_000_000
	}
	if s.World == nil {
		if s.After == 0 {
			s.After = int64(6 * time.Minute)
		}
		s.World = NewScene(n.Seed<<8+uint64(i), log.start()+s.After)
	}
	sensors := slices.DeleteFunc(slices.Clone(nuScenesSensors), func(c sensor) bool {
		return s.Channels != nil && !slices.Contains(s.Channels, c.channel)
	})
	rec := newRecording(s.World, sensors, s.Samples, s.Interval, 1000)
	t.scene(s.Name, t.token("log", log.logfile), rec)
	for _, c := range rec.sensors() {
		matrix := [][]float64{}
		if c.modality == "camera" {
			matrix = intrinsic(nuScenesWidth, nuScenesHeight)
		}
		t.sensor(c)
		t.add("calibrated_sensor", record("token", t.token("calibrated", s.Name, c.channel), "sensor_token", t.token("sensor", c.channel),
			"translation", c.at, "rotation", c.rotation(), "camera_intrinsic", matrix))
	}
	t.annotations(s.Name, rec, func(c Class) string { return c.NuScenes }, nuScenesAttribute)
	files := map[[2]int]string{}
	picture := gradient(nuScenesWidth, nuScenesHeight)
	for ci, captures := range rec.captures {
		for k, c := range captures {
			name := nuScenesFile(log.logfile, c)
			files[[2]int{ci, k}] = name
			if n.tablesAlone {
				continue
			}
			if err := put(name, nuScenesPayload(rec, c, picture, name)); err != nil {
				return err
			}
			if n.Lidarseg && c.key && c.sensor.modality == "lidar" {
				if err := n.labels(put, t, rec, c, t.capture(s.Name, c)); err != nil {
					return err
				}
			}
		}
	}
	t.captures(rec, func(ci, k int, c capture) {
		own, width, height := t.capture(s.Name, c), 0, 0
		if c.sensor.modality == "camera" {
			width, height = nuScenesWidth, nuScenesHeight
		}
		name := files[[2]int{ci, k}]
		format := "pcd"
		if strings.HasSuffix(name, ".jpg") {
			format = "jpg"
		}
		prev, next := t.neighbours(s.Name, rec.captures[ci], k)
		t.add("sample_data", record("token", own, "sample_token", t.token("sample", s.Name, c.sample), "ego_pose_token", own,
			"calibrated_sensor_token", t.token("calibrated", s.Name, c.sensor.channel), "timestamp", c.time/1000,
			"fileformat", format, "is_key_frame", c.key, "height", height, "width", width, "filename", name, "prev", prev, "next", next))
		ego := s.World.Ego(c.time)
		t.add("ego_pose", record("token", own, "timestamp", c.time/1000, "rotation", yawQuaternion(ego.Yaw), "translation", []float64{ego.X, ego.Y, 0}))
	})
	if n.CAN {
		return canBus(put, s.Name, rec)
	}
	return nil
}

func nuScenesFile(logfile string, c capture) string {
	folder, ext := "sweeps", ".jpg"
	if c.key {
		folder = "samples"
	}
	switch c.sensor.modality {
	case "lidar":
		ext = ".pcd.bin"
	case "radar":
		ext = ".pcd"
	}
	return fmt.Sprintf("%s/%s/%s__%s__%d%s", folder, c.sensor.channel, logfile, c.sensor.channel, c.time/1000, ext)
}

const (
	lidarPoints = 64 // a multiple of the 32 rings
	lidarHits   = 6  // on the nearest object
	radarHits   = 2
)

func nuScenesPayload(rec *recording, c capture, picture []byte, name string) []byte {
	switch c.sensor.modality {
	case "lidar":
		return lidarBin(rec.cloud(c.sensor, c.time, lidarPoints, lidarHits), 32)
	case "radar":
		return radarPCD(rec.cloud(c.sensor, c.time, 0, radarHits))
	}
	return withComment(picture, name)
}

// labels writes the class of every point (lidarseg) and class and instance
// (panoptic).
func (n NuScenes) labels(put sink, t *tables, rec *recording, c capture, token string) error {
	const driveable = 24
	var classes []byte
	var panoptic []uint16
	for _, p := range rec.cloud(c.sensor, c.time, lidarPoints, lidarHits) {
		index, instance := driveable, 0
		if p.object >= 0 {
			o := rec.world.Objects[p.object]
			i := slices.IndexFunc(nuScenesCategories, func(c nuScenesCategory) bool { return c.name == o.Class.NuScenes })
			index, instance = nuScenesCategories[i].index, o.ID
		}
		classes = append(classes, byte(index))
		panoptic = append(panoptic, uint16(1000*index+instance))
	}
	archive, err := npz(panoptic)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		table, ext string
		content    []byte
	}{{"lidarseg", "bin", classes}, {"panoptic", "npz", archive}} {
		name := fmt.Sprintf("%s/%s/%s_%s.%s", f.table, n.Version, token, f.table, f.ext)
		t.add(f.table, record("token", token, "sample_data_token", token, "filename", name))
		if err := put(name, f.content); err != nil {
			return err
		}
	}
	return nil
}

// nuScenesAttribute is the state of object o in sample i. Together the objects
// of one scene go through every attribute that their class may have.
func nuScenesAttribute(o *Object, i int) string {
	pick := func(names ...string) string { return names[i/2%len(names)] }
	switch {
	case strings.HasPrefix(o.Class.NuScenes, "human.pedestrian."):
		return pick("pedestrian.moving", "pedestrian.standing", "pedestrian.sitting_lying_down")
	case o.Class.NuScenes == "vehicle.bicycle":
		return pick("cycle.with_rider", "cycle.without_rider")
	case math.Abs(o.Speed) < 0.1:
		return pick("vehicle.parked", "vehicle.stopped")
	}
	return "vehicle.moving"
}

type nuScenesCategory struct {
	index int
	name  string
}

// nuScenesCategories are the 23 classes of boxes, then the others of lidarseg.
var nuScenesCategories = []nuScenesCategory{
	{2, "human.pedestrian.adult"},
	{3, "human.pedestrian.child"},
	{8, "human.pedestrian.wheelchair"},
	{7, "human.pedestrian.stroller"},
	{5, "human.pedestrian.personal_mobility"},
	{6, "human.pedestrian.police_officer"},
	{4, "human.pedestrian.construction_worker"},
	{1, "animal"},
	{17, "vehicle.car"},
	{21, "vehicle.motorcycle"},
	{14, "vehicle.bicycle"},
	{15, "vehicle.bus.bendy"},
	{16, "vehicle.bus.rigid"},
	{23, "vehicle.truck"},
	{18, "vehicle.construction"},
	{19, "vehicle.emergency.ambulance"},
	{20, "vehicle.emergency.police"},
	{22, "vehicle.trailer"},
	{9, "movable_object.barrier"},
	{12, "movable_object.trafficcone"},
	{11, "movable_object.pushable_pullable"},
	{10, "movable_object.debris"},
	{13, "static_object.bicycle_rack"},
	{0, "noise"},
	{24, "flat.driveable_surface"},
	{25, "flat.other"},
	{26, "flat.sidewalk"},
	{27, "flat.terrain"},
	{28, "static.manmade"},
	{29, "static.other"},
	{30, "static.vegetation"},
	{31, "vehicle.ego"},
}
