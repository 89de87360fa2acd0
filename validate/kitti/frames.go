package kitti

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
)

// A FrameSet is what the folders of one split, sequence or drive hold of the
// frames that belong together by number.
type FrameSet struct {
	Name    string // "training", "training/0001", "sequences/00"
	Dir     string // relative to the data set's root
	Digits  int    // of a frame's id
	Noun    string // what the numbers count: "frame", or "sequence" for the top level of tracking
	Folders []FrameFolder
	Absent  []int // frames that the data set itself declares missing, sorted
}

// A FrameFolder is one folder of a FrameSet.
type FrameFolder struct {
	Channel  string      // "image_2": the documented name of the folder
	Path     string      // relative to the data set's root
	Ext      string      // of its files; "" if each frame is a folder
	Required bool        // every frame of the set must be here
	Missing  bool        // there is no such folder
	Files    []FrameFile // by number, then name
}

// A FrameFile is one file, or folder, that stands for a frame.
type FrameFile struct {
	Number int    // -1 if the name does not begin with a number
	ID     string // the name without extension
	Name   string
	Odd    bool // the id is not exactly the set's digits
}

// Numbers gives the frames of the folder, sorted and distinct.
func (f *FrameFolder) Numbers() []int {
	var out []int
	for _, file := range f.Files {
		if file.Number >= 0 {
			out = append(out, file.Number)
		}
	}
	return slices.Compact(out)
}

// File finds a frame by its id.
func (f *FrameFolder) File(id string) (name string, ok bool) {
	number, _ := leadingNumber(id)
	i, _ := slices.BinarySearchFunc(f.Files, number, func(f FrameFile, n int) int { return f.Number - n })
	for ; i < len(f.Files) && f.Files[i].Number == number; i++ {
		if f.Files[i].ID == id {
			return path.Join(f.Path, f.Files[i].Name), true
		}
	}
	return "", false
}

// Numbers gives the frames that any folder of the set has, sorted and distinct.
func (s *FrameSet) Numbers() []int {
	var all []int
	for i := range s.Folders {
		all = append(all, s.Folders[i].Numbers()...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// end gives the number behind the last frame.
func (s *FrameSet) end() int {
	n := s.Numbers()
	if len(n) == 0 {
		return 0
	}
	return n[len(n)-1] + 1
}

// IDs gives the ids of the frames that any folder of the set has, sorted and
// distinct.
func (s *FrameSet) IDs() []string {
	var all []string
	for i := range s.Folders {
		for _, f := range s.Folders[i].Files {
			all = append(all, f.ID)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// file finds the file of a frame in a folder.
func (s *FrameSet) file(channel, id string) (name string, ok bool) {
	f := s.Folder(channel)
	if f == nil {
		return "", false
	}
	return f.File(id)
}

// Folder finds a folder by its documented name; nil if the set does not know it.
func (s *FrameSet) Folder(channel string) *FrameFolder {
	for i := range s.Folders {
		if s.Folders[i].Channel == channel {
			return &s.Folders[i]
		}
	}
	return nil
}

// ID prints a number with the digits of the set.
func (s *FrameSet) ID(number int) string { return fmt.Sprintf("%0*d", s.Digits, number) }

// A frameSpec says which folder to list, and how.
type frameSpec struct {
	name     string   // documented name: "image_2"
	alias    string   // another spelling that is accepted: "image_02"
	ext      []string // of its files, the documented one first; nil: each frame is a folder
	required bool
}

var (
	imageExt    = []string{".png", ".jpg", ".jpeg"}
	velodyneExt = []string{".bin", ".txt", ".pcd"}
	textExt     = []string{".txt"}
)

// listFrames lists the folder dir. Files with another extension, such as notes
// or archives, are no frames.
func listFrames(t *dataset.Tree, dir string, digits int, spec frameSpec) FrameFolder {
	f := FrameFolder{Channel: spec.name, Path: dir, Required: spec.required, Missing: !t.HasDir(dir)}
	if spec.ext != nil {
		f.Ext = spec.ext[0]
	}
	for _, e := range t.Dirs[dir] {
		ext := path.Ext(e.Name)
		known := slices.ContainsFunc(spec.ext, func(s string) bool { return strings.EqualFold(s, ext) })
		if strings.HasPrefix(e.Name, ".") || spec.ext != nil && !known || spec.ext == nil && !e.Type.IsDir() {
			continue // a folder with the name of a file fails where it is read
		}
		file := FrameFile{ID: e.Name, Name: e.Name}
		if known {
			file.ID = strings.TrimSuffix(e.Name, ext)
		}
		n, rest := leadingNumber(file.ID)
		file.Number, file.Odd = n, n < 0 || rest != "" || len(file.ID) != digits
		f.Files = append(f.Files, file)
	}
	slices.SortStableFunc(f.Files, func(a, b FrameFile) int { return a.Number - b.Number })
	return f
}

// leadingNumber splits "000030_10" into 30 and "_10"; -1 if it begins with no
// digit, or with more than a frame can have.
func leadingNumber(id string) (int, string) {
	rest := strings.TrimLeft(id, "0123456789")
	digits := id[:len(id)-len(rest)]
	if len(digits) == 0 || len(digits) > 18 {
		return -1, id
	}
	n, _ := strconv.Atoi(digits)
	return n, rest
}
