package datagen

import (
	"fmt"
	"path"
)

// A Format is a kind of data set to make.
type Format struct {
	Name    string // "kitti-object"
	Summary string
	// Write makes one from a seed, with so many frames or samples (0: a few),
	// in an empty folder.
	Write func(seed uint64, frames int, root string) error
}

// Formats lists what can be made.
func Formats() []Format {
	return []Format{
		{"kitti-object", "KITTI object detection, with ImageSets and the mapping to raw", func(seed uint64, n int, root string) error {
			return KITTIObject{Seed: seed, Frames: n}.Write(root)
		}},
		{"kitti-tracking", "KITTI tracking", func(seed uint64, n int, root string) error {
			return KITTITracking{Seed: seed, Frames: n}.Write(root)
		}},
		{"kitti-raw", "KITTI raw, two drives of one date", func(seed uint64, n int, root string) error {
			return KITTIRaw{Seed: seed, Frames: n}.Write(root)
		}},
		{"kitti-odometry", "KITTI odometry", func(seed uint64, n int, root string) error {
			return KITTIOdometry{Seed: seed, Frames: n}.Write(root)
		}},
		{"semantickitti", "KITTI odometry with SemanticKITTI's labels", func(seed uint64, n int, root string) error {
			return KITTIOdometry{Seed: seed, Frames: n, Labels: true}.Write(root)
		}},
		{"nuscenes", "nuScenes v1.0 with sweeps", func(seed uint64, n int, root string) error {
			scenes := []NuScenesScene{
				{Name: "scene-0061", Samples: n},
				{Name: "scene-0655", Log: 1, Samples: n},
			}
			return NuScenes{Seed: seed, Scenes: scenes, Lidarseg: true, CAN: true}.Write(root)
		}},
		{"nuscenes-tables", "the tables of nuScenes v1.0-trainval alone, of any size", func(seed uint64, n int, root string) error {
			return NuScenesTables{Seed: seed, Samples: n}.Write(root)
		}},
		{"lyft", "Lyft L5", func(seed uint64, n int, root string) error {
			return Lyft{Seed: seed, Samples: n}.Write(root)
		}},
		{"t4", "Autoware T4 with the optional tables", func(seed uint64, n int, root string) error {
			return T4{Seed: seed, Samples: n}.Write(root)
		}},
		{"pair", "two drives, as KITTI (raw and object) and as nuScenes", func(seed uint64, n int, root string) error {
			return Pair{Seed: seed, Frames: n}.Write(root)
		}},
	}
}

// A Pair is two drives seen by KITTI's rig and by that of nuScenes at the same
// time: ROOT/kitti holds raw and object, ROOT/nuscenes the same seconds.
// KITTI's clock shows local time, two hours ahead of that of nuScenes.
type Pair struct {
	Seed   uint64
	Frames int // of KITTI, for each drive, at least 6; 0: 20
}

// Write writes both data sets into a folder.
func (p Pair) Write(root string) error { return p.write(toDisk(root)) }

func (p Pair) write(put sink) error {
	if p.Frames == 0 {
		p.Frames = 20
	}
	if p.Frames < 6 {
		return fmt.Errorf("a pair needs at least 6 frames, not %d", p.Frames)
	}
	in := func(dir string) sink {
		return func(name string, content []byte) error { return put(path.Join(dir, name), content) }
	}
	if err := (KITTIRaw{Seed: p.Seed, Frames: p.Frames}).write(in("kitti")); err != nil {
		return err
	}
	if err := (KITTIObject{Seed: p.Seed, Frames: p.Frames}).write(in("kitti")); err != nil {
		return err
	}
	n := NuScenes{
		Seed: p.Seed, Lidarseg: true, CAN: true,
		logs: []nuScenesLog{{"n000-2011-09-26-13-02-00+0200", "n000", "karlsruhe", token(32, "karlsruhe"), 4000, 3000}},
	}
	for i, name := range []string{"scene-0061", "scene-0655"} {
		samples := 1 + int(int64(p.Frames-1)*kittiPeriod/500_000_000)
		n.Scenes = append(n.Scenes, NuScenesScene{Name: name, Channels: fourChannels, Samples: samples, World: KITTIScene(p.Seed, i)})
	}
	return n.write(in("nuscenes"))
}
