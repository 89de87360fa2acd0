// Package payload reads the headers of sensor files: PNG (ISO/IEC 15948),
// JPEG (ITU-T T.81), PCD 0.7, point clouds and labels without a header, NPZ,
// MCAP and Git-LFS pointers. It opens each file once and reads a few hundred
// bytes at either end, never the body, so that its cost is the number of files
// and not their size.
package payload

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A Kind is what a file should hold by its place in the data set.
type Kind uint8

const (
	Image   Kind = iota + 1 // PNG or JPEG
	Lidar                   // float32 rows without a header, or PCD
	Radar                   // nuScenes radar PCD
	Labels                  // one label per lidar point
	NPZ                     // panoptic labels
	MapMask                 // PNG map
	Bag                     // MCAP recording
)

// A Want names a file to inspect and what the data set says about it.
type Want struct {
	Path    string // relative to the data set's root
	Kind    Kind
	Channel string
	Frame   string // KITTI
	Table   string // nuScenes family, with Token: the row that names the file
	Token   string
	Offset  int64 // of that row
	Width   int   // px that the data set declares; 0 = nothing declared
	Height  int
	Columns int    // float32 per point of a lidar file without header: 4 KITTI, 5 nuScenes; bytes per point for Labels: 1 or 4
	Cloud   string // Labels, NPZ: the lidar file that they label
	Group   string // drive or scene
}

// Place is where findings about the file point.
func (w *Want) Place() rule.Place {
	return rule.Place{Path: w.Path, Channel: w.Channel, Frame: w.Frame, Table: w.Table, Token: w.Token}
}

// A File is a wanted file that has content. Every item that Read emits embeds
// one.
type File struct {
	Want
	Size   int64  // bytes
	Format Format // by its first bytes
}

// The items. Each is emitted only for a file whose header is sound; what is
// wrong with the others is a Fault of the reader, and the item is skipped.
type (
	// An ImageFile is a PNG or JPEG of kind Image or MapMask.
	ImageFile struct {
		File
		PNG           *PNG  // set for a PNG
		JPEG          *JPEG // set for a JPEG
		Width, Height int   // px, of the header
	}
	// A CloudFile is a lidar or radar file.
	CloudFile struct {
		File
		PCD    *PCD  // set where the file has a header
		Points int64 // of the header, or the size divided by the stride
		Empty  bool  // radar: the scan is one point without coordinates
	}
	// A LabelFile holds one label for each point of a cloud.
	LabelFile struct {
		File
		Count       int64 // whole labels in the file
		Rest        int64 // bytes behind the last whole label
		CloudPoints int64 // points of the cloud that it labels
	}
	// A BagFile is an MCAP recording.
	BagFile struct {
		File
		MCAP *MCAP
	}
)

// Read inspects the wanted files with jobs workers and emits one *ImageFile,
// *CloudFile, *LabelFile or *BagFile for each that is sound. A file that is not
// becomes a Fault (file-unreadable, file-empty, lfs-pointer, magic,
// png-header, …) and a Skip. Files that do not belong to the run (Selected) are
// left out. Wants name files of the data set's tree; of one
// that is not there the layout rules speak, and it is skipped here. Read
// itself fails only when ctx ends.
func Read(ctx context.Context, ds *dataset.Dataset, wants []Want, jobs int, e rule.Emitter) error {
	if !Wanted(e) {
		return ctx.Err()
	}
	r := &reader{ds: ds, e: e, clouds: map[string]cloudSize{}}
	var clouds, labels []int
	for i := range wants {
		switch w := &wants[i]; {
		case !e.Selected(w.Path):
		case w.Kind == Labels:
			labels = append(labels, i)
			r.clouds[w.Cloud] = cloudSize{points: -1}
		default:
			clouds = append(clouds, i)
		}
	}
	e.Expect(len(clouds) + len(labels))
	// Labels are compared with the clouds that they label: those come first.
	for _, order := range [][]int{clouds, labels} {
		if err := r.all(ctx, wants, order, jobs); err != nil {
			return err
		}
	}
	return nil
}

// Wanted reports whether any rule of the run depends on what Read sees.
func Wanted(e rule.Emitter) bool {
	for _, k := range []Kind{Image, Lidar, Labels, Bag} {
		if e.Wants(zero(k)) {
			return true
		}
	}
	return slices.ContainsFunc(slugs, func(s string) bool { return e.Wants(rule.Fault{Slug: s}) })
}

// slugs are the rules whose faults Read reports itself.
var slugs = []string{
	"symlink-broken", "lfs-pointer", "file-empty", "file-unreadable", "magic", "png-header", "jpeg-truncated",
	"map-png", "lidar-stride", "pcd-header", "pcd-body", "modality-content", "mcap-container",
}

