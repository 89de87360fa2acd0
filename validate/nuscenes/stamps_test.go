package nuscenes

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate/dataset"
)

func TestNamedTime(t *testing.T) {
	for _, c := range []struct {
		schema dataset.Schema
		name   string
		ns     int64
		ok     bool
	}{
		{dataset.NuScenes, "samples/LIDAR_TOP/n015-2018-07-24-11-22-45+0800__LIDAR_TOP__1532402927647951.pcd.bin", 1532402927647951_000, true},
		{dataset.NuScenes, "samples/LIDAR_TOP/n015__LIDAR_TOP__153240292764795.pcd.bin", 0, false},
		{dataset.NuScenes, "samples/LIDAR_TOP/000001.bin", 0, false},
		{dataset.NuScenes, "samples/LIDAR_TOP/n015__LIDAR_TOP__15324029276479xx.pcd.bin", 0, false},
		{dataset.Lyft, "images/host-a101_cam0_1240710385850000006.jpeg", 1556675185850000_006, true},
		{dataset.Lyft, "images/host-a101_cam0_124071038585000000.jpeg", 0, false},
		{dataset.T4, "data/CAM_FRONT/00000.jpg", 0, false},
	} {
		if ns, _, ok := NamedTime(c.schema, c.name); ns != c.ns || ok != c.ok {
			t.Errorf("%s: %d, %v", c.name, ns, ok)
		}
	}
}

// TestRealKeyframe takes the offsets of a real keyframe from its file names.
func TestRealKeyframe(t *testing.T) {
	dir := filepath.Join(shareddata.Dir(t), "open-mmlab+mmdetection3d", "demo", "data", "nuscenes")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	stamps := map[string]int64{}
	for _, e := range entries {
		channel := strings.Split(e.Name(), "__")[1]
		ns, _, ok := NamedTime(dataset.NuScenes, "samples/"+channel+"/"+e.Name())
		if !ok {
			t.Fatalf("%s has no time", e.Name())
		}
		stamps[channel] = ns
	}
	for channel, want := range map[string]int64{
		"CAM_FRONT": -35491000, "CAM_FRONT_RIGHT": -27612000, "CAM_BACK_RIGHT": -20058000,
		"CAM_BACK": -10426000, "CAM_BACK_LEFT": -528000, "CAM_FRONT_LEFT": -43107000,
	} {
		if got := stamps[channel] - stamps["LIDAR_TOP"]; got != want {
			t.Errorf("%s: %d ns after the lidar, want %d", channel, got, want)
		}
	}
}
