package datagen

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// A KITTIRaw makes a KITTI raw data set: one date with its calibration and the
// synchronised drives from which KITTIObject of the same seed takes its frames.
// Stamps have full nanoseconds in every stream. (The owner's cameras show
// multiples of 256 ns, which a rule remarks upon.)
type KITTIRaw struct {
	Seed   uint64
	Frames int // of each drive; 0: 10
	Drives int // 1 or 2; 0: 2
}

var baseKITTIRaw = cached("kitti-raw", KITTIRaw{Seed: 1, Drives: 1}.write)

// Write writes the data set into a folder.
func (k KITTIRaw) Write(root string) error { return k.write(toDisk(root)) }

func (k KITTIRaw) write(put sink) error {
	if k.Frames == 0 {
		k.Frames = 10
	}
	if k.Drives == 0 {
		k.Drives = len(kittiDrives)
	}
	rig := newKITTIRig()
	for name, content := range map[string][]byte{
		"calib_cam_to_cam.txt":  rig.camToCam(),
		"calib_velo_to_cam.txt": rigid(rig.VeloToCam, "delta_f: 0.000000e+00 0.000000e+00\ndelta_c: 0.000000e+00 0.000000e+00\n"),
		"calib_imu_to_velo.txt": rigid(rig.IMUToVelo, ""),
	} {
		if err := put(kittiDate+"/"+name, content); err != nil {
			return err
		}
	}
	for i := range k.Drives {
		if err := k.drive(put, rig, kittiDrives[i], KITTIScene(k.Seed, i)); err != nil {
			return err
		}
	}
	return nil
}

// A kittiClock gives the stamps of one drive, in ns of the wall clock.
type kittiClock struct {
	s     *Scene
	noise *rand.Rand
}

// kittiCameras are the cameras with their delay against image_00, ns.
var kittiCameras = []struct {
	name  string
	delay int64
	grey  bool
}{
	{"image_00", 0, true},
	{"image_01", 512, true},
	{"image_02", -6_138_368, false},
	{"image_03", -6_744_576, false},
}

// scan gives the beginning of turn i, its stamp and its end. Turns follow one
// another within 1435 ns; the stamp is the middle, 16.66 ms before image_00.
func (c *kittiClock) scan(i int) (start, mid, end int64) {
	start = kittiTime(c.s, i) + kittiZone - 16_657_292 - kittiPeriod/2 + int64(i*977%613)
	next := kittiTime(c.s, i+1) + kittiZone - 16_657_292 - kittiPeriod/2 + int64((i+1)*977%613)
	end = next - int64(i*31%822)
	return start, start + (end-start)/2, end
}

