package dataset_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/validate/dataset"
)

// plant makes a folder from lines "path", "path/" (a folder), "path = content"
// and "path -> target".
func plant(t testing.TB, root string, lines ...string) string {
	t.Helper()
	for _, line := range lines {
		name, target, link := strings.Cut(line, " -> ")
		name, content, _ := strings.Cut(name, " = ")
		p := filepath.Join(root, filepath.FromSlash(name))
		err := os.MkdirAll(filepath.Dir(p), 0o755)
		switch {
		case err != nil:
		case link:
			err = os.Symlink(target, p)
		case strings.HasSuffix(name, "/"):
			err = os.MkdirAll(p, 0o755)
		default:
			err = os.WriteFile(p, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// tables lists a folder of tables whose tokens have n digits.
func tables(dir string, n int, names ...string) []string {
	if names == nil {
		names = []string{"sample", "sample_data", "ego_pose", "calibrated_sensor", "scene", "sensor", "log", "category"}
	}
	var out []string
	for _, name := range names {
		out = append(out, fmt.Sprintf(`%s/%s.json = [{"token": "%s"}]`, dir, name, strings.Repeat("a", n)))
	}
	return out
}

func lines(all ...any) []string {
	var out []string
	for _, a := range all {
		switch a := a.(type) {
		case string:
			out = append(out, a)
		case []string:
			out = append(out, a...)
		}
	}
	return out
}

// under puts lines below a folder.
func under(dir string, in []string) []string {
	out := make([]string, len(in))
	for i, l := range in {
		out[i] = dir + "/" + l
	}
	return out
}

var (
	object   = []string{"training/image_2/000000.png", "training/velodyne/000000.bin", "training/calib/000000.txt", "training/label_2/000000.txt", "testing/image_2/000000.png", "testing/calib/000000.txt"}
	tracking = []string{"training/image_02/0000/000000.png", "training/velodyne/0000/000000.bin", "training/calib/0000.txt", "training/label_02/0000.txt", "training/oxts/0000.txt"}
	odometry = []string{"sequences/00/calib.txt", "sequences/00/times.txt", "sequences/00/velodyne/000000.bin", "poses/00.txt"}
	raw      = []string{"2011_09_26/calib_cam_to_cam.txt", "2011_09_26/2011_09_26_drive_0001_sync/image_00/data/0000000000.png", "2011_09_26/2011_09_26_drive_0001_sync/oxts/data/0000000000.txt", "2011_09_26/2011_09_26_drive_0001_sync/velodyne_points/data/0000000000.bin"}
)

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		want  string // "root schema tables; …"; the folder given is "."
		also  string // "nested: …", "ambiguous: …"
	}{
		{"object", object, ". kitti_v2.1", ""},
		{"object, devkit's names", []string{"training/image_02/000000.png", "training/label_02/000000.txt"}, ". kitti_v2.1", ""},
		{"object in another case", []string{"training/IMAGE_2/000000.PNG", "training/Velodyne/000000.bin"}, ". kitti_v2.1", ""},
		{"object, testing alone", object[4:], ". kitti_v2.1", ""},
		{"object without files", []string{"training/image_2/", "training/velodyne/"}, ". kitti_v2.1", ""},
		{"object with an odd name", append(object[:4:4], "training/image_2/0001.png"), ". kitti_v2.1", ""},
		{"tracking", tracking, ". kitti_tracking", ""},
		{"tracking of one camera", []string{"training/image_02/0000/000000.png", "training/label_02/0000.txt"}, ". kitti_tracking", ""},
		{"object and tracking mixed", lines(object, tracking), ". kitti_v2.1", "ambiguous: . kitti_v2.1 kitti_tracking"},
		{"odometry", odometry, ". kitti_odometry", ""},
		{"semantickitti", lines(odometry, "sequences/00/labels/000000.label"), ". semantickitti", ""},
		{"semantickitti without calibration", []string{"sequences/00/velodyne/000000.bin", "sequences/00/labels/000000.label"}, ". semantickitti", ""},
		{"raw", raw, ". kitti_raw", ""},
		{"raw, calibration alone", raw[:1], ". kitti_raw", ""},
		{"raw, one drive by itself", []string{"image_00/data/", "velodyne_points/data/", "tracklet_labels.xml"}, ". kitti_raw", ""},
		{
			"raw, a folder per archive", lines(under("2011_09_26_calib", raw[:1]), under("2011_09_26_drive_0001_sync", raw[1:])), ". kitti_raw",
			"nested: . < 2011_09_26_calib/2011_09_26; nested: . < 2011_09_26_drive_0001_sync/2011_09_26",
		},
		{"raw, date in date", under("2011_09_26", raw), ". kitti_raw", "nested: . < 2011_09_26/2011_09_26"},
		{"nuscenes", tables("v1.0-mini", 32), ". nuscenes_v1.0 v1.0-mini", ""},
		{"nuscenes under another name", tables("v2-ours", 32), ". nuscenes_v1.0 v2-ours", ""},
		{"nuscenes, tables missing", tables("v1.0-mini", 32, "sample", "scene", "sensor", "log", "category"), ". nuscenes_v1.0 v1.0-mini", ""},
		{"nuscenes, several versions", lines(tables("v1.0-trainval", 32), tables("v1.0-mini", 32)), ". nuscenes_v1.0 v1.0-mini; . nuscenes_v1.0 v1.0-trainval", ""},
		{"nuscenes with long names but short tokens", tables("v1.01-train", 32), ". nuscenes_v1.0 v1.01-train", ""},
		{"lyft", lines(tables("v1.02-train", 64), "images/a.jpeg", "lidar/a.bin"), ". lyft_l5_v1.02 v1.02-train", ""},
		{"lyft under nuScenes' name", tables("v1.0-trainval", 64), ". lyft_l5_v1.02 v1.0-trainval", ""},
		{"lyft, tokens unreadable", []string{"v1.01-train/sample.json = [", "v1.01-train/scene.json", "v1.01-train/log.json", "v1.01-train/sensor.json", "v1.01-train/category.json"}, ". lyft_l5_v1.02 v1.01-train", ""},
		{"lyft nested", under("v1.01-train", tables("v1.01-train", 64)), "v1.01-train lyft_l5_v1.02 v1.01-train", "nested: . < v1.01-train"},
		{"t4", lines(tables("annotation", 32), "data/LIDAR_TOP/0.pcd.bin"), ". t4 annotation", ""},
		{"t4 version", under("3", lines(tables("annotation", 36), "data/LIDAR_TOP/0.pcd.bin")), "3 t4 annotation", ""},
		{"t4 data sets", lines(under("b/0", tables("annotation", 32)), under("a/0", tables("annotation", 32))), "a/0 t4 annotation; b/0 t4 annotation", ""},
		{"nested", under("data/object", object), "data/object kitti_v2.1", "nested: . < data/object"},
		{
			"several", lines(under("kitti/raw", raw), under("kitti/object", object), under("nuscenes", tables("v1.0-mini", 32))),
			"kitti/object kitti_v2.1; kitti/raw kitti_raw; nuscenes nuscenes_v1.0 v1.0-mini", "",
		},
		{"two of one root", lines(raw, object), ". kitti_v2.1; . kitti_raw", ""},
		{"one inside another", lines(object, under("extra/nuscenes", tables("v1.0-mini", 32))), ". kitti_v2.1; extra/nuscenes nuscenes_v1.0 v1.0-mini", ""},
		{"hidden", under(".cache", object), "", ""},
		{"names of folders alone", []string{"training/notes.txt", "sequences/00/notes.txt", "2011_09_26/notes.txt", "v1.0-mini/notes.txt", "annotation/notes.txt"}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := plant(t, t.TempDir(), c.files...)
			det, err := dataset.Detect(t.Context(), root, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer det.Close()
			rel := func(p string) string { r, _ := filepath.Rel(root, p); return filepath.ToSlash(r) }
			var got, also []string
			for _, ds := range det.Datasets {
				got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s %s", rel(ds.Root), ds.Schema, ds.Tables)))
				if len(ds.Evidence) == 0 {
					t.Errorf("%s has no evidence", ds.Root)
				}
			}
			for _, n := range det.Nested {
				also = append(also, fmt.Sprintf("nested: %s < %s", rel(n.Root), rel(n.Found)))
			}
			for _, a := range det.Ambiguous {
				also = append(also, fmt.Sprintf("ambiguous: %s %s %s", rel(a.Root), a.Schemas[0], a.Schemas[1]))
			}
			if g := strings.Join(got, "; "); g != c.want {
				t.Errorf("found %q, want %q", g, c.want)
			}
			if g := strings.Join(also, "; "); g != c.also {
				t.Errorf("noted %q, want %q", g, c.also)
			}
			if (det.Undetected == nil) != (c.want != "") {
				t.Errorf("undetected is %+v", det.Undetected)
			}
		})
	}
}

func TestDetectDeclines(t *testing.T) {
	for _, c := range []struct {
		other string
		files []string
	}{
		{"Waymo Open Dataset (tfrecord)", []string{"training/segment-1.tfrecord"}},
		{"Waymo Open Dataset in the layout of KITTI (mmdetection3d)", []string{"training/image_0/0000000.png", "training/velodyne/0000000.bin", "training/calib/0000000.txt"}},
		{"Argoverse 2", []string{"train/adcf7d18/city_SE3_egovehicle.feather", "train/adcf7d18/annotations.feather"}},
		{"ApolloScape tracking", []string{"label/9048_1/2_frame.txt = 1 0 3 -1.5 2.25 0.5 4.1 1.8 1.6 -0.7\n"}},
		{"KITTI-360", []string{"data_2d_raw/2013_05_28_drive_0000_sync/image_00/data_rect/0000000000.png", "data_3d_raw/2013_05_28_drive_0000_sync/velodyne_points/data/0000000000.bin"}},
		{"L5Kit prediction data (zarr)", []string{"scenes/sample.zarr/.zgroup", "scenes/sample.zarr/frames/.zarray"}},
		{"MCAP recording", []string{"demo.mcap = \x89MCAP0\r\n"}},
		{"OpenLABEL", []string{"0012.json = {\n  \"openlabel\": {\"metadata\": {}}}"}},
		{"ROS 1 bag", []string{"drive.bag = #ROSBAG V2.0\n"}},
		{"ROS 2 bag", []string{"drive/metadata.yaml = rosbag2_bagfile_information:\n  version: 5\n", "drive/drive_0.db3"}},
		{"nuImages", lines(tables("v1.0-mini", 32, "attribute", "calibrated_sensor", "category", "ego_pose", "log", "sample", "sample_data", "sensor", "object_ann", "surface_ann"))},
	} {
		t.Run(c.other, func(t *testing.T) {
			det, err := dataset.Detect(t.Context(), plant(t, t.TempDir(), c.files...), nil)
			if err != nil {
				t.Fatal(err)
			}
			if det.Undetected == nil || det.Undetected.Other != c.other || det.Undetected.Reason == "" {
				t.Errorf("undetected is %+v, data sets %v", det.Undetected, det.Datasets)
			}
		})
	}
}

// A folder inside a data set is declined with the name of the folder to give.
func TestDetectInside(t *testing.T) {
	root := plant(t, t.TempDir(), lines(object, raw, odometry, tables("v1.0-mini", 32))...)
	for _, dir := range []string{"training", "sequences", "v1.0-mini", "2011_09_26", "2011_09_26/2011_09_26_drive_0001_sync"} {
		det, err := dataset.Detect(t.Context(), filepath.Join(root, dir), nil)
		if err != nil {
			t.Fatal(err)
		}
		if det.Undetected == nil || !strings.HasSuffix(det.Undetected.Reason, root) {
			t.Errorf("%s: undetected is %+v, want the hint %s", dir, det.Undetected, root)
		}
		det.Close()
	}
}

func TestDetectPacked(t *testing.T) {
	det, err := dataset.Detect(t.Context(), plant(t, t.TempDir(), "data_object_velodyne.zip"), nil)
	if err != nil || det.Undetected == nil || !strings.Contains(det.Undetected.Reason, "data_object_velodyne.zip") {
		t.Errorf("undetected is %+v, %v", det.Undetected, err)
	}
}

func TestDetectRefuses(t *testing.T) {
	root := plant(t, t.TempDir(), "file.txt = x", "empty/")
	if _, err := dataset.Detect(t.Context(), filepath.Join(root, "file.txt"), nil); err == nil || !strings.Contains(err.Error(), "is a file, not a folder") {
		t.Errorf("a file gives %v", err)
	}
	if _, err := dataset.Detect(t.Context(), filepath.Join(root, "gone"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing folder gives %v", err)
	}
	det, err := dataset.Detect(t.Context(), filepath.Join(root, "empty"), nil)
	if err != nil || det.Undetected == nil || len(det.Undetected.Seen) != 0 {
		t.Errorf("an empty folder gives %+v, %v", det, err)
	}
}

// Every data set sees its own files through its own handle.
func TestDetectRoots(t *testing.T) {
	root := plant(t, t.TempDir(), lines(object, under("nu", tables("v1.0-mini", 32)), under("nu", tables("v1.0-test", 32)), "readme.txt", "nu/samples/a.jpg = jpeg")...)
	det, err := dataset.Detect(t.Context(), root, func(p string, dir bool) bool { return p == "readme.txt" })
	if err != nil {
		t.Fatal(err)
	}
	kitti, mini, test := det.Datasets[0], det.Datasets[1], det.Datasets[2]
	if kitti.Tree.HasDir("nu") || slices.Contains(kitti.Tree.Subdirs("."), "nu") || kitti.Tree.HasFile("readme.txt") || kitti.Tree.Files != len(object) {
		t.Errorf("the outer data set has %v, %d files", kitti.Tree.Subdirs("."), kitti.Tree.Files)
	}
	if mini.Tree != test.Tree || !mini.Tree.HasFile("samples/a.jpg") {
		t.Error("versions of one root do not share their listing")
	}
	if err := mini.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err := test.ReadFile("samples/a.jpg", 100); err != nil || string(b) != "jpeg" {
		t.Errorf("after the other was closed: %q, %v", b, err)
	}
	if _, err := test.Open("../training/calib/000000.txt"); err == nil {
		t.Error("a path leads out of the data set")
	}
	if err := det.Close(); err != nil {
		t.Fatal(err)
	}
}

// FuzzDetect makes a tree of names, contents and links, and looks at it twice:
// the outcome is the same, lies below the folder, and each listed file that is
// no link can be opened.
func FuzzDetect(f *testing.F) {
	f.Add(strings.Join(lines(object, tracking), "\n"))
	f.Add(strings.Join(under("a", raw), "\n"))
	f.Add(strings.Join(tables("v1.0-mini", 32), "\n"))
	f.Add("training/image_2 -> .\ntraining/velodyne -> ../..\nsequences/00 -> 00\nv1.0-mini/sample.json = [{\"token\"")
	f.Fuzz(func(t *testing.T, spec string) {
		root := t.TempDir()
		for i, line := range strings.Split(spec, "\n") {
			name, target, link := strings.Cut(line, " -> ")
			name, content, _ := strings.Cut(name, " = ")
			p := filepath.Join(root, filepath.FromSlash(name))
			if i > 30 || len(name) > 100 || !filepath.IsLocal(name) || throughLink(root, p) {
				continue
			}
			os.MkdirAll(filepath.Dir(p), 0o755) // names that collide or cannot be are left out
			if link {
				os.Symlink(target, p)
			} else if strings.HasSuffix(name, "/") {
				os.MkdirAll(p, 0o755)
			} else {
				os.WriteFile(p, []byte(content), 0o644)
			}
		}
		var first string
		for range 2 {
			det, err := dataset.Detect(t.Context(), root, nil)
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, ds := range det.Datasets {
				fmt.Fprintln(&b, ds.Root, ds.Schema, ds.Tables, ds.Evidence, ds.Tree.Files)
				if rel, err := filepath.Rel(root, ds.Root); err != nil || !filepath.IsLocal(rel) {
					t.Errorf("%s does not lie below %s", ds.Root, root)
				}
				ds.Tree.Walk(func(name string, e dataset.Entry) {
					if e.Type != 0 {
						return
					}
					f, err := ds.Open(name)
					if err != nil {
						t.Errorf("%s: %v", name, err)
						return
					}
					f.Close()
				})
			}
			fmt.Fprintln(&b, det.Undetected, det.Nested, det.Ambiguous)
			if first == "" {
				first = b.String()
			} else if b.String() != first {
				t.Errorf("first %s, then %s", first, b.String())
			}
			if err := det.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// throughLink reports whether a folder on the way to p is a link, behind which
// a test must not write.
func throughLink(root, p string) bool {
	for up := p; up != root; up = filepath.Dir(up) {
		if info, err := os.Lstat(up); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}
