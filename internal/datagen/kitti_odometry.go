package datagen

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// A KITTIOdometry makes a KITTI odometry data set: sequence 03, which has poses
// and is of kittiDate, and sequence 11, which has neither poses nor a place in
// raw. With Labels it is a SemanticKITTI data set.
type KITTIOdometry struct {
	Seed   uint64
	Frames int // of each sequence; 0: 5
	Labels bool
}

var (
	baseKITTIOdometry = cached("kitti-odometry", KITTIOdometry{Seed: 1}.write)
	baseSemanticKITTI = cached("semantickitti", KITTIOdometry{Seed: 2, Labels: true}.write)
)

// Write writes the data set into a folder.
func (k KITTIOdometry) Write(root string) error { return k.write(toDisk(root)) }

func (k KITTIOdometry) write(put sink) error {
	if k.Frames == 0 {
		k.Frames = 5
	}
	for i, name := range []string{"03", "11"} {
		if err := k.sequence(put, name, KITTIScene(k.Seed, i)); err != nil {
			return err
		}
	}
	return nil
}

func (k KITTIOdometry) sequence(put sink, name string, s *Scene) error {
	rig := newKITTIRig()
	dir := "sequences/" + name
	published := name <= "10" // with poses
	size := picture{kittiWidth, kittiHeight}
	var times, poses []byte
	for i := range k.Frames {
		t := kittiTime(s, i)
		times = fmt.Appendf(times, "%.6e\n", float64(t-s.Start)/1e9)
		poses = append(poses, numbers(6, kittiPose(s, t)...)+"\n"...)
		cloud := kittiCloud(s, rig, t)
		files := map[string][]byte{fmt.Sprintf("velodyne/%06d.bin", i): cloud}
		for camera := range 4 {
			note := fmt.Sprintf("seed %d, sequence %s image_%d %d", k.Seed, name, camera, i)
			content := greyPNG(size, note)
			if camera >= 2 {
				content = colourPNG(size, note)
			}
			files[fmt.Sprintf("image_%d/%06d.png", camera, i)] = content
		}
		if k.Labels && published {
			files[fmt.Sprintf("labels/%06d.label", i)] = kittiPointLabels(s, cloud)
		}
		for file, content := range files {
			if err := put(dir+"/"+file, content); err != nil {
				return err
			}
		}
	}
	if err := put(dir+"/times.txt", times); err != nil {
		return err
	}
	if err := put(dir+"/calib.txt", rig.odometryCalib()); err != nil {
		return err
	}
	if !published {
		return nil
	}
	if k.Labels {
		return put(dir+"/poses.txt", poses)
	}
	return put("poses/"+name+".txt", poses)
}

// kittiPose is the pose of camera 0 at t in its frame at the start, as a 3x4
// matrix: x right, y down, z forward. The ground is flat.
func kittiPose(s *Scene, t int64) []float64 {
	p := s.Ego(t).In(s.Ego(s.Start))
	sin, cos := math.Sincos(-p.Yaw) // a turn to the left is negative about y
	return []float64{
		cos, 0, sin, -p.Y,
		0, 1, 0, 0,
		-sin, 0, cos, p.X,
	}
}

// odometryCalib is calib.txt of a sequence.
func (r *kittiRig) odometryCalib() []byte {
	var b []byte
	for i, p := range r.P {
		b = fmt.Appendf(b, "P%d: %s\n", i, numbers(12, p[:]...))
	}
	return fmt.Appendf(b, "Tr: %s\n", numbers(12, r.VeloToCam[:]...))
}

// kittiPointLabels labels the points of a scan made by kittiCloud: first 20 of
// each object, then the road. The low 16 bits are the class, the high ones the
// instance.
func kittiPointLabels(s *Scene, cloud []byte) []byte {
	class := map[string]uint32{"Car": 10, "Pedestrian": 30, "Truck": 18, "Cyclist": 31}
	var b []byte
	for i := range len(cloud) / 16 {
		label := uint32(40)
		if o := i / 20; o < len(s.Objects) {
			label = class[s.Objects[o].Class.KITTI] | uint32(s.Objects[o].ID)<<16
		}
		b = binary.LittleEndian.AppendUint32(b, label)
	}
	return slices.Clip(b)
}
