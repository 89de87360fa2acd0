package dataset_test

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/shareddata"
	"github.com/mmaudit/mmaudit/validate/dataset"
)

// TestDetectShared looks at every folder of the real sample data. Those named
// here have an outcome of their own; of the others, those that hold data sets
// find the same ones, and those that hold none say so.
func TestDetectShared(t *testing.T) {
	dir := shareddata.Dir(t)
	const (
		jarno    = "JarnoRalli+python_camera_library/test_data/kitti"
		kuixu    = "kuixu+kitti_object_vis/data/object"
		mmdet    = "open-mmlab+mmdetection3d/tests/data"
		datumaro = "openvinotoolkit+datumaro/tests/assets/kitti_dataset"
	)
	roots := map[string]dataset.Schema{ // every data set there is
		jarno:                         dataset.KITTIRaw,
		kuixu:                         dataset.KITTIObject,
		mmdet + "/kitti":              dataset.KITTIObject,
		mmdet + "/lyft/v1.01-train":   dataset.Lyft,
		mmdet + "/semantickitti":      dataset.SemanticKITTI,
		datumaro + "/kitti_3d":        dataset.KITTIObject,
		datumaro + "/kitti_detection": dataset.KITTIObject,
		datumaro + "/kitti_raw":       dataset.KITTIRaw,
	}
	// Given by itself, an inner folder of the nested raw data is its own root.
	inner := map[string]bool{jarno + "/2011_09_26_calib": true, jarno + "/2011_09_26_drive_0001_sync": true}
	said := map[string]string{ // what is said of folders without data sets
		jarno + "/2011_09_26_calib/2011_09_26":                                      "date folder",
		jarno + "/2011_09_26_drive_0001_sync/2011_09_26":                            "date folder",
		jarno + "/2011_09_26_drive_0001_sync/2011_09_26/2011_09_26_drive_0001_sync": "one drive",
		kuixu + "/training":                         "one part of a KITTI data set",
		mmdet + "/kitti/training":                   "one part of a KITTI data set",
		datumaro + "/kitti_3d/training":             "one part of a KITTI data set",
		datumaro + "/kitti_detection/training":      "one part of a KITTI data set",
		mmdet + "/lyft/v1.01-train/v1.01-train":     "folder of the tables",
		mmdet + "/semantickitti/sequences":          "folder of the sequences",
		mmdet + "/nuscenes":                         "nuScenes without its tables",
		mmdet + "/waymo":                            "Waymo",
		mmdet + "/waymo/kitti_format":               "Waymo",
		mmdet + "/waymo/kitti_format/training":      "Waymo",
		datumaro + "/kitti_segmentation":            "",
		"open-mmlab+mmdetection3d/demo/data/kitti":  "",
		"city945+SphereFormer/detection/data/kitti": "",
		"xiaoliangabc+devkit_object":                "",
	}
	seen := 0
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		rel = filepath.ToSlash(rel)
		det, err := dataset.Detect(t.Context(), p, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", rel, err)
		}
		defer det.Close()
		if inner[rel] {
			if len(det.Datasets) != 1 || det.Datasets[0].Root != p || det.Datasets[0].Schema != dataset.KITTIRaw {
				t.Errorf("%s: %+v", rel, det)
			}
			return nil
		}
		want := map[string]dataset.Schema{}
		for root, schema := range roots {
			if root == rel || rel == "." || strings.HasPrefix(root, rel+"/") {
				want[root] = schema
			}
		}
		for _, ds := range det.Datasets {
			root, _ := filepath.Rel(dir, ds.Root)
			if root = filepath.ToSlash(root); want[root] != ds.Schema {
				t.Errorf("%s: %s is taken for %s, want %q", rel, root, ds.Schema, want[root])
			}
			delete(want, root)
		}
		if len(want) > 0 {
			t.Errorf("%s: not found: %v", rel, want)
		}
		if text, ok := said[rel]; ok {
			seen++
			if u := det.Undetected; u == nil || !strings.Contains(u.Other+u.Reason, text) || text == "" && u.Other+u.Reason != "" {
				t.Errorf("%s: undetected is %+v, want %q", rel, u, text)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen != len(said) {
		t.Errorf("%d of %d folders were met", seen, len(said))
	}
}

// TestDetectSharedNested holds the key: the date folders of the raw data lie
// one level too deep.
func TestDetectSharedNested(t *testing.T) {
	dir := filepath.Join(shareddata.Dir(t), "JarnoRalli+python_camera_library", "test_data", "kitti")
	det, err := dataset.Detect(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer det.Close()
	if len(det.Nested) != 2 || det.Nested[1].Found != filepath.Join(dir, "2011_09_26_drive_0001_sync", "2011_09_26") {
		t.Errorf("nested is %v", det.Nested)
	}
}
