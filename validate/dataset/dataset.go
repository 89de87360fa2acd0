// Package dataset says what lies in a folder: which data sets, of which
// format, and which files they have. It opens files only below a data set's
// root (os.Root), so that no symbolic link or hostile path leads outside.
package dataset

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"

	"github.com/mmaudit/mmaudit/internal/durable"
)

// Schema is a value of the metadata field modality_schema: the format in which
// a data set is annotated.
type Schema string

// The formats that this build reads. The owners of KITTI publish no version
// number; "v2.1" is fixed by docs/formats.md.
const (
	KITTIObject   Schema = "kitti_v2.1"
	KITTIRaw      Schema = "kitti_raw"
	KITTITracking Schema = "kitti_tracking"
	KITTIOdometry Schema = "kitti_odometry"
	SemanticKITTI Schema = "semantickitti"
	NuScenes      Schema = "nuscenes_v1.0"
	Lyft          Schema = "lyft_l5_v1.02"
	T4            Schema = "t4"
)

// Schemas lists the formats that this build reads, in the order of detection.
var Schemas = []Schema{T4, NuScenes, Lyft, KITTIObject, KITTIRaw, KITTITracking, SemanticKITTI, KITTIOdometry}

// A Dataset is one data set found below a folder that the user named.
type Dataset struct {
	Root     string   // folder of the data set, as the user wrote it plus what was found below
	Schema   Schema   // detected format
	Evidence []string // why: the paths that made the fingerprint match
	Tables   string   // nuScenes family: folder of the JSON tables relative to Root ("v1.0-mini", "annotation"); else ""
	Tree     *Tree    // every file below Root
	Sibling  bool     // another data set of the run has the same root and came before

	// Memo remembers what payload files hold, for a run whose work is shared by
	// many workers; nil for others.
	Memo Memo
	// PayloadOnly says that the run is about payload files: readers need not
	// read single files for anything else.
	PayloadOnly bool

	dir *os.Root
}

// A Memo remembers, in the bytes of whoever asks, what was found by reading a
// file. It is safe for concurrent use.
type Memo interface {
	// Recall gives what was kept of the file with this name and state, or nil.
	Recall(ds *Dataset, name string, info fs.FileInfo) []byte
	// Keep keeps what was found.
	Keep(ds *Dataset, name string, info fs.FileInfo, found []byte)
}

// New makes a data set of a folder whose format is known, without detection:
// the raw recordings beside object data, or a test. Closing it closes root.
func New(ctx context.Context, dir string, schema Schema, root *os.Root) (*Dataset, error) {
	tree, err := Scan(ctx, root, nil)
	if err != nil {
		return nil, err
	}
	return &Dataset{Root: dir, Schema: schema, Tree: tree, dir: root}, nil
}

// Open opens a file of the data set for reading. name is slash-separated and
// relative to Root. It fails where name, or a symbolic link on the way, leaves
// the root, and where it names something other than a regular file. It never
// blocks on a named pipe.
func (d *Dataset) Open(name string) (*os.File, error) {
	name = path.Clean(name)
	e, ok := d.Tree.Entry(name)
	f, _, err := openIn(d.dir, name, name, e, ok)
	return f, err
}

// openIn opens the file at below root, which the data set calls name and the
// listing, if it has it, e.
func openIn(root *os.Root, at, name string, e Entry, listed bool) (*os.File, fs.FileInfo, error) {
	if listed && e.Special() {
		return nil, nil, &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("is %s, not a regular file", e.Kind())}
	}
	f, err := root.OpenFile(at, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("is %s, not a regular file", kindOf(info.Mode()))}
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// A Folder opens files of one folder of a data set one after the other,
// without walking down to the folder each time. The zero Folder is ready for
// any. It is for one goroutine.
type Folder struct {
	ds  *Dataset
	dir string
	at  *os.Root
}

// Open is Dataset.Open and Stat in one, which remembers the folder of name.
func (f *Folder) Open(ds *Dataset, name string) (*os.File, fs.FileInfo, error) {
	name = path.Clean(name)
	e, ok := ds.Tree.Entry(name)
	dir, base := path.Split(name)
	if !ok || dir == "" || e.Type&fs.ModeSymlink != 0 { // a link may leave its folder, not the root
		return openIn(ds.dir, name, name, e, ok)
	}
	if err := f.enter(ds, dir); err != nil {
		return nil, nil, err
	}
	return openIn(f.at, base, name, e, ok)
}

// Stat describes a file of the data set as Open would, without opening it.
func (f *Folder) Stat(ds *Dataset, name string) (fs.FileInfo, error) {
	name = path.Clean(name)
	e, ok := ds.Tree.Entry(name)
	dir, base := path.Split(name)
	if !ok || dir == "" || e.Type&fs.ModeSymlink != 0 {
		return ds.dir.Stat(name)
	}
	if err := f.enter(ds, dir); err != nil {
		return nil, err
	}
	return f.at.Lstat(base)
}

// enter makes dir of ds the folder that is open.
func (f *Folder) enter(ds *Dataset, dir string) error {
	if f.at != nil && f.ds == ds && f.dir == dir {
		return nil
	}
	f.Close()
	at, err := ds.dir.OpenRoot(path.Clean(dir))
	if err != nil {
		return err
	}
	f.ds, f.dir, f.at = ds, dir, at
	return nil
}

// Close releases the folder that Open remembers.
func (f *Folder) Close() {
	if f.at != nil {
		f.at.Close()
		f.at = nil
	}
}

// Stat describes a file of the data set, following symbolic links inside the root.
func (d *Dataset) Stat(name string) (fs.FileInfo, error) { return d.dir.Stat(path.Clean(name)) }

// ReadFile reads a small file whole. It refuses files beyond limit bytes, and
// gives an *LFSPointer as its error where one lies in place of the file.
func (d *Dataset) ReadFile(name string, limit int64) ([]byte, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := readLimited(f, name, limit)
	if err != nil {
		return nil, err
	}
	if len(b) < MaxLFSPointer {
		if p := ParseLFSPointer(b); p != nil {
			return nil, &fs.PathError{Op: "read", Path: name, Err: p}
		}
	}
	return b, nil
}

// WriteFile replaces a file of the data set, or creates it and the folders on
// the way, whole or not at all. It fails where a symbolic link on the way
// leaves the root.
func (d *Dataset) WriteFile(name string, content []byte) error {
	name = filepath.FromSlash(path.Clean(name))
	err := durable.MkdirIn(d.dir, filepath.Dir(name), 0o755)
	if err == nil {
		err = durable.WriteIn(d.dir, name, content, 0o644)
	}
	if err != nil {
		return durable.Failed(filepath.Join(d.Root, name), err)
	}
	return nil
}

// Close releases the folder handle.
func (d *Dataset) Close() error {
	if d.dir == nil {
		return nil
	}
	return d.dir.Close()
}

// kindOf names what lies at a path.
func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m.IsRegular():
		return "a file"
	}
	return m.String()
}
