package payload_test

import (
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/payload"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

func TestRealKITTI(t *testing.T) {
	root := filepath.Join(shareddata.Dir(t), "kuixu+kitti_object_vis", "data", "object")
	det, err := dataset.Detect(t.Context(), root, nil)
	if err != nil {
		t.Fatal(err)
	}
	ds := det.Datasets[0]
	defer ds.Close()
	g := &ruletest.Emitter{}
	err = payload.Read(t.Context(), ds, []payload.Want{
		{Path: "training/image_2/000000.png", Kind: payload.Image},
		{Path: "training/velodyne/000000.bin", Kind: payload.Lidar},
		{Path: "training/velodyne/000001.bin", Kind: payload.Lidar},
		{Path: "training/velodyne/000002.bin", Kind: payload.Lidar}, // not there
	}, 1, g)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Faults) != 0 || len(g.Skips) != 1 || len(g.Items) != 3 {
		t.Fatalf("faults %v, skips %v, %d items", g.Faults, g.Skips, len(g.Items))
	}
	if i := g.Items[0].(*payload.ImageFile); i.Width != 1224 || i.Height != 370 || i.PNG.Color != payload.RGB || i.PNG.BitDepth != 8 {
		t.Errorf("image is %d x %d, %+v", i.Width, i.Height, i.PNG)
	}
	for i, want := range []int64{115384, 120268} {
		if n := g.Items[1+i].(*payload.CloudFile).Points; n != want {
			t.Errorf("cloud %d has %d points, want %d", i, n, want)
		}
	}
}

// TestRealNuScenes reads a real keyframe of nuScenes: 34688 points of five
// float32, six images of 1600 x 900.
func TestRealNuScenes(t *testing.T) {
	dir := filepath.Join(shareddata.Dir(t), "open-mmlab+mmdetection3d", "demo", "data", "nuscenes")
	ds := folder(t, dir, dataset.NuScenes)
	var wants []payload.Want
	for _, name := range ds.Tree.Names(".", "") {
		w := payload.Want{Path: name, Kind: payload.Image}
		if filepath.Ext(name) == ".bin" {
			w.Kind, w.Columns = payload.Lidar, 5
		}
		wants = append(wants, w)
	}
	g := &ruletest.Emitter{}
	if err := payload.Read(t.Context(), ds, wants, 2, g); err != nil {
		t.Fatal(err)
	}
	if len(g.Items) != 7 || len(g.Faults) != 0 {
		t.Fatalf("%d items, faults %v", len(g.Items), g.Faults)
	}
	for _, item := range g.Items {
		switch f := item.(type) {
		case *payload.ImageFile:
			if f.Width != 1600 || f.Height != 900 || f.JPEG == nil {
				t.Errorf("%s: %d x %d", f.Path, f.Width, f.Height)
			}
		case *payload.CloudFile:
			if f.Points != 34688 {
				t.Errorf("%d points", f.Points)
			}
		}
	}
}

// TestRealPointers finds the five Git-LFS pointers of the raw sample and the
// sizes that they stand for.
func TestRealPointers(t *testing.T) {
	dir := filepath.Join(shareddata.Dir(t), "JarnoRalli+python_camera_library", "test_data", "kitti")
	ds := folder(t, dir, dataset.KITTIRaw)
	var wants []payload.Want
	ds.Tree.Walk(func(name string, _ dataset.Entry) {
		switch filepath.Ext(name) {
		case ".png":
			wants = append(wants, payload.Want{Path: name, Kind: payload.Image})
		case ".bin":
			wants = append(wants, payload.Want{Path: name, Kind: payload.Lidar})
		}
	})
	g := &ruletest.Emitter{}
	if err := payload.Read(t.Context(), ds, wants, 2, g); err != nil {
		t.Fatal(err)
	}
	if len(g.Faults) != 5 || len(g.Items) != 0 || len(g.Skips) != 5 {
		t.Fatalf("faults %v, %d items, skips %v", g.Faults, len(g.Items), g.Skips)
	}
	for _, f := range g.Faults {
		if f.Slug != "lfs-pointer" || f.Expected == "" {
			t.Errorf("fault is %+v", f)
		}
	}
}

