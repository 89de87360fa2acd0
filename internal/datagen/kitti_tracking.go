package datagen

import "fmt"

// A KITTITracking makes a KITTI tracking data set: two training sequences and
// one for testing.
type KITTITracking struct {
	Seed   uint64
	Frames int // of each sequence; 0: 3
}

var baseKITTITracking = cached("kitti-tracking", KITTITracking{Seed: 1}.write)

// Write writes the data set into a folder.
func (k KITTITracking) Write(root string) error { return k.write(toDisk(root)) }

func (k KITTITracking) write(put sink) error {
	if k.Frames == 0 {
		k.Frames = 3
	}
	for i, part := range []string{"training", "training", "testing"} {
		if err := k.sequence(put, part, i%2, KITTIScene(k.Seed, i)); err != nil {
			return err
		}
	}
	return nil
}

func (k KITTITracking) sequence(put sink, part string, number int, s *Scene) error {
	rig := newKITTIRig()
	size := picture{kittiWidth, kittiHeight}
	var labels, oxts []byte
	for i := range k.Frames {
		t := kittiTime(s, i)
		for _, camera := range []string{"image_02", "image_03"} {
			note := fmt.Sprintf("seed %d, %s %s %d %d", k.Seed, part, camera, number, i)
			if err := put(fmt.Sprintf("%s/%s/%04d/%06d.png", part, camera, number, i), colourPNG(size, note)); err != nil {
				return err
			}
		}
		if err := put(fmt.Sprintf("%s/velodyne/%04d/%06d.bin", part, number, i), kittiCloud(s, rig, t)); err != nil {
			return err
		}
		labels = append(labels, kittiTrackRows(s, rig, t, i)...)
		oxts = append(oxts, kittiOxts(s, t)...)
	}
	if part == "training" {
		if err := put(fmt.Sprintf("%s/label_02/%04d.txt", part, number), labels); err != nil {
			return err
		}
	}
	if err := put(fmt.Sprintf("%s/oxts/%04d.txt", part, number), oxts); err != nil {
		return err
	}
	return put(fmt.Sprintf("%s/calib/%04d.txt", part, number), rig.trackingCalib())
}

// kittiTrackRows is what the rows of one frame say. Regions without
// annotations have the values that the owner writes, in the owner's order.
func kittiTrackRows(s *Scene, rig *kittiRig, t int64, frame int) []byte {
	b := fmt.Appendf(nil, "%d -1 DontCare -1 -1 -10.000000 510.250000 170.500000 541.750000 186.250000 -1000.000000 -1000.000000 -1000.000000 -10.000000 -1.000000 -1.000000 -1.000000\n", frame)
	for _, box := range kittiBoxes(s, rig, t) {
		truncated := 0
		if box.truncated > 0.01 {
			truncated = 1
		}
		b = fmt.Appendf(b, "%d %d %s %d 0 %f %f %f %f %f %f %f %f %f %f %f %f\n", frame, box.object.ID, box.object.Class.KITTI,
			truncated, box.alpha, box.left, box.top, box.right, box.bottom,
			box.object.H, box.object.W, box.object.L, box.at[0], box.at[1], box.at[2], box.yaw)
	}
	return b
}

// trackingCalib is calib/0000.txt. Three of its keys have no colon.
func (r *kittiRig) trackingCalib() []byte {
	var b []byte
	for i, p := range r.P {
		b = fmt.Appendf(b, "P%d: %s\n", i, numbers(12, p[:]...))
	}
	b = fmt.Appendf(b, "R_rect %s\n", numbers(12, r.RRect[0][:]...))
	b = fmt.Appendf(b, "Tr_velo_cam %s\n", numbers(12, r.VeloToCam[:]...))
	return fmt.Appendf(b, "Tr_imu_velo %s\n\n", numbers(12, r.IMUToVelo[:]...))
}
