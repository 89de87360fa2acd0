package kitti

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/payload"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// Folders of a part of the tracking data set: those that hold a folder for
// each sequence, and those that hold a file.
var (
	trackingFolders = []frameSpec{
		{name: "image_02", required: true},
		{name: "image_03"},
		{name: "velodyne", required: true},
		{name: "calib", ext: textExt, required: true},
		{name: "oxts", ext: textExt},
		{name: "label_02", ext: textExt, required: true},
	}
	sequenceFolders = []frameSpec{
		{name: "image_02", ext: imageExt, required: true},
		{name: "image_03", ext: imageExt},
		{name: "velodyne", ext: velodyneExt, required: true},
	}
)

// A TrackingSource is a KITTI tracking data set. It is safe for concurrent use.
type TrackingSource struct {
	ds     *dataset.Dataset
	Splits []*Split // training, testing, as far as they exist; their frames are the sequences
}

// OpenTracking lists a KITTI tracking data set. It reads no file.
func OpenTracking(ds *dataset.Dataset) *TrackingSource {
	s := &TrackingSource{ds: ds}
	for _, name := range splitNames {
		if ds.Tree.HasDir(name) {
			s.Splits = append(s.Splits, listSplit(ds.Tree, name, 4, "sequence", trackingFolders))
		}
	}
	return s
}

// Sequence lists the frames of one sequence of a part.
func (s *TrackingSource) Sequence(p *Split, id string) *FrameSet {
	name := p.Name + "/" + id
	set := &FrameSet{Name: name, Dir: p.Name, Digits: 6, Noun: "frame"}
	for _, spec := range sequenceFolders {
		if f := p.Folder(spec.name); f.Present {
			folder := listFrames(s.ds.Tree, path.Join(f.Path, id), 6, spec)
			if !folder.Missing {
				set.Folders = append(set.Folders, folder)
			}
		}
	}
	return set
}

// Dataset implements moment.Source.
func (s *TrackingSource) Dataset() *dataset.Dataset { return s.ds }

// Moments implements moment.Source: one group for each sequence, one moment
// for each frame with an image or a scan. The format has no stamps.
func (s *TrackingSource) Moments(yield func(*moment.Moment) bool) error {
	parts := slices.Clone(s.Splits)
	slices.SortFunc(parts, func(a, b *Split) int { return cmp.Compare(a.Name, b.Name) })
	for _, p := range parts {
		for _, seq := range p.Frames.IDs() {
			set := s.Sequence(p, seq)
			for _, id := range set.IDs() {
				sample := set.Name + "/" + id
				m := &moment.Moment{
					Group: set.Name, Sample: sample, Key: "kitti-tracking/" + sample, Reference: "image_00",
					Channels: observe(set, id),
				}
				if !yield(m) {
					return nil
				}
			}
		}
	}
	return nil
}

// ReadTracking reads a KITTI tracking data set.
func ReadTracking(ctx context.Context, ds *dataset.Dataset, jobs int, e rule.Emitter) (moment.Source, error) {
	src := OpenTracking(ds)
	var wants []payload.Want
	for _, p := range src.Splits {
		e.Emit(p)
		e.Emit(p.Frames)
		ids := p.Frames.IDs()
		e.Expect(len(ids))
		var g errgroup.Group
		g.SetLimit(jobs)
		sequences := make([][]payload.Want, len(ids))
		for i, id := range ids {
			if ctx.Err() != nil {
				break
			}
			g.Go(func() error {
				sequences[i] = src.readSequence(p, id, e)
				e.Advance(1)
				return nil
			})
		}
		g.Wait()
		wants = append(wants, slices.Concat(sequences...)...)
	}
	if err := ctx.Err(); err != nil {
		return src, err
	}
	return src, payload.Read(ctx, ds, wants, jobs, e)
}

// readSequence reads the text files of a sequence and gives the payload files
// that are to be inspected.
func (s *TrackingSource) readSequence(p *Split, id string, e rule.Emitter) []payload.Want {
	set := s.Sequence(p, id)
	e.Emit(set)
	if name, ok := p.Frames.file("calib", id); ok {
		if b, ok := readFilled(s.ds, name, maxCalib, e, (*Calib)(nil)); ok {
			e.Emit(ParseCalib(name, CalibTracking, id, b))
		}
	}
	if name, ok := p.Frames.file("oxts", id); ok {
		if b, ok := readFilled(s.ds, name, maxTracks, e, (*Oxts)(nil)); ok {
			rows := parseOxts(name, b, e, func(i int) rule.Place { return rule.Place{Path: name, Frame: set.ID(i)} }, 0)
			if n := set.end(); n > 0 && rows != n {
				e.Emit(rule.Fault{
					Slug: "oxts-fields", Message: fmt.Sprintf("%d readings for the %d frames of the sequence", rows, n),
					Place: rule.Place{Path: name}, Expected: fmt.Sprint(n), Actual: fmt.Sprint(rows),
				})
			}
		}
	}
	if name, ok := p.Frames.file("label_02", id); ok {
		if b, ok := readText(s.ds, name, maxTracks, e, (*LabelRow)(nil), (*LabelFile)(nil)); ok {
			head := LabelRow{Path: name, Split: p.Name, Sequence: id, tracking: true, Image: s.anyImage(set)}
			f := parseLabels(b, head, e)
			f.Frames = set.Numbers()
			for _, r := range f.Rows {
				e.Emit(r)
			}
			e.Emit(f)
		}
	}
	return wanted(set, func(string) string { return set.Name })
}

// anyImage gives the first image of a sequence whose size can be read: all
// images of a sequence have one size, or a rule of its own says so.
func (s *TrackingSource) anyImage(set *FrameSet) (im Image) {
	f := set.Folder("image_02")
	if f == nil {
		return im
	}
	for _, file := range f.Files {
		if im = readImage(s.ds, set, "image_02", file.ID); im.Width > 0 {
			break
		}
	}
	return im
}
