package kitti

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/payload"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// objectFolders are the folders of a part of the object data set. Others
// (prev_2, prev_3, velodyne_reduced) are derived and bind nobody.
var objectFolders = []frameSpec{
	{name: "image_2", alias: "image_02", ext: imageExt, required: true},
	{name: "image_3", alias: "image_03", ext: imageExt},
	{name: "velodyne", ext: velodyneExt, required: true},
	{name: "calib", ext: textExt, required: true},
	{name: "label_2", alias: "label_02", ext: textExt, required: true},
}

// An ObjectSource is a KITTI object data set: its parts and, if it is at hand,
// the mapping of its training frames to raw. It is safe for concurrent use.
type ObjectSource struct {
	ds      *dataset.Dataset
	Splits  []*Split // training, testing, as far as they exist
	Mapping *Mapping // nil if there is none
}

// OpenObject lists a KITTI object data set and reads its mapping, from the
// folder mapping if that is not "" (see FindMapping). The source is there even
// if the mapping could not be read.
func OpenObject(ds *dataset.Dataset, mapping string) (*ObjectSource, error) {
	s := &ObjectSource{ds: ds}
	for _, name := range splitNames {
		if ds.Tree.HasDir(name) {
			s.Splits = append(s.Splits, listSplit(ds.Tree, name, 6, "frame", objectFolders))
		}
	}
	var err error
	s.Mapping, err = FindMapping(ds, mapping)
	return s, err
}

