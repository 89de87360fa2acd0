package datagen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
)

// A KITTIObject makes a KITTI object data set: both parts, the lists of
// ImageSets, ground planes, and the mapping to the raw data set of the same
// seed.
type KITTIObject struct {
	Seed    uint64
	Frames  int // of the training part, at least 3; 0: 6
	Testing int // frames of the testing part; 0: 2
}

var (
	baseKITTIObject = cached("kitti-object", KITTIObject{Seed: 1}.write)
	// baseKITTIPair has the raw drives of its object frames beside them.
	baseKITTIPair = cached("kitti-object-raw", baseKITTIPairWrite)
)

func baseKITTIPairWrite(put sink) error {
	return errors.Join(KITTIObject{Seed: 1}.write(put), KITTIRaw{Seed: 1}.write(put))
}

// Write writes the data set into a folder.
func (k KITTIObject) Write(root string) error { return k.write(toDisk(root)) }

func (k KITTIObject) write(put sink) error {
	if k.Frames == 0 {
		k.Frames = 6
	}
	if k.Testing == 0 {
		k.Testing = 2
	}
	scenes := []*Scene{KITTIScene(k.Seed, 0), KITTIScene(k.Seed, 1)}
	rig := newKITTIRig()
	sources := kittiSources(k.Seed, k.Frames)
	for i, s := range sources {
		if err := k.frame(put, rig, scenes[s.Drive], "training", i, s.Frame); err != nil {
			return err
		}
	}
	for i := range k.Testing {
		if err := k.frame(put, rig, scenes[1], "testing", i, k.Frames+i); err != nil {
			return err
		}
	}
	split := kittiTraining(k.Frames)
	for _, set := range []struct {
		name     string
		from, to int
	}{{"train", 0, split}, {"val", split, k.Frames}, {"trainval", 0, k.Frames}, {"test", 0, k.Testing}} {
		var b []byte
		for id := set.from; id < set.to; id++ {
			b = fmt.Appendf(b, "%06d\n", id)
		}
		if err := put("ImageSets/"+set.name+".txt", b); err != nil {
			return err
		}
	}
	return k.mapping(put, sources)
}

// frame writes the files of one frame, which shows what happened at frame raw
// of the scene's drive.
func (k KITTIObject) frame(put sink, rig *kittiRig, s *Scene, part string, id, raw int) error {
	t := kittiTime(s, raw)
	size := picture{kittiWidth, kittiHeight}
	type file struct {
		folder, ext string
		content     []byte
	}
	files := []file{
		{"calib", "txt", rig.objectCalib()},
		{"image_2", "png", colourPNG(size, fmt.Sprintf("seed %d, %s %d left", k.Seed, part, id))},
		{"image_3", "png", colourPNG(size, fmt.Sprintf("seed %d, %s %d right", k.Seed, part, id))},
		{"velodyne", "bin", kittiCloud(s, rig, t)},
	}
	if part == "training" {
		files = append(files, file{"label_2", "txt", kittiLabels(s, rig, t)}, file{"planes", "txt", rig.plane()})
	}
	for _, f := range files {
		if err := put(fmt.Sprintf("%s/%s/%06d.%s", part, f.folder, id, f.ext), f.content); err != nil {
			return err
		}
	}
	return nil
}

// mapping writes the devkit's files: the raw frames in order, and for each
// object frame the line of its own.
func (k KITTIObject) mapping(put sink, sources []kittiSource) error {
	order := make([]int, len(sources))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return 1000000*(sources[a].Drive-sources[b].Drive) + sources[a].Frame - sources[b].Frame
	})
	var lines []byte
	rand := make([]string, len(sources))
	for n, i := range order {
		lines = fmt.Appendf(lines, "%s %s_sync %010d\n", kittiDate, kittiDrive(kittiDrives[sources[i].Drive]), sources[i].Frame)
		rand[i] = fmt.Sprint(n + 1)
	}
	if err := put("mapping/train_mapping.txt", lines); err != nil {
		return err
	}
	return put("mapping/train_rand.txt", []byte(strings.Join(rand, ",")+"\n"))
}

// objectCalib is calib/000000.txt: seven lines and a blank one.
func (r *kittiRig) objectCalib() []byte {
	var b []byte
	for i, p := range r.P {
		b = fmt.Appendf(b, "P%d: %s\n", i, numbers(12, p[:]...))
	}
	b = fmt.Appendf(b, "R0_rect: %s\n", numbers(12, r.RRect[0][:]...))
	b = fmt.Appendf(b, "Tr_velo_to_cam: %s\n", numbers(12, r.VeloToCam[:]...))
	return fmt.Appendf(b, "Tr_imu_to_velo: %s\n\n", numbers(12, r.IMUToVelo[:]...))
}

// plane is planes/000000.txt: the ground below the vehicle.
func (r *kittiRig) plane() []byte {
	a, b, c := r.rect([3]float64{5, 5, -r.Velo[2]}), r.rect([3]float64{30, 0, -r.Velo[2]}), r.rect([3]float64{5, -5, -r.Velo[2]})
	u := [3]float64{b[0] - a[0], b[1] - a[1], b[2] - a[2]}
	v := [3]float64{c[0] - a[0], c[1] - a[1], c[2] - a[2]}
	n := [3]float64{u[1]*v[2] - u[2]*v[1], u[2]*v[0] - u[0]*v[2], u[0]*v[1] - u[1]*v[0]}
	length := math.Sqrt(n[0]*n[0] + n[1]*n[1] + n[2]*n[2])
	if n[1] > 0 {
		length = -length // the normal points up, against y
	}
	for i := range n {
		n[i] /= length
	}
	d := -(n[0]*a[0] + n[1]*a[1] + n[2]*a[2])
	return []byte("# Matrix\nWIDTH 4\nHEIGHT 1\n" + numbers(6, n[0], n[1], n[2], d) + "\n")
}