type reader struct {
	ds *dataset.Dataset
	e  rule.Emitter

	mu     sync.Mutex           // guards clouds
	clouds map[string]cloudSize // clouds that labels name
}

// A cloudSize is what labels need to know of the cloud that they label.
type cloudSize struct {
	points int64  // -1: unknown
	slug   string // the rule that the cloud broke, if unknown; "": it was not inspected
}

func (r *reader) all(ctx context.Context, wants []Want, order []int, jobs int) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range max(1, min(jobs, len(order))) {
		wg.Go(func() {
			k := &worker{reader: r}
			defer k.folder.Close()
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(order) {
					return
				}
				k.one(&wants[order[i]])
				r.e.Advance(1)
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}

// A worker inspects one file at a time, with a buffer and a folder of its own.
type worker struct {
	*reader
	folder dataset.Folder
	head   head
}

// one inspects a file and emits either its item, or its fault and a skip.
func (r *worker) one(w *Want) {
	item, slug := r.item(w)
	if slug != "" {
		r.e.Skip(zero(w.Kind), slug, w.Path)
	} else if item != nil {
		r.e.Emit(item)
	}
	if w.Kind != Lidar {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, labelled := r.clouds[w.Path]; labelled {
		c := cloudSize{points: -1, slug: slug}
		if cloud, ok := item.(*CloudFile); ok {
			c.points = cloud.Points
		}
		r.clouds[w.Path] = c
	}
}

// item opens a file and reads what its kind asks for. slug names the rule that
// the file breaks; its fault was emitted.
func (r *worker) item(w *Want) (item any, slug string) {
	entry, ok := r.ds.Tree.Entry(w.Path)
	if _, bad := r.ds.Tree.BadLink(w.Path); !ok && !bad {
		return nil, "file-missing"
	}
	if ok && entry.Type.IsDir() {
		return nil, r.fault(w, rule.Fault{Slug: "file-unreadable", Message: "a folder lies where a file is expected"})
	}
	l, ok := r.recall(w)
	if !ok {
		f, info, err := r.folder.Open(r.ds, w.Path)
		if err != nil {
			return nil, rule.Unreadable(r.e, r.ds, w.Place(), err)
		}
		defer f.Close()
		if l, err = r.look(w, f, info.Size()); err != nil {
			return nil, rule.Unreadable(r.e, r.ds, w.Place(), err)
		}
		r.keep(w, info, &l)
	}
	if w.Kind == Labels && l.fault == nil { // what they label may have changed
		l.item, l.fault = r.labels(l.file)
	}
	switch {
	case l.fault == nil:
		return l.item, ""
	case l.fault.Message == "": // said elsewhere
		return nil, l.fault.Slug
	}
	return nil, r.fault(w, *l.fault)
}

// looked is what was seen of a file: the item that it becomes or the fault that
// keeps it from being one. Labels are no item yet.
type looked struct {
	file  File
	item  any
	fault *rule.Fault
}

// look reads the header of a file. The error means that the disk failed, not
// the content.
func (r *worker) look(w *Want, f io.ReaderAt, size int64) (looked, error) {
	l := looked{file: File{Want: *w, Size: size}}
	if size == 0 {
		fault := rule.EmptyFault(w.Place())
		l.fault = &fault
		return l, nil
	}
	h := &r.head
	h.reset(f, size)
	l.file.Size = h.size
	if h.err != nil {
		return l, h.err
	}
	if p := dataset.ParseLFSPointer(h.first()); p != nil && h.size < dataset.MaxLFSPointer {
		fault := rule.LFSFault(w.Place(), p)
		l.fault = &fault
		return l, nil
	}
	if h.size == int64(h.n) && IsTextLink(h.first()) {
		l.fault = &rule.Fault{
			Slug: "symlink-broken", Message: fmt.Sprintf("a symbolic link to %q was checked out as a text file", h.first()),
			Expected: "the file, or a link to it", Actual: "a text file", Key: "text",
		}
		return l, nil
	}
	l.file.Format = Sniff(h.first())
	if w.Kind != Labels {
		l.item, l.fault = r.inspect(l.file, h)
	}
	return l, h.err
}

func (r *reader) fault(w *Want, f rule.Fault) string {
	line, offset := f.Line, f.ByteOffset
	f.Place = w.Place()
	f.Line, f.ByteOffset = line, offset
	r.e.Emit(f)
	return f.Slug
}

// zero gives a nil item of the type that a kind becomes.
func zero(k Kind) any {
	switch k {
	case Image, MapMask:
		return (*ImageFile)(nil)
	case Labels, NPZ:
		return (*LabelFile)(nil)
	case Bag:
		return (*BagFile)(nil)
	}
	return (*CloudFile)(nil)
}