// folder makes a data set without detection.
func folder(t testing.TB, dir string, schema dataset.Schema) *dataset.Dataset {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	ds, err := dataset.New(t.Context(), dir, schema, root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ds.Close() })
	return ds
}

// TestRead covers what Read makes of each kind of file, sound or not: an item,
// or one fault and one skip.
func TestRead(t *testing.T) {
	floats := func(n int) []byte { return make([]byte, 4*n) }
	jpeg := encoded(t, toJPEG, image.NewGray(image.Rect(0, 0, 16, 9)))
	for _, c := range []struct {
		name    string
		content []byte
		want    payload.Want
		schema  dataset.Schema
		slug    string // "": an item
	}{
		{"a.png", tinyPNG(9, 9), payload.Want{Kind: payload.Image}, dataset.KITTIObject, ""},
		{"a.PNG", tinyPNG(9, 9), payload.Want{Kind: payload.Image}, dataset.KITTIObject, ""},
		{"a.png", jpeg, payload.Want{Kind: payload.Image}, dataset.KITTIObject, "magic"},
		{"a.png", jpeg, payload.Want{Kind: payload.Image}, dataset.T4, "modality-content"},
		{"a.png", jpeg, payload.Want{Kind: payload.Image}, dataset.Lyft, "magic"},
		{"a.png", tinyPNG(9, 9)[:50], payload.Want{Kind: payload.Image}, dataset.KITTIObject, "png-header"},
		{"a.png", tinyPNG(9, 9)[:50], payload.Want{Kind: payload.MapMask}, dataset.NuScenes, "map-png"},
		{"a.png", []byte("hello, world"), payload.Want{Kind: payload.Image}, dataset.NuScenes, "magic"},
		{"a.tiff", []byte("II*\x00abcdefgh"), payload.Want{Kind: payload.Image}, dataset.KITTIRaw, "magic"},
		{"a.jpeg", jpeg, payload.Want{Kind: payload.Image}, dataset.Lyft, ""},
		{"a.jpg", jpeg[:len(jpeg)-1], payload.Want{Kind: payload.Image}, dataset.NuScenes, "jpeg-truncated"},
		{"a.bin", floats(8), payload.Want{Kind: payload.Lidar}, dataset.KITTIObject, ""},
		{"a.bin", floats(10), payload.Want{Kind: payload.Lidar}, dataset.KITTIObject, "lidar-stride"},
		{"a.bin", floats(10), payload.Want{Kind: payload.Lidar}, dataset.NuScenes, ""},
		{"a.bin", floats(7), payload.Want{Kind: payload.Lidar, Columns: 7}, dataset.T4, ""},
		{"a.bin", nil, payload.Want{Kind: payload.Lidar}, dataset.KITTIObject, "file-empty"},
		{"a.pcd.bin", []byte(radar + string(floats(20))), payload.Want{Kind: payload.Lidar}, dataset.NuScenes, "modality-content"},
		{"a.pcd", []byte(radar + string(floats(20))), payload.Want{Kind: payload.Lidar}, dataset.T4, "modality-content"},
		{"a.pcd", []byte(strings.ReplaceAll(strings.Replace(radar, "rcs", "ring", 1), "dyn_prop", "intensity") + string(floats(20))), payload.Want{Kind: payload.Lidar}, dataset.T4, ""},
		{"a.pcd", []byte(radar + string(floats(20))), payload.Want{Kind: payload.Radar}, dataset.NuScenes, ""},
		{"a.pcd", []byte(radar + string(floats(14))), payload.Want{Kind: payload.Radar}, dataset.NuScenes, "pcd-body"},
		{"a.pcd", []byte(strings.Replace(radar, "binary", "ascii", 1) + "1 2 3\n"), payload.Want{Kind: payload.Radar}, dataset.NuScenes, "pcd-body"},
		{"a.pcd", []byte(strings.Replace(radar, "binary", "binary_compressed", 1) + "\x04\x00\x00\x00\x39\x00\x00\x00abcd"), payload.Want{Kind: payload.Radar}, dataset.NuScenes, ""},
		{"a.pcd", []byte(strings.Replace(radar, "binary", "binary_compressed", 1) + "\x05\x00\x00\x00\x39\x00\x00\x00abcd"), payload.Want{Kind: payload.Radar}, dataset.NuScenes, "pcd-body"},
		{"a.pcd", []byte(strings.Replace(radar, "binary", "binary_compressed", 1) + "\x04\x00\x00\x00\x38\x00\x00\x00abcd"), payload.Want{Kind: payload.Radar}, dataset.NuScenes, "pcd-body"},
		{"a.pcd", []byte(strings.Replace(radar, "POINTS 3", "POINTS x", 1)), payload.Want{Kind: payload.Radar}, dataset.NuScenes, "pcd-header"},
		{"a.mcap", sampleMCAP(), payload.Want{Kind: payload.Bag}, dataset.T4, ""},
		{"a.mcap", sampleMCAP()[:90], payload.Want{Kind: payload.Bag}, dataset.T4, "mcap-container"},
		{"a.mcap", floats(3), payload.Want{Kind: payload.Bag}, dataset.T4, "magic"},
		{"a.bin", []byte("../store/a.bin"), payload.Want{Kind: payload.Lidar}, dataset.KITTIObject, "symlink-broken"},
		{"a.bin", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n"), payload.Want{Kind: payload.Lidar}, dataset.KITTIObject, "lfs-pointer"},
		{"a.bin", []byte("0.5 1.5 2.5 0.1\n"), payload.Want{Kind: payload.Lidar}, dataset.KITTIObject, "magic"},
	} {
		t.Run(c.slug+" "+c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, c.name), c.content, 0o644); err != nil {
				t.Fatal(err)
			}
			c.want.Path = c.name
			g := &ruletest.Emitter{}
			if err := payload.Read(t.Context(), folder(t, dir, c.schema), []payload.Want{c.want}, 1, g); err != nil {
				t.Fatal(err)
			}
			switch {
			case c.slug == "" && (len(g.Items) != 1 || len(g.Faults)+len(g.Skips) != 0):
				t.Errorf("%d items, faults %+v, skips %v", len(g.Items), g.Faults, g.Skips)
			case c.slug != "" && (len(g.Items) != 0 || len(g.Faults) != 1 || len(g.Skips) != 1 || g.Faults[0].Slug != c.slug):
				t.Errorf("%d items, faults %+v, skips %v", len(g.Items), g.Faults, g.Skips)
			}
		})
	}
}