// A kittiBox is an object as a KITTI label states it.
type kittiBox struct {
	object                   *Object
	left, top, right, bottom float64
	at                       [3]float64 // bottom centre, rectified camera 0
	yaw, alpha, truncated    float64
}

// kittiBoxes gives what the left colour camera sees at time t. An object that
// is behind it, beside the image or nearly so has no label.
func kittiBoxes(s *Scene, rig *kittiRig, t int64) []kittiBox {
	ego := s.Ego(t)
	var out []kittiBox
	for i := range s.Objects {
		o := &s.Objects[i]
		p := o.At(s, t).In(ego)
		velo := [3]float64{p.X - rig.Velo[0], p.Y - rig.Velo[1], -rig.Velo[2]}
		sin, cos := math.Sincos(p.Yaw)
		box := kittiBox{object: o, at: rig.rect(velo)}
		ahead := rig.rect([3]float64{velo[0] + cos, velo[1] + sin, velo[2]})
		box.yaw = math.Atan2(-(ahead[2] - box.at[2]), ahead[0]-box.at[0])
		box.alpha = math.Remainder(box.yaw-math.Atan2(box.at[0], box.at[2]), 2*math.Pi)
		if box.project(rig) && box.truncated < 0.9 && box.bottom-box.top > 5 {
			out = append(out, box)
		}
	}
	return out
}

// project computes the 2D box by projecting the corners of the 3D box with P2
// and clipping to the image. It fails where a corner is not in front.
func (b *kittiBox) project(rig *kittiRig) bool {
	sin, cos := math.Sincos(b.yaw)
	l, t, r, d := math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for corner := range 8 {
		half := func(bit int, size float64) float64 { return size * (float64(corner>>bit&1) - 0.5) }
		dx, dz := half(0, b.object.L), half(1, b.object.W)
		p := rig.P[2].apply([3]float64{
			b.at[0] + cos*dx + sin*dz,
			b.at[1] - float64(corner>>2)*b.object.H,
			b.at[2] - sin*dx + cos*dz,
		})
		if p[2] < 0.5 {
			return false
		}
		x, y := p[0]/p[2], p[1]/p[2]
		l, r, t, d = min(l, x), max(r, x), min(t, y), max(d, y)
	}
	clip := func(v float64, size int) float64 { return max(0, min(v, float64(size-1))) }
	b.left, b.right = clip(l, kittiWidth), clip(r, kittiWidth)
	b.top, b.bottom = clip(t, kittiHeight), clip(d, kittiHeight)
	b.truncated = 1 - (b.right-b.left)*(b.bottom-b.top)/((r-l)*(d-t))
	return true
}

// kittiLabels is label_2/000000.txt: the objects in sight and, last, a region
// that nobody annotated.
func kittiLabels(s *Scene, rig *kittiRig, t int64) []byte {
	var b []byte
	for _, box := range kittiBoxes(s, rig, t) {
		b = fmt.Appendf(b, "%s %.2f 0 %.2f %.2f %.2f %.2f %.2f %.2f %.2f %.2f %.2f %.2f %.2f %.2f\n", box.object.Class.KITTI,
			box.truncated, box.alpha, box.left, box.top, box.right, box.bottom,
			box.object.H, box.object.W, box.object.L, box.at[0], box.at[1], box.at[2], box.yaw)
	}
	x := float64(500 + t/1e6%97)
	return fmt.Appendf(b, "DontCare -1 -1 -10 %.2f %.2f %.2f %.2f -1 -1 -1 -1000 -1000 -1000 -10\n", x, 170.25, x+31.5, 186.5)
}

// kittiCloud is a scan of about 400 points: returns of the objects and of the
// ground, in the scanner's frame, four float32 a point.
func kittiCloud(s *Scene, rig *kittiRig, t int64) []byte {
	ego := s.Ego(t)
	rng := rand.New(rand.NewPCG(s.Seed, uint64(t)))
	var b bytes.Buffer
	add := func(x, y, z float64) {
		reflectance := float32(rng.IntN(100)) / 100
		binary.Write(&b, binary.LittleEndian, [4]float32{float32(x), float32(y), float32(z), reflectance})
	}
	points := 380 + rng.IntN(40)
	for i := range s.Objects {
		o := &s.Objects[i]
		p := o.At(s, t).In(ego)
		sin, cos := math.Sincos(p.Yaw)
		for range 20 {
			u, v, w := 0.9*(rng.Float64()-0.5)*o.L, 0.9*(rng.Float64()-0.5)*o.W, (0.05+0.9*rng.Float64())*o.H
			add(p.X-rig.Velo[0]+u*cos-v*sin, p.Y-rig.Velo[1]+u*sin+v*cos, w-rig.Velo[2])
		}
	}
	for range points - 20*len(s.Objects) {
		sin, cos := math.Sincos(2 * math.Pi * rng.Float64())
		far := 4 + 46*rng.Float64()*rng.Float64()
		add(far*cos, far*sin, -rig.Velo[2]+0.04*(rng.Float64()-0.5))
	}
	return b.Bytes()
}