func (k KITTIRaw) drive(put sink, rig *kittiRig, number int, s *Scene) error {
	dir := fmt.Sprintf("%s/%s_sync", kittiDate, kittiDrive(number))
	clock := &kittiClock{s, rand.New(rand.NewPCG(k.Seed, uint64(number)))}
	size := picture{kittiWidth, kittiHeight}
	stamps := map[string][]byte{}
	stamp := func(file string, ns int64) {
		stamps[file] = append(stamps[file], time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05.000000000\n")...)
	}
	for i := range k.Frames {
		t := kittiTime(s, i)
		for _, camera := range kittiCameras {
			note := fmt.Sprintf("seed %d, drive %d %s %d", k.Seed, number, camera.name, i)
			content := colourPNG(size, note)
			if camera.grey {
				content = greyPNG(size, note)
			}
			if err := put(fmt.Sprintf("%s/%s/data/%010d.png", dir, camera.name, i), content); err != nil {
				return err
			}
			stamp(camera.name+"/timestamps.txt", t+kittiZone+camera.delay+clock.noise.Int64N(900))
		}
		// The unit runs at 100 Hz; the reading nearest to image_00 is kept.
		reading := (t+5_000_000)/10_000_000*10_000_000 + 324_001 + clock.noise.Int64N(900)
		if err := put(fmt.Sprintf("%s/oxts/data/%010d.txt", dir, i), kittiOxts(s, reading)); err != nil {
			return err
		}
		stamp("oxts/timestamps.txt", reading+kittiZone)
		if err := put(fmt.Sprintf("%s/velodyne_points/data/%010d.bin", dir, i), kittiCloud(s, rig, t)); err != nil {
			return err
		}
		start, mid, end := clock.scan(i)
		stamp("velodyne_points/timestamps_start.txt", start)
		stamp("velodyne_points/timestamps.txt", mid)
		stamp("velodyne_points/timestamps_end.txt", end)
	}
	for file, content := range stamps {
		if err := put(dir+"/"+file, content); err != nil {
			return err
		}
	}
	if err := put(dir+"/oxts/dataformat.txt", []byte(oxtsFormat)); err != nil {
		return err
	}
	return put(dir+"/tracklet_labels.xml", k.tracklets(s, rig))
}

// kittiOxts is what the GPS/IMU unit says at time t: 30 values.
func kittiOxts(s *Scene, t int64) []byte {
	p := s.Ego(t)
	lat := 49.011 + (p.Y-s.Origin[1])/111_320
	lon := 8.4165 + (p.X-s.Origin[0])/(111_320*math.Cos(49.011*math.Pi/180))
	sin, cos := math.Sincos(p.Yaw)
	side := s.Speed * s.Turn // centripetal acceleration, m/s2
	return fmt.Appendf(nil, "%.13f %.13f %.12f %.6f %.6f %.13f %.12f %.12f %.12f %.12f %.12f %.12f %.12f %.12f %.12f %.12f %.12f %.12f %.12f %.12f %.12f %.12f %.12f %.12f %.12f 4 11 6 6 6\n",
		lat, lon, 116.43, 0.0357, 0.00903, math.Remainder(p.Yaw, 2*math.Pi),
		s.Speed*sin, s.Speed*cos, s.Speed, 0.0, 0.0, // vn ve vf vl vu
		0.0, side, 9.81, 0.0, side, 9.81, // ax ay az, af al au
		0.0, 0.0, s.Turn, 0.0, 0.0, s.Turn, // wx wy wz, wf wl wu
		0.0277, 0.0127)
}

// tracklets is tracklet_labels.xml: every object in every frame, in the
// scanner's coordinates.
func (k KITTIRaw) tracklets(s *Scene, rig *kittiRig) []byte {
	b := []byte(`<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>
<!DOCTYPE boost_serialization>
<boost_serialization signature="serialization::archive" version="9">
<tracklets class_id="0" tracking_level="0" version="0">
`)
	b = fmt.Appendf(b, "\t<count>%d</count>\n\t<item_version>1</item_version>\n", len(s.Objects))
	for i := range s.Objects {
		o := &s.Objects[i]
		open := "<item>"
		if i == 0 { // boost describes a class where it first occurs
			open = `<item class_id="1" tracking_level="0" version="1">`
		}
		b = fmt.Appendf(b, "\t%s\n\t\t<objectType>%s</objectType>\n\t\t<h>%.6f</h>\n\t\t<w>%.6f</w>\n\t\t<l>%.6f</l>\n\t\t<first_frame>0</first_frame>\n", open, o.Class.KITTI, o.H, o.W, o.L)
		open, pose := "<poses>", "<item>"
		if i == 0 {
			open, pose = `<poses class_id="2" tracking_level="0" version="0">`, `<item class_id="3" tracking_level="0" version="2">`
		}
		b = fmt.Appendf(b, "\t\t%s\n\t\t\t<count>%d</count>\n\t\t\t<item_version>2</item_version>\n", open, k.Frames)
		for f := range k.Frames {
			if f > 0 {
				pose = "<item>"
			}
			t := kittiTime(s, f)
			p := o.At(s, t).In(s.Ego(t))
			b = fmt.Appendf(b, "\t\t\t%s\n\t\t\t\t<tx>%.6f</tx>\n\t\t\t\t<ty>%.6f</ty>\n\t\t\t\t<tz>%.6f</tz>\n\t\t\t\t<rx>0</rx>\n\t\t\t\t<ry>0</ry>\n\t\t\t\t<rz>%.6f</rz>\n",
				pose, p.X-rig.Velo[0], p.Y-rig.Velo[1], -rig.Velo[2], p.Yaw)
			b = append(b, "\t\t\t\t<state>2</state>\n\t\t\t\t<occlusion>0</occlusion>\n\t\t\t\t<occlusion_kf>1</occlusion_kf>\n\t\t\t\t<truncation>0</truncation>\n"+
				"\t\t\t\t<amt_occlusion>0</amt_occlusion>\n\t\t\t\t<amt_occlusion_kf>-1</amt_occlusion_kf>\n\t\t\t\t<amt_border_l>-1</amt_border_l>\n\t\t\t\t<amt_border_r>-1</amt_border_r>\n\t\t\t\t<amt_border_kf>-1</amt_border_kf>\n\t\t\t</item>\n"...)
		}
		b = append(b, "\t\t</poses>\n\t\t<finished>1</finished>\n\t</item>\n"...)
	}
	return append(b, "</tracklets>\n</boost_serialization>\n"...)
}

// camToCam is calib_cam_to_cam.txt. The unrectified images are larger.
func (r *kittiRig) camToCam() []byte {
	b := []byte("calib_time: 09-Jan-2012 13:57:47\ncorner_dist: 9.950000e-02\n")
	for i := range 4 {
		line := func(key string, values ...float64) {
			b = fmt.Appendf(b, "%s_%02d: %s\n", key, i, numbers(6, values...))
		}
		turn := rotation(0.002*float64(i), -0.001*float64(i), 0.003*float64(i))
		line("S", 1392, 512)
		line("K", 9.842439e+02, 0, 6.9e+02, 0, 9.808141e+02, 2.331966e+02, 0, 0, 1)
		line("D", -3.728755e-01, 2.037299e-01, 2.219027e-03, 1.383707e-03, -7.233722e-02)
		line("R", turn[:]...)
		line("T", digits7(r.P[i][3]/r.Focal), 0, 0)
		line("S_rect", kittiWidth, kittiHeight)
		line("R_rect", r.RRect[i][:]...)
		line("P_rect", r.P[i][:]...)
	}
	return b
}

// rigid is calib_velo_to_cam.txt or calib_imu_to_velo.txt.
func rigid(m mat34, rest string) []byte {
	return fmt.Appendf(nil, "calib_time: 15-Mar-2012 11:37:16\nR: %s\nT: %s\n%s",
		numbers(6, m[0], m[1], m[2], m[4], m[5], m[6], m[8], m[9], m[10]), numbers(6, m[3], m[7], m[11]), rest)
}

// oxtsFormat is dataformat.txt, whose 14th line the owner's release misnames.
const oxtsFormat = `lat:           latitude of the oxts-unit (deg)
lon:           longitude of the oxts-unit (deg)
alt:           altitude of the oxts-unit (m)
roll:          roll angle (rad), 0 = level, positive = left side up
pitch:         pitch angle (rad), 0 = level, positive = front down
yaw:           heading (rad), 0 = east, positive = counter clockwise
vn:            velocity towards north (m/s)
ve:            velocity towards east (m/s)
vf:            forward velocity (m/s)
vl:            leftward velocity (m/s)
vu:            upward velocity (m/s)
ax:            acceleration in x (m/s^2)
ay:            acceleration in y (m/s^2)
az:            acceleration in z (m/s^2)
af:            forward acceleration (m/s^2)
al:            leftward acceleration (m/s^2)
au:            upward acceleration (m/s^2)
wx:            angular rate around x (rad/s)
wy:            angular rate around y (rad/s)
wz:            angular rate around z (rad/s)
wf:            angular rate around the forward axis (rad/s)
wl:            angular rate around the leftward axis (rad/s)
wu:            angular rate around the upward axis (rad/s)
pos_accuracy:  position accuracy (north and east, m)
vel_accuracy:  velocity accuracy (north and east, m/s)
navstat:       navigation status
numsats:       number of satellites tracked by the primary receiver
posmode:       position mode of the primary receiver
velmode:       velocity mode of the primary receiver
orimode:       orientation mode of the primary receiver
`