// TestReadLabels compares labels with the points of their cloud, whether or not
// the cloud belongs to the run.
func TestReadLabels(t *testing.T) {
	dir := t.TempDir()
	for name, n := range map[string]int{"a.bin": 5 * 20, "a.label": 5, "b.bin": 3, "b.label": 5, "c.label": 5} {
		if err := os.WriteFile(filepath.Join(dir, name), make([]byte, n), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ds := folder(t, dir, dataset.NuScenes)
	wants := []payload.Want{
		{Path: "a.label", Kind: payload.Labels, Columns: 1, Cloud: "a.bin"},
		{Path: "b.label", Kind: payload.Labels, Columns: 1, Cloud: "b.bin"},
		{Path: "c.label", Kind: payload.Labels, Columns: 1, Cloud: "c.bin"},
		{Path: "a.bin", Kind: payload.Lidar},
		{Path: "b.bin", Kind: payload.Lidar},
	}
	for name, selected := range map[string]func(string) bool{
		"all":          nil,
		"labels alone": func(p string) bool { return strings.HasSuffix(p, ".label") },
	} {
		g := &ruletest.Emitter{Only: selected}
		if err := payload.Read(t.Context(), ds, wants, 2, g); err != nil {
			t.Fatal(err)
		}
		var labels []*payload.LabelFile
		for _, item := range g.Items {
			if l, ok := item.(*payload.LabelFile); ok {
				labels = append(labels, l)
			}
		}
		if len(labels) != 1 || labels[0].Count != 5 || labels[0].CloudPoints != 5 {
			t.Errorf("%s: labels are %v", name, labels)
		}
		slices.Sort(g.Skips)
		want := []string{"lidar-stride on b.bin", "lidar-stride on b.label", "file-missing on c.label"}
		if selected != nil {
			want = []string{"file-missing on b.label", "file-missing on c.label"}
		}
		slices.Sort(want)
		if !slices.Equal(g.Skips, want) {
			t.Errorf("%s: skips are %q, want %q", name, g.Skips, want)
		}
	}
}