// Split finds a part by name; nil if there is none.
func (s *ObjectSource) Split(name string) *Split {
	i := slices.IndexFunc(s.Splits, func(p *Split) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	return s.Splits[i]
}

// Raw gives the raw frame from which a frame was taken. ok is false for the
// testing frames, of which no mapping was published.
func (s *ObjectSource) Raw(split, id string) (r RawFrame, ok bool) {
	n, valid := frameNumber(id, 6)
	if split != "training" || !valid {
		return r, false
	}
	return s.Mapping.Raw(n)
}

// ReadCalib reads the calibration of one frame.
func (s *ObjectSource) ReadCalib(split, id string) (*Calib, error) {
	name := path.Join(split, "calib", id+".txt")
	if p := s.Split(split); p != nil {
		if f := p.Frames.Folder("calib"); f != nil {
			name = path.Join(f.Path, id+".txt")
		}
	}
	b, err := s.ds.ReadFile(name, maxCalib)
	if err != nil {
		return nil, err
	}
	return ParseCalib(name, CalibObject, id, b), nil
}

// maxCalib bounds the bytes of a calibration file; the owner's have 4 kB.
const maxCalib = 1 << 20

// Dataset implements moment.Source.
func (s *ObjectSource) Dataset() *dataset.Dataset { return s.ds }

// Moments implements moment.Source: one group for each part, one moment for
// each frame with an image or a scan. The key of a mapped frame is that of its
// raw frame; without a mapping that can be trusted, training frames have none.
// The format has no stamps: those are in the raw data set.
func (s *ObjectSource) Moments(yield func(*moment.Moment) bool) error {
	parts := slices.Clone(s.Splits)
	slices.SortFunc(parts, func(a, b *Split) int { return cmp.Compare(a.Name, b.Name) })
	for _, p := range parts {
		for _, id := range p.Frames.IDs() {
			sample := p.Name + "/" + id
			m := &moment.Moment{Group: p.Name, Sample: sample, Key: "kitti-object/" + sample, Reference: "image_00"}
			if r, ok := s.Raw(p.Name, id); ok {
				m.Key = "kitti-raw/" + r.Sample()
			} else if p.Name == "training" && (s.Mapping == nil || len(s.Mapping.Problems) > 0) {
				m.Key = "" // the mapping would tell, and it is not at hand
			}
			m.Channels = observe(p.Frames, id)
			if len(m.Channels) > 0 && !yield(m) {
				return nil
			}
		}
	}
	return nil
}

// channels name the folders of sensors as moments do, in the order of names.
var channels = []struct{ folder, channel string }{
	{"image_2", "image_02"},
	{"image_3", "image_03"},
	{"image_02", "image_02"},
	{"image_03", "image_03"},
	{"velodyne", "velodyne"},
}

// observe gives what the sensors hold of a frame.
func observe(s *FrameSet, id string) []moment.Observation {
	var out []moment.Observation
	for _, c := range channels {
		f := s.Folder(c.folder)
		if f == nil {
			continue
		}
		if name, ok := f.File(id); ok {
			out = append(out, moment.Observation{
				Channel: c.channel, File: name,
				Place: rule.Place{Path: name, Channel: c.channel, Frame: id},
			})
		}
	}
	return out
}

// A Frame joins what one frame of the object data set holds, for the rules
// that compare its files.
type Frame struct {
	Split, ID   string
	Left, Right Image  // image_2, image_3
	Calib       *Calib // nil if there is none that can be read
}

// ReadObject reads a KITTI object data set.
func ReadObject(ctx context.Context, ds *dataset.Dataset, jobs int, e rule.Emitter) (moment.Source, error) {
	src, unmapped := OpenObject(ds, e.Params().Mapping)
	sets := &ImageSets{Training: src.Split("training"), Testing: src.Split("testing"), Mapping: src.Mapping}
	if sets.Sets = readImageSets(ds, e); len(sets.Sets) > 0 {
		e.Emit(sets)
	}
	e.Emit(src)
	var wants []payload.Want
	for _, p := range src.Splits {
		e.Emit(p)
		e.Emit(p.Frames)
		if !ds.PayloadOnly {
			if err := readFrames(ctx, ds, p, jobs, e); err != nil {
				return src, err
			}
		}
		wants = append(wants, wanted(p.Frames, func(id string) string {
			if r, ok := src.Raw(p.Name, id); ok {
				return r.Drive()
			}
			return p.Name + "/" + id // frames of different drives have nothing in common
		})...)
	}
	return src, errors.Join(payload.Read(ctx, ds, wants, jobs, e), unmapped)
}

// readFrames reads the text files of every frame of a part.
func readFrames(ctx context.Context, ds *dataset.Dataset, p *Split, jobs int, e rule.Emitter) error {
	ids := p.Frames.IDs()
	e.Expect(len(ids))
	var g errgroup.Group
	g.SetLimit(jobs)
	for _, id := range ids {
		if ctx.Err() != nil {
			break
		}
		g.Go(func() error {
			readFrame(ds, p, id, e)
			e.Advance(1)
			return nil
		})
	}
	g.Wait()
	return ctx.Err()
}

func readFrame(ds *dataset.Dataset, p *Split, id string, e rule.Emitter) {
	fr := &Frame{Split: p.Name, ID: id}
	fr.Left, fr.Right = readImage(ds, p.Frames, "image_2", id), readImage(ds, p.Frames, "image_3", id)
	if name, ok := p.Frames.file("calib", id); ok {
		if b, ok := readFilled(ds, name, maxCalib, e, (*Calib)(nil)); ok {
			fr.Calib = ParseCalib(name, CalibObject, id, b)
			e.Emit(fr.Calib)
		}
	}
	e.Emit(fr)
	if name, ok := p.Frames.file("label_2", id); ok {
		if b, ok := readText(ds, name, maxLabels, e, (*LabelRow)(nil), (*LabelFile)(nil)); ok {
			f := parseLabels(b, LabelRow{Path: name, Split: p.Name, Frame: id, Image: fr.Left}, e)
			for _, r := range f.Rows {
				e.Emit(r)
			}
			e.Emit(f)
		}
	}
	if name := path.Join(p.Name, "planes", id+".txt"); ds.Tree.Has(name) {
		if b, ok := readFilled(ds, name, maxCalib, e, (*Plane)(nil)); ok {
			if plane := parsePlane(name, id, b, e); plane != nil {
				e.Emit(plane)
			} else {
				e.Skip((*Plane)(nil), planesSlug, name)
			}
		}
	}
}

// wanted lists the files of a set's sensors whose headers are to be inspected.
// group names the recording that a frame belongs to.
func wanted(s *FrameSet, group func(id string) string) []payload.Want {
	var wants []payload.Want
	for _, c := range channels {
		f := s.Folder(c.folder)
		if f == nil {
			continue
		}
		for _, file := range f.Files {
			w := payload.Want{Path: path.Join(f.Path, file.Name), Kind: payload.Image, Channel: c.channel, Frame: file.ID, Group: group(file.ID)}
			if c.channel == "velodyne" {
				w.Kind, w.Columns = payload.Lidar, 4
			}
			wants = append(wants, w)
		}
	}
	return wants
}
