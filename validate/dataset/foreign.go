package dataset

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/lazyre"
)

// undetected says what lies in a folder without data sets: another format, a
// part of a data set whose root lies above, or names.
func (f *finder) undetected(dir string) *Undetected {
	u := &Undetected{Root: dir}
	for _, e := range f.tree.Dirs["."] {
		if len(u.Seen) < 20 {
			u.Seen = append(u.Seen, e.Name)
		}
	}
	if u.Other, u.Reason = f.foreign(); u.Other != "" {
		return u
	}
	if u.Reason = f.inside(dir); u.Reason == "" {
		u.Reason = f.packed()
	}
	return u
}

// inside recognises a folder inside a data set, and names its root.
func (f *finder) inside(dir string) string {
	up := func(n int) string {
		root := filepath.Clean(dir)
		for range n {
			if base := filepath.Base(root); base == "." || base == ".." {
				root = filepath.Join(root, "..")
			} else {
				root = filepath.Dir(root)
			}
		}
		return root
	}
	say := func(what string, n int) string {
		return fmt.Sprintf("this is %s: give the folder that holds it, %s", what, up(n))
	}
	switch {
	case dateDir().MatchString(f.name) && f.date("."):
		return say("a date folder of KITTI raw", 1)
	case driveDir().MatchString(f.name) && dateDir().MatchString(f.parent) && len(f.streams(".")) > 0:
		return say("one drive of KITTI raw", 2)
	case f.countTables(".") >= minTables:
		return say("the folder of the tables", 1)
	case f.tree.HasDir("samples") && f.tree.HasDir("sweeps"):
		return "this looks like nuScenes without its tables: unpack the archive that holds v1.0-*/"
	case f.name == "training" || f.name == "testing":
		if _, ok := f.split("."); ok {
			return say("one part of a KITTI data set", 1)
		}
	case f.name == "sequences":
		if _, ok := f.odometry("."); ok {
			return say("the folder of the sequences", 1)
		}
	}
	return ""
}

// packed recognises a folder of archives that were never unpacked.
func (f *finder) packed() string {
	for _, e := range f.tree.Dirs["."] {
		if !e.Type.IsDir() && Archive(e.Name) {
			return "unpack the archives, such as " + e.Name
		}
	}
	return ""
}

var archive = lazyre.New(`(?i)\.(zip|tgz|tar|tar\.(gz|bz2|xz|zst)|tbz2?|txz|7z|rar)$`)

// Archive reports whether a file is an archive by its name.
func Archive(name string) bool { return archive().MatchString(name) }

func (f *finder) countTables(dir string) int {
	n := 0
	for _, name := range tableNames {
		if f.tree.HasFile(path.Join(dir, name+".json")) {
			n++
		}
	}
	return n
}

// nuImages recognises its tables: they annotate images, without scenes.
func (f *finder) nuImages(dir string) bool {
	return f.tree.HasFile(path.Join(dir, "object_ann.json")) && f.tree.HasFile(path.Join(dir, "sample.json")) &&
		(!f.tree.HasFile(path.Join(dir, "scene.json")) && !f.tree.HasFile(path.Join(dir, "sample_annotation.json")) ||
			bytes.Contains(f.head(path.Join(dir, "sample.json"), headBytes), []byte(`"key_camera_token"`)))
}

// waymo recognises a part of a Waymo data set in the layout of KITTI, as
// mmdetection3d writes it: five cameras from 0, frames of seven digits.
func (f *finder) waymo(dir string) bool {
	if !f.tree.HasDir(path.Join(dir, "image_0")) {
		return false
	}
	for _, sub := range []string{"label_all", "cam_sync_label", "label_0", "timestamp"} {
		if f.tree.HasDir(path.Join(dir, sub)) {
			return true
		}
	}
	for _, sub := range []string{"velodyne", "image_0"} {
		for _, e := range f.tree.Dirs[path.Join(dir, sub)] {
			if stem, _, _ := strings.Cut(e.Name, "."); digits(stem, 7, 7) {
				return true
			}
		}
	}
	return false
}

