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
		{dataset.NuScenes, "samples/LIDAR_TOP/n015__LIDAR_TOP__15324029276479512.pcd.bin", 0, false},
		{dataset.NuScenes, "samples/LIDAR_TOP/n015__LIDAR_TOP__1532402927647951.2.bin", 1532402927647951_000, true},
		{dataset.NuScenes, "samples/LIDAR_TOP/n015__LIDAR_TOP__x1532402927647951.bin", 0, false},
		{dataset.NuScenes, "samples/LIDAR_TOP/n015__LIDAR_TOP__1532402927647951xx.bin", 0, false},
		{dataset.NuScenes, "samples/LIDAR_TOP/n015__LIDAR_TOP__1532402927647951", 1532402927647951_000, true},
		{dataset.NuScenes, "samples/LIDAR_TOP/n015__LIDAR_TOP__0000000000000000.1532402927647951.bin", 0, true},
		{dataset.NuScenes, "samples/LIDAR_TOP/000001.bin", 0, false},
		{dataset.NuScenes, "samples/LIDAR_TOP/n015__LIDAR_TOP__15324029276479xx.pcd.bin", 0, false},
		{dataset.Lyft, "images/host-a101_cam0_1240710385850000006.jpeg", 1556675185850000_006, true},
		{dataset.Lyft, "images/host-a101_cam0_124071038585000000.jpeg", 0, false},
		{dataset.T4, "data/CAM_FRONT/00000.jpg", 0, false},
	} {
		if ns, _, ok := NamedTime(c.schema, c.name); ns != c.ns || ok != c.ok {
			t.Errorf("%s: %d, %v", c.name, ns, ok)
		}
		// As a Name, of which shapes are kept and not paths, it says the same.
		tables := &Tables{Dataset: &dataset.Dataset{Schema: c.schema}}
		n := tables.name(c.name)
		if ns, _, ok := tables.NamedTime(n); ns != c.ns || ok != c.ok || tables.Name(n) != c.name {
			t.Errorf("%s: as a name %q: %d, %v", c.name, tables.Name(n), ns, ok)
		}
	}
}

// TestNextNameIsPlain: a name that was written with escapes is not known again by
// its bytes, which would mean another name.
func TestNextNameIsPlain(t *testing.T) {
	for head, plain := range map[string]bool{"samples/a__b__": true, "samples\\b__b__": false, "samples\"__b__": false, "sämples__b__": false} {
		m := newNamer(&Tables{Dataset: &dataset.Dataset{Schema: dataset.NuScenes}})
		first := m.name([]byte(head + "1532402927647951.jpg"))
		m.name([]byte(head + "1532402927647952.jpg")) // so that one has followed the other
		var n Name
		quoted := `"` + head + `1532402927647951.jpg"`
		if k := m.next([]byte(quoted+","), &n); (k == len(quoted)) != plain || k != 0 && n != first {
			t.Errorf("%s: %d bytes, %+v", quoted, k, n)
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
