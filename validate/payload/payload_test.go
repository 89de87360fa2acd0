package payload_test

import (
	"path/filepath"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/payload"
)

func TestRealKITTI(t *testing.T) {
	root := filepath.Join(shareddata.Dir(t), "kuixu+kitti_object_vis", "data", "object")
	det, err := dataset.Detect(t.Context(), root, nil)
	if err != nil {
		t.Fatal(err)
	}
	ds := det.Datasets[0]
	defer ds.Close()
	g := &gather{}
	err = payload.Read(t.Context(), ds, []payload.Want{
		{Path: "training/image_2/000000.png", Kind: payload.Image},
		{Path: "training/velodyne/000000.bin", Kind: payload.Lidar},
		{Path: "training/velodyne/000001.bin", Kind: payload.Lidar},
		{Path: "training/velodyne/000002.bin", Kind: payload.Lidar}, // not there
	}, 1, g)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.faults) != 0 || len(g.skips) != 1 || len(g.items) != 3 {
		t.Fatalf("faults %v, skips %v, %d items", g.faults, g.skips, len(g.items))
	}
	if i := g.items[0].(*payload.ImageFile); i.Width != 1224 || i.Height != 370 || i.PNG.Color != payload.RGB || i.PNG.BitDepth != 8 {
		t.Errorf("image is %d x %d, %+v", i.Width, i.Height, i.PNG)
	}
	for i, want := range []int64{115384, 120268} {
		if n := g.items[1+i].(*payload.CloudFile).Points; n != want {
			t.Errorf("cloud %d has %d points, want %d", i, n, want)
		}
	}
}