var kitti360Drive = lazyre.New(`^\d{4}_\d\d_\d\d_drive_\d{4}_sync$`)

// sniffed bounds how many files of unknown kind are opened.
const sniffed = 64

const convert = "convert it to KITTI or nuScenes first"

// foreign names a format that is known and not read, and what to do about it.
func (f *finder) foreign() (name, reason string) {
	opened := 0
	head := func(p string, n int64) []byte {
		if opened++; opened > sniffed {
			return nil
		}
		return f.head(p, n)
	}
	for _, dir := range slices.Sorted(maps.Keys(f.tree.Dirs)) {
		if hidden(dir) {
			continue
		}
		if name, reason = f.foreignFolder(dir); name != "" {
			return name, reason
		}
		for _, e := range f.tree.Dirs[dir] {
			p := path.Join(dir, e.Name)
			if e.Type.IsDir() {
				continue
			}
			switch strings.ToLower(path.Ext(e.Name)) {
			case ".tfrecord":
				return "Waymo Open Dataset (tfrecord)", convert
			case ".mcap":
				if bytes.HasPrefix(head(p, 8), []byte("\x89MCAP0\r\n")) {
					return "MCAP recording", "convert it with tier4_perception_dataset (T4) or another exporter first"
				}
			case ".bag":
				if bytes.HasPrefix(head(p, 13), []byte("#ROSBAG V")) {
					return "ROS 1 bag", convert
				}
			case ".json":
				if openLABEL().Match(head(p, 4096)) {
					return "OpenLABEL", convert
				}
			case ".txt":
				if apolloRow().Match(head(p, 512)) {
					return "ApolloScape tracking", convert
				}
			}
		}
	}
	return "", ""
}

// foreignFolder recognises formats by what lies together in one folder.
func (f *finder) foreignFolder(dir string) (name, reason string) {
	file := func(name string) bool { return f.tree.HasFile(path.Join(dir, name)) }
	folder := func(name string) bool { return f.tree.HasDir(path.Join(dir, name)) }
	base, _ := f.base(dir)
	switch {
	case f.nuImages(dir):
		return "nuImages", "it has no scenes and no lidar; validate the nuScenes data set it was made from"
	case (base == "training" || base == "testing") && f.waymo(dir):
		return "Waymo Open Dataset in the layout of KITTI (mmdetection3d)", "its clouds have 6 columns and its frames 7 digits, so the rules of KITTI do not apply; validate the export to KITTI object"
	case file("city_SE3_egovehicle.feather"), file("annotations.feather") && folder("calibration"), folder("sensors/lidar") && folder("sensors/cameras"):
		return "Argoverse 2", convert
	case file(".zgroup"), file("zarr.json") && folder("frames"):
		return "L5Kit prediction data (zarr)", "it holds no sensor data to validate"
	case file("metadata.yaml") && bytes.Contains(f.head(path.Join(dir, "metadata.yaml"), 4096), []byte("rosbag2_bagfile_information")):
		return "ROS 2 bag", convert
	case folder("data_2d_raw"), folder("data_3d_raw"), folder("data_3d_bboxes"):
		for _, sub := range []string{"data_2d_raw", "data_3d_raw"} {
			for _, d := range f.tree.Subdirs(path.Join(dir, sub)) {
				if kitti360Drive().MatchString(d) {
					return "KITTI-360", "convert it to KITTI raw first"
				}
			}
		}
	}
	return "", ""
}

// openLABEL matches the head of a JSON document whose root key is openlabel.
var openLABEL = lazyre.New(`^(\xef\xbb\xbf)?\s*\{\s*"openlabel"\s*:`)

// apolloRow matches the head of a text with the ten columns of ApolloScape:
// frame, object, type 1 to 6, position, size and heading.
var apolloRow = lazyre.New(`^\d+ \d+ [1-6]( -?\d+(\.\d+)?){7}\s*\n`)
