package payload

import (
	"encoding/json"
	"io/fs"
	"reflect"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A memo is what was seen of a file, as a part has it (docs/formats.md, Parts
// of a validation). The first four members say as what it was looked at: as
// something else, it may be something else.
type memo struct {
	Schema  dataset.Schema `json:"schema"`
	Kind    Kind           `json:"kind"`
	Columns int            `json:"columns,omitempty"`
	Size    int64          `json:"size"`
	Format  Format         `json:"format,omitempty"`

	Width  int        `json:"width,omitempty"`
	Height int        `json:"height,omitempty"`
	PNG    *PNG       `json:"png,omitempty"`
	JPEG   *JPEG      `json:"jpeg,omitempty"`
	PCD    *PCD       `json:"pcd,omitempty"`
	Points int64      `json:"points,omitempty"`
	Empty  bool       `json:"empty,omitempty"`
	MCAP   *MCAP      `json:"mcap,omitempty"`
	None   bool       `json:"none,omitempty"` // it is sound, and no item
	Fault  *memoFault `json:"fault,omitempty"`
}

// A memoFault is a fault without its place, which the want has.
type memoFault struct {
	Slug     string        `json:"slug"`
	Severity rule.Severity `json:"severity,omitempty"`
	Message  string        `json:"message,omitempty"`
	Expected string        `json:"expected,omitempty"`
	Actual   string        `json:"actual,omitempty"`
	Hint     string        `json:"hint,omitempty"`
	Key      string        `json:"key,omitempty"`
	Line     int           `json:"line,omitempty"`
	Offset   int64         `json:"offset,omitempty"`
}

// keep gives the memo what was seen of a file. What would not come back as it
// is, such as text that is not UTF-8, is not kept: the merge looks itself.
func (r *worker) keep(w *Want, info fs.FileInfo, l *looked) {
	if r.ds.Memo == nil || l.file.Size != info.Size() {
		return
	}
	b, err := json.Marshal(r.memoOf(w, l))
	if err != nil {
		return
	}
	if back, ok := r.lookedOf(w, b); ok && reflect.DeepEqual(back, r.placed(w, *l)) {
		r.ds.Memo.Keep(r.ds, w.Path, info, b)
	}
}

// recall gives what the memo has of a file that is as it was.
func (r *worker) recall(w *Want) (l looked, ok bool) {
	if r.ds.Memo == nil {
		return l, false
	}
	info, err := r.folder.Stat(r.ds, w.Path)
	if err != nil {
		return l, false
	}
	b := r.ds.Memo.Recall(r.ds, w.Path, info)
	if b == nil {
		return l, false
	}
	return r.lookedOf(w, b)
}

// placed is l with its fault at the place of the want, as it is reported.
func (r *worker) placed(w *Want, l looked) looked {
	if l.fault != nil {
		f := *l.fault
		line, offset := f.Line, f.ByteOffset
		f.Place = w.Place()
		f.Line, f.ByteOffset = line, offset
		l.fault = &f
	}
	return l
}

func (r *worker) memoOf(w *Want, l *looked) *memo {
	m := &memo{Schema: r.ds.Schema, Kind: w.Kind, Columns: w.Columns, Size: l.file.Size, Format: l.file.Format}
	if f := l.fault; f != nil {
		m.Fault = &memoFault{f.Slug, f.Severity, f.Message, f.Expected, f.Actual, f.Hint, f.Key, f.Line, f.ByteOffset}
		return m
	}
	switch i := l.item.(type) {
	case *ImageFile:
		m.PNG, m.JPEG, m.Width, m.Height = i.PNG, i.JPEG, i.Width, i.Height
	case *CloudFile:
		m.PCD, m.Points, m.Empty = i.PCD, i.Points, i.Empty
	case *BagFile:
		m.MCAP = i.MCAP
	default:
		m.None = true
	}
	return m
}

func (r *worker) lookedOf(w *Want, b []byte) (l looked, ok bool) {
	var m memo
	if json.Unmarshal(b, &m) != nil || m.Schema != r.ds.Schema || m.Kind != w.Kind || m.Columns != w.Columns {
		return l, false
	}
	l.file = File{Want: *w, Size: m.Size, Format: m.Format}
	switch f := m.Fault; {
	case f != nil:
		l.fault = &rule.Fault{
			Slug: f.Slug, Severity: f.Severity, Message: f.Message, Place: w.Place(),
			Expected: f.Expected, Actual: f.Actual, Hint: f.Hint, Key: f.Key,
		}
		l.fault.Line, l.fault.ByteOffset = f.Line, f.Offset
	case m.None:
	case w.Kind == Image || w.Kind == MapMask:
		l.item = &ImageFile{File: l.file, PNG: m.PNG, JPEG: m.JPEG, Width: m.Width, Height: m.Height}
	case w.Kind == Lidar || w.Kind == Radar:
		l.item = &CloudFile{File: l.file, PCD: m.PCD, Points: m.Points, Empty: m.Empty}
	case w.Kind == Bag && m.MCAP != nil:
		l.item = &BagFile{File: l.file, MCAP: m.MCAP}
	default:
		return l, false
	}
	return l, true
}

// Recall gives the size in px of a sound image that the memo of its data set
// has.
func Recall(ds *dataset.Dataset, name string) (width, height int, ok bool) {
	info, err := ds.Stat(name)
	if err != nil {
		return 0, 0, false
	}
	var m memo
	b := ds.Memo.Recall(ds, name, info)
	if b == nil || json.Unmarshal(b, &m) != nil || m.Kind != Image || m.Fault != nil {
		return 0, 0, false
	}
	return m.Width, m.Height, m.Width > 0 && m.Height > 0
}
