package datagen

import (
	"bytes"
	"encoding/json"
	"math"
)

// canBus writes the messages of the vehicle during one scene: its pose at
// 50 Hz, its monitor at 2 Hz, and the route that it should take.
func canBus(put sink, scene string, rec *recording) error {
	from, to := rec.samples[0], rec.samples[len(rec.samples)-1]
	w := rec.world
	var poses, monitor [][]byte
	for t := from; t <= to; t += 20_000_000 {
		p := w.Ego(t)
		poses = append(poses, object("accel", []float64{0, w.Speed * w.Turn, 9.81}, "orientation", yawQuaternion(p.Yaw),
			"pos", []float64{p.X, p.Y, 0}, "rotation_rate", []float64{0, 0, w.Turn}, "utime", t/1000, "vel", []float64{w.Speed, 0, 0}))
	}
	for t := from; t <= to; t += 500_000_000 {
		monitor = append(monitor, object("available_distance", 110, "battery_level", 72, "brake", 0, "brake_switch", 1, "gear_position", 7,
			"left_signal", 0, "rear_left_rpm", 240.5, "rear_right_rpm", 240.5, "right_signal", 0, "steering", 2.5, "steering_speed", 0.0,
			"throttle", 120, "utime", t/1000, "vehicle_speed", 3.6*w.Speed, "yaw_rate", w.Turn*180/math.Pi))
	}
	var route [][]byte
	for s := range 20 {
		p := w.Ego(w.Start + int64(s)*1e9)
		b, err := json.Marshal([]float64{p.X, p.Y})
		if err != nil {
			return err
		}
		route = append(route, b)
	}
	meta := object("pose", literal(object("message_count", len(poses), "message_freq", 50.0)),
		"vehicle_monitor", literal(object("message_count", len(monitor), "message_freq", 2.0)))
	for _, f := range []struct {
		message string
		content []byte
	}{
		{"pose", list(poses)}, {"vehicle_monitor", list(monitor)}, {"route", list(route)}, {"meta", meta},
	} {
		if err := put("can_bus/"+scene+"_"+f.message+".json", f.content); err != nil {
			return err
		}
	}
	return nil
}

// object is JSON on one line, as the owner writes what is not a table.
func object(pairs ...any) []byte {
	var b bytes.Buffer
	for i, f := range record(pairs...).fields {
		b.WriteString(map[bool]string{true: "{", false: ", "}[i == 0])
		b.Write(appendString(nil, f.key))
		b.WriteString(": ")
		if err := json.Compact(&b, []byte(f.literal)); err != nil {
			panic(err) // the literal was made here
		}
	}
	return append(b.Bytes(), '}')
}

func list(items [][]byte) []byte {
	return append(append([]byte{'['}, bytes.Join(items, []byte(", "))...), ']')
}

func splitsJSON(splits map[string][]string) []byte {
	b, err := json.MarshalIndent(splits, "", "  ")
	if err != nil {
		panic(err) // strings always marshal
	}
	return append(b, '\n')
}
