package kitti

import (
	"bytes"
	"fmt"
	"path"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// ImageSets are the lists of frames in ImageSets/, with what they must agree
// with. The folder is a convention of the community, not of the owner.
type ImageSets struct {
	Sets              []ImageSet // by name
	Training, Testing *Split     // nil where the data set has no such part
	Mapping           *Mapping   // nil where none is at hand
}

// An ImageSet is one list of frames: ImageSets/train.txt.
type ImageSet struct {
	Name string // "train"
	Path string
	IDs  []ImageSetID
}

// An ImageSetID is one line of an ImageSet.
type ImageSetID struct {
	ID     string // "000123"
	Number int
	Line   int
}

// Set finds a list by name; nil if there is none.
func (s *ImageSets) Set(name string) *ImageSet {
	for i := range s.Sets {
		if s.Sets[i].Name == name {
			return &s.Sets[i]
		}
	}
	return nil
}

// Part says which part of the data set a list is about: training or testing
// for the names in use; either, nil, for lists of other names.
func (s *ImageSets) Part(name string) (part string) {
	switch name {
	case "train", "val", "trainval":
		return "training"
	case "test":
		return "testing"
	}
	return ""
}

// maxImageSet bounds the bytes of one list; the owner's frames fill 52 kB.
const maxImageSet = 32 << 20

// readImageSets reads every list in ImageSets/; nil if there is none.
func readImageSets(ds *dataset.Dataset, e rule.Emitter) []ImageSet {
	var sets []ImageSet
	for _, entry := range ds.Tree.Dirs["ImageSets"] {
		name, p := entry.Name, path.Join("ImageSets", entry.Name)
		if path.Ext(name) != ".txt" || strings.HasPrefix(name, ".") {
			continue
		}
		b, ok := readFilled(ds, p, maxImageSet, e, (*ImageSets)(nil))
		if !ok {
			continue
		}
		sets = append(sets, ImageSet{Name: strings.TrimSuffix(name, ".txt"), Path: p, IDs: parseImageSet(p, b, e)})
	}
	return sets
}

// parseImageSet reads one list: a six-digit id on each line. Other lines are
// Faults; a number of another length still counts, and of a list with a line
// that names no frame nobody can say which frames it lacks.
func parseImageSet(name string, b []byte, e rule.Emitter) []ImageSetID {
	var ids []ImageSetID
	for n, line := range lines(b) {
		id := string(line)
		number, rest := leadingNumber(strings.TrimSpace(id))
		if number >= 0 {
			ids = append(ids, ImageSetID{id, number, n})
		}
		if number >= 0 && rest == "" && len(id) == 6 {
			continue
		}
		message := fmt.Sprintf("%q is not a frame id", id)
		if len(bytes.TrimSpace(line)) == 0 {
			message = "the line is blank"
		} else if number < 0 {
			e.Break("ImageSets", "frame-id-format", name)
		}
		e.Emit(rule.Fault{
			Slug: "frame-id-format", Message: message, Key: id,
			Place: rule.Place{Path: name, Line: n}, Expected: "6 digits on each line", Actual: id,
			Hint: "write one id of 6 digits on each line, nothing else",
		})
	}
	return ids
}
