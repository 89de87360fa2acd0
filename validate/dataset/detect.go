package dataset

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// An Undetected folder holds no data set that this build reads.
type Undetected struct {
	Root   string   // as the user wrote it
	Seen   []string // what lies in it, for the message; at most 20 names
	Other  string   // a format that is recognised and declined ("Waymo Open Dataset"); "" if none
	Reason string   // what to do about Other
}

// Detection is what Detect found below one folder.
type Detection struct {
	Datasets   []*Dataset
	Undetected *Undetected // set when Datasets is empty
	Nested     []Nested    // data sets one or two levels deeper than expected
	Ambiguous  []Ambiguous // folders that match several formats
}

// Nested says that data set Found lies below the folder that looked like its root.
type Nested struct{ Root, Found string }

// Ambiguous says that one root matches several formats equally well.
type Ambiguous struct {
	Root    string
	Schemas []Schema
}

var (
	dateDir = regexp.MustCompile(`^\d{4}_\d\d_\d\d$`)
	drive   = regexp.MustCompile(`_drive_\d{4}_(sync|extract)$`)
	version = regexp.MustCompile(`^v1\.0`)
)

// Detect finds the data sets below dir by fingerprint (docs/formats.md 16),
// never by the name of a folder alone. The error is about dir itself: that it
// does not exist, is a file, or cannot be read.
func Detect(ctx context.Context, dir string, ignored func(path string, isDir bool) bool) (*Detection, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s is a file, not a folder", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	tree, err := Scan(ctx, root, ignored)
	if err != nil {
		root.Close()
		return nil, err
	}
	det := &Detection{}
	add := func(s Schema, tables string, evidence ...string) {
		det.Datasets = append(det.Datasets, &Dataset{Root: filepath.Clean(dir), Schema: s, Tables: tables, Evidence: evidence, Tree: tree, dir: root})
	}
	if tree.HasFile("annotation/sample_data.json") && tree.HasFile("annotation/calibrated_sensor.json") {
		add(T4, "annotation", "annotation/sample_data.json")
	}
	for _, v := range tree.Subdirs(".") {
		if version.MatchString(v) && tree.HasFile(path.Join(v, "sample_data.json")) {
			add(NuScenes, v, path.Join(v, "sample_data.json"))
		}
	}
	for _, split := range []string{"training", "testing"} {
		n := 0
		for _, d := range []string{"image_2", "velodyne", "calib", "label_2"} {
			if tree.HasDir(path.Join(split, d)) {
				n++
			}
		}
		if n >= 2 && !slices.ContainsFunc(det.Datasets, func(d *Dataset) bool { return d.Schema == KITTIObject }) {
			add(KITTIObject, "", split)
		}
	}
	for _, d := range tree.Subdirs(".") {
		if dateDir.MatchString(d) && (tree.HasFile(path.Join(d, "calib_cam_to_cam.txt")) || slices.ContainsFunc(tree.Subdirs(d), drive.MatchString)) {
			add(KITTIRaw, "", d)
			break
		}
	}
	if len(det.Datasets) == 0 {
		root.Close()
		u := &Undetected{Root: dir}
		for _, e := range tree.Dirs["."] {
			if len(u.Seen) < 20 {
				u.Seen = append(u.Seen, strings.TrimSuffix(e.Name, "/"))
			}
		}
		det.Undetected = u
	}
	return det, nil
}
