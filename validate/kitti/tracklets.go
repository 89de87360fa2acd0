package kitti

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A TrackletList is a list of a tracklet file, with the number of items that
// it declares and the number that it has. Lists are of two levels: the
// tracklets of the file, and the poses of each tracklet.
type TrackletList struct {
	Place   rule.Place
	Of      string // "tracklets" or "poses"
	Count   int    // declared
	Items   int    // found
	Version int    // item_version
	Key     string // stable name: "tracklets", "poses of tracklet 3"
	CountAt rule.Place
	VerAt   rule.Place
}

// A Tracklet is one object of tracklet_labels.xml over several frames.
type Tracklet struct {
	Place   rule.Place // of its <item>
	Drive   *RawDrive
	Index   int // from 0
	Frames  int // of the drive
	Type    string
	H, W, L float64    // m
	SizeAt  rule.Place // of its height
	First   int        // frame of the first pose
	Poses   int        // found
}

// A TrackletPose is where a tracklet stands in one frame, in the velodyne's
// coordinates.
type TrackletPose struct {
	Place      rule.Place // of its <item>; Frame is set
	Drive      *RawDrive
	Tracklet   int        // index
	Index      int        // in the tracklet, from 0
	FrameIndex int        // frame of the drive; -1 where first_frame came too late to know
	Absent     bool       // the drive declares that it has no scan of that frame
	T          [3]float64 // m; the bottom centre of the box
	R          [3]float64 // rad
	State      int
	Occlusion  int
	Truncation int
}

// The archive that the owner's software writes (boost::archive, version 9).
const (
	boostSignature = "serialization::archive"
	boostVersion   = "9"
)

// Limits on hostile files: bytes of one token, nesting.
const (
	maxXMLToken = 1 << 20
	maxXMLDepth = 32
)

// TrackletContext is what the drive tells of its tracklets.
type TrackletContext struct {
	Path   string // of the file, relative to the data set's root
	Drive  *RawDrive
	Frames int   // of the drive; 0 if unknown
	Absent []int // frames that the drive declares missing, sorted
}

// ReadTracklets reads a tracklet file as a stream and emits its lists,
// tracklets and poses. A document type declaration is tolerated and never
// resolved. Where the file is not what it should be, a Fault is emitted and
// the rest of the file is skipped; the error is about reading, or ctx.
func ReadTracklets(ctx context.Context, r io.Reader, of TrackletContext, e rule.Emitter) error {
	in := &tokenReader{r: bufio.NewReaderSize(r, 64<<10)}
	if start, err := in.r.Peek(dataset.MaxLFSPointer); len(start) == 0 && errors.Is(err, io.EOF) {
		return errEmpty
	} else if p := dataset.ParseLFSPointer(start); p != nil {
		return p
	}
	t := &trackletReader{ctx: ctx, in: in, dec: xml.NewDecoder(in), TrackletContext: of, e: e}
	err := t.document()
	var bad *xmlFault
	var syntax *xml.SyntaxError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case in.err != nil && in.err != errLongToken:
		return in.err
	case errors.As(err, &bad):
		t.fault(bad.line, bad.msg)
	case in.err == errLongToken:
		t.fault(t.line(), "has an element or text of more than 1 MiB")
	case errors.As(err, &syntax):
		t.fault(syntax.Line, "is not well-formed XML: "+syntax.Msg)
	default:
		t.fault(t.line(), strings.TrimPrefix(err.Error(), "xml: "))
	}
	for _, zero := range trackletItems {
		e.Skip(zero, "tracklet-xml", of.Path)
	}
	return nil
}

// errEmpty is the error of a file without a byte.
var errEmpty = errors.New("is empty")

// trackletItems are the types of item that a tracklet file gives.
var trackletItems = []any{(*TrackletList)(nil), (*Tracklet)(nil), (*TrackletPose)(nil)}

type trackletReader struct {
	TrackletContext
	ctx context.Context
	in  *tokenReader
	dec *xml.Decoder
	e   rule.Emitter
}

// xmlFault is something well-formed that a tracklet file must not hold.
type xmlFault struct {
	line int
	msg  string
}

func (f *xmlFault) Error() string { return f.msg }

func (t *trackletReader) line() int {
	line, _ := t.dec.InputPos()
	return line
}

func (t *trackletReader) at() rule.Place { return rule.Place{Path: t.Path, Line: t.line()} }

func (t *trackletReader) fault(line int, msg string) {
	t.e.Emit(rule.Fault{Slug: "tracklet-xml", Message: msg, Place: rule.Place{Path: t.Path, Line: line}, Key: msg})
}

func (t *trackletReader) bad(format string, args ...any) error {
	return &xmlFault{t.line(), fmt.Sprintf(format, args...)}
}

func (t *trackletReader) token() (xml.Token, error) {
	t.in.left = maxXMLToken
	return t.dec.Token()
}

