package kitti

import (
	"path"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
)

// A Split is the training or testing part of an object or tracking data set.
type Split struct {
	Name    string // "training", "testing"
	Folders []SplitFolder
	Frames  *FrameSet // object: its frames; tracking: its sequences
}

// A SplitFolder is a documented folder of a split.
type SplitFolder struct {
	Name     string // as documented: "image_2"
	Path     string // as found, or as it should be: "training/image_2"
	Required bool
	Present  bool
}

// Folder finds a folder by its documented name.
func (s *Split) Folder(name string) *SplitFolder {
	for i := range s.Folders {
		if s.Folders[i].Name == name {
			return &s.Folders[i]
		}
	}
	return nil
}

// splitNames are the parts of the benchmarks.
var splitNames = []string{"training", "testing"}

// listSplit lists one part. Folders that are neither required nor there leave
// no trace in its frames.
func listSplit(t *dataset.Tree, name string, digits int, noun string, specs []frameSpec) *Split {
	s := &Split{Name: name, Frames: &FrameSet{Name: name, Dir: name, Digits: digits, Noun: noun}}
	for _, spec := range specs {
		if name == "testing" && strings.HasPrefix(spec.name, "label_") {
			spec.required = false
		}
		dir, found := findFolder(t, name, spec)
		s.Folders = append(s.Folders, SplitFolder{Name: spec.name, Path: dir, Required: spec.required, Present: found})
		if found || spec.required {
			s.Frames.Folders = append(s.Frames.Folders, listFrames(t, dir, digits, spec))
		}
	}
	return s
}

// findFolder finds a folder under its documented name, its alias, or either
// in another case, of which other rules speak.
func findFolder(t *dataset.Tree, parent string, spec frameSpec) (dir string, found bool) {
	for _, name := range []string{spec.name, spec.alias} {
		if name != "" && t.HasDir(path.Join(parent, name)) {
			return path.Join(parent, name), true
		}
	}
	for _, sub := range t.Subdirs(parent) {
		if strings.EqualFold(sub, spec.name) || spec.alias != "" && strings.EqualFold(sub, spec.alias) {
			return path.Join(parent, sub), true
		}
	}
	return path.Join(parent, spec.name), false
}