// document reads the prolog and the archive.
func (t *trackletReader) document() error {
	roots := 0
	for {
		tok, err := t.token()
		if errors.Is(err, io.EOF) {
			if roots == 0 {
				return t.bad("holds no element")
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.Directive:
			for _, word := range []string{"ENTITY", "SYSTEM", "PUBLIC"} {
				if bytes.Contains(tok, []byte(word)) {
					return t.bad("its document type declares %s: nothing outside the file may be named", word)
				}
			}
		case xml.StartElement:
			if roots++; roots > 1 {
				return t.bad("has a second root element <%s>", tok.Name.Local)
			}
			if err := t.archive(tok); err != nil {
				return err
			}
		}
	}
}

func (t *trackletReader) archive(root xml.StartElement) error {
	if root.Name.Local != "boost_serialization" {
		return t.bad("root element is <%s>, not <boost_serialization>", root.Name.Local)
	}
	for name, want := range map[string]string{"signature": boostSignature, "version": boostVersion} {
		if got := attr(root, name); got != want {
			t.e.Emit(rule.Fault{
				Slug: "tracklet-xml", Message: fmt.Sprintf("archive %s is %q", name, human.Clip(got, 40)), Place: t.at(),
				Expected: want, Actual: human.Clip(got, 40), Key: name,
			})
		}
	}
	lists := 0
	err := t.children(func(el xml.StartElement) error {
		if el.Name.Local != "tracklets" {
			return t.skip()
		}
		if lists++; lists > 1 {
			return t.bad("has a second list of tracklets")
		}
		return t.list("tracklets", "tracklets", func(i int) error { return t.tracklet(i) })
	})
	if err == nil && lists == 0 {
		return t.bad("has no <tracklets>")
	}
	return err
}

// list reads <count>, <item_version> and the items of one list.
func (t *trackletReader) list(of, key string, item func(i int) error) error {
	l := &TrackletList{Place: t.at(), Of: of, Key: key}
	f := fields{t: t, in: "<" + of + ">"}
	err := t.children(func(el xml.StartElement) (err error) {
		switch el.Name.Local {
		case "count":
			l.Count, err = f.int("count")
			l.CountAt = t.at()
		case "item_version":
			l.Version, err = f.int("item_version")
			l.VerAt = t.at()
		case "item":
			if err := t.ctx.Err(); err != nil {
				return err
			}
			l.Items++
			return item(l.Items - 1)
		default:
			return t.skip()
		}
		return err
	})
	if err == nil {
		err = f.need("count", "item_version")
	}
	if err == nil {
		t.e.Emit(l)
	}
	return err
}

func (t *trackletReader) tracklet(i int) error {
	tr := &Tracklet{Place: t.at(), Drive: t.Drive, Index: i, Frames: t.Frames}
	f := fields{t: t, in: fmt.Sprintf("tracklet %d", i)}
	err := t.children(func(el xml.StartElement) (err error) {
		switch name := el.Name.Local; name {
		case "objectType":
			tr.Type, err = f.text(name)
		case "h":
			tr.SizeAt = t.at()
			tr.H, err = f.float(name)
		case "w":
			tr.W, err = f.float(name)
		case "l":
			tr.L, err = f.float(name)
		case "first_frame":
			tr.First, err = f.int(name)
		case "poses":
			f.seen = append(f.seen, name)
			return t.list("poses", fmt.Sprintf("poses of tracklet %d", i), func(k int) error {
				tr.Poses = k + 1
				frame := -1
				if f.has("first_frame") {
					frame = tr.First + k
				}
				return t.pose(i, k, frame)
			})
		default:
			return t.skip()
		}
		return err
	})
	if err == nil {
		err = f.need("objectType", "h", "w", "l", "first_frame", "poses")
	}
	if err == nil {
		t.e.Emit(tr)
	}
	return err
}

func (t *trackletReader) pose(tracklet, i, frame int) error {
	p := &TrackletPose{Place: t.at(), Drive: t.Drive, Tracklet: tracklet, Index: i, FrameIndex: frame}
	if frame >= 0 {
		p.Place.Frame = rawID(frame)
		_, p.Absent = slices.BinarySearch(t.Absent, frame)
	}
	f := fields{t: t, in: fmt.Sprintf("pose %d of tracklet %d", i, tracklet)}
	floats := map[string]*float64{"tx": &p.T[0], "ty": &p.T[1], "tz": &p.T[2], "rx": &p.R[0], "ry": &p.R[1], "rz": &p.R[2]}
	ints := map[string]*int{"state": &p.State, "occlusion": &p.Occlusion, "truncation": &p.Truncation}
	err := t.children(func(el xml.StartElement) (err error) {
		name := el.Name.Local
		if v := floats[name]; v != nil {
			*v, err = f.float(name)
		} else if v := ints[name]; v != nil {
			*v, err = f.int(name)
		} else {
			err = t.skip()
		}
		return err
	})
	if err == nil {
		err = f.need("tx", "ty", "tz", "rx", "ry", "rz", "state", "occlusion", "truncation")
	}
	if err == nil {
		t.e.Emit(p)
	}
	return err
}
