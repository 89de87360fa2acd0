package kitti

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mmaudit/mmaudit/internal/lazyre"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// rawStreams are the streams of a raw drive by channel, each with its folder
// and the endings of its data files.
var rawStreams = []struct {
	channel string
	frameSpec
}{
	{"image_00", frameSpec{name: "image_00", ext: imageExt}},
	{"image_01", frameSpec{name: "image_01", ext: imageExt}},
	{"image_02", frameSpec{name: "image_02", ext: imageExt}},
	{"image_03", frameSpec{name: "image_03", ext: imageExt}},
	{"oxts", frameSpec{name: "oxts", ext: textExt}},
	{"velodyne", frameSpec{name: "velodyne_points", ext: velodyneExt}},
}

// A RawDate is a date folder of KITTI raw. The archives of one date may have
// been unpacked side by side, so that it has more than one folder.
type RawDate struct {
	Name string   // "2011_09_26"
	Dirs []string // relative to the data set's root, sorted
}

// A RawDrive is one drive of KITTI raw.
type RawDrive struct {
	Name   string // "2011_09_26_drive_0001"
	Date   string // of its folder name: "2011_09_26"; "" for a folder that does not say which drive it is
	Number string // "0001", or ""
	Synced bool   // "_sync": frame k of every stream is line k of its timestamps; "_extract" streams are unrelated
	Parent string // the date folder it lies in: "2011_09_26"
	Dir    string // relative to the data set's root
	// Streams are those with a folder, in the order image_00..03, oxts, velodyne.
	Streams []RawStream
}

// A RawStream is one sensor's folder of a drive.
type RawStream struct {
	Channel string      // "image_02", "oxts", "velodyne"
	Dir     string      // ".../velodyne_points", relative to the data set's root
	Data    FrameFolder // its data/
	Stamps  string      // its timestamps.txt; "" if there is none
}

// File finds the data file of a frame, relative to the data set's root.
func (s *RawStream) File(frame int) (string, bool) { return s.Data.File(rawID(frame)) }

// rawID is how the raw data set writes the number of a frame.
func rawID(frame int) string { return fmt.Sprintf("%010d", frame) }

// Stream finds a stream by channel; nil if the drive lacks it.
func (d *RawDrive) Stream(channel string) *RawStream {
	for i := range d.Streams {
		if d.Streams[i].Channel == channel {
			return &d.Streams[i]
		}
	}
	return nil
}

// RawSource yields the moments of a KITTI raw data set: the frames of its
// synchronised drives. The streams of an _extract drive do not correspond
// frame by frame, so it has none.
//
// Reference is image_00, as the owner says; times are wall-clock readings
// taken as UTC. It is safe for concurrent use.
type RawSource struct {
	ds     *dataset.Dataset
	Dates  []RawDate   // by name
	Drives []*RawDrive // by name, _sync before _extract

	mu     sync.Mutex
	stamps map[*RawDrive][]*Stamps // guarded by mu; by stream; filled by Frame
}

var (
	rawDateDir  = lazyre.New(`^\d{4}_\d\d_\d\d$`)
	rawDriveDir = lazyre.New(`^(\d{4}_\d\d_\d\d)_drive_(\d{4})_(sync|extract)$`)
)

// OpenRaw finds the drives of a KITTI raw data set, at whatever depth their
// date folders lie. It reads no file.
func OpenRaw(ds *dataset.Dataset) *RawSource {
	s := &RawSource{ds: ds, stamps: map[*RawDrive][]*Stamps{}}
	dates := map[string][]string{}
	for dir := range ds.Tree.Dirs {
		date := path.Base(dir)
		if !rawDateDir().MatchString(date) {
			continue
		}
		found := slices.ContainsFunc(RawCalibFiles, func(f string) bool { return ds.Tree.HasFile(path.Join(dir, f)) })
		for _, sub := range ds.Tree.Subdirs(dir) {
			m := rawDriveDir().FindStringSubmatch(sub)
			if m == nil {
				continue
			}
			found = true
			s.Drives = append(s.Drives, openDrive(ds.Tree, path.Join(dir, sub), date, m))
		}
		if found {
			dates[date] = append(dates[date], dir)
		}
	}
	for name, dirs := range dates {
		slices.Sort(dirs)
		s.Dates = append(s.Dates, RawDate{name, dirs})
	}
	if len(s.Drives) == 0 && len(s.Dates) == 0 {
		s.Drives = bareDrive(ds)
	}
	slices.SortFunc(s.Dates, func(a, b RawDate) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(s.Drives, func(a, b *RawDrive) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		if a.Synced != b.Synced {
			if a.Synced {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Dir, b.Dir)
	})
	return s
}

// bareDrive reads the root itself as a drive whose folders of date and drive
// are missing. Unless the root is named as a drive, nobody knows which it is.
func bareDrive(ds *dataset.Dataset) []*RawDrive {
	name := filepath.Base(ds.Root)
	if abs, err := filepath.Abs(ds.Root); err == nil {
		name = filepath.Base(abs)
	}
	d := &RawDrive{Name: name, Synced: true, Dir: "."}
	if m := rawDriveDir().FindStringSubmatch(name); m != nil {
		d = namedDrive(m)
		d.Parent, d.Dir = d.Date, "."
	}
	if d.list(ds.Tree); len(d.Streams) == 0 {
		return nil
	}
	return []*RawDrive{d}
}

// namedDrive takes a drive's name apart.
func namedDrive(m []string) *RawDrive {
	return &RawDrive{Name: m[1] + "_drive_" + m[2], Date: m[1], Number: m[2], Synced: m[3] == "sync"}
}

func openDrive(t *dataset.Tree, dir, parent string, m []string) *RawDrive {
	d := namedDrive(m)
	d.Parent, d.Dir = parent, dir
	d.list(t)
	return d
}

// list finds the streams of the drive.
func (d *RawDrive) list(t *dataset.Tree) {
	for _, want := range rawStreams {
		at, found := findFolder(t, d.Dir, want.frameSpec)
		if !found {
			continue
		}
		s := RawStream{Channel: want.channel, Dir: at, Data: listFrames(t, path.Join(at, "data"), 10, want.frameSpec)}
		s.Data.Channel = want.channel
		if p := path.Join(s.Dir, "timestamps.txt"); t.Has(p) {
			s.Stamps = p
		}
		d.Streams = append(d.Streams, s)
	}
}

// frameNumber reads a frame id of exactly n digits.
func frameNumber(id string, n int) (int, bool) {
	if len(id) != n {
		return 0, false
	}
	k, err := strconv.ParseUint(id, 10, 63)
	return int(k), err == nil
}

// Dataset implements moment.Source.
func (s *RawSource) Dataset() *dataset.Dataset { return s.ds }

// Moments implements moment.Source: one group for each synchronised drive, one
// moment for each frame that has a stamp or a data file in any stream.
func (s *RawSource) Moments(yield func(*moment.Moment) bool) error {
	seen := ""
	for _, d := range s.Drives {
		if !d.Synced || d.Name == seen { // a second copy of a drive names the same moments
			continue
		}
		seen = d.Name
		stamps, err := s.read(d)
		if err != nil {
			return err
		}
		for _, k := range frames(d, stamps) {
			if !yield(s.moment(d, stamps, k)) {
				return nil
			}
		}
	}
	return nil
}

// ErrNoFrame is wrapped where Frame is asked for a frame that the data set
// does not have.
var ErrNoFrame = errors.New("no such raw frame")

// Frame gives the moment of one frame of a synchronised drive, for data that
// is mapped to raw: Frame("2011_09_26", "0001", 4). It keeps the stamps of the
// drives that it was asked for, 16 bytes for each stream and frame.
func (s *RawSource) Frame(date, number string, frame int) (*moment.Moment, error) {
	name := date + "_drive_" + number
	i := slices.IndexFunc(s.Drives, func(d *RawDrive) bool { return d.Name == name && d.Synced })
	if i < 0 {
		return nil, fmt.Errorf("%w: %s has no folder %s_sync", ErrNoFrame, s.ds.Root, name)
	}
	d := s.Drives[i]
	s.mu.Lock()
	defer s.mu.Unlock()
	stamps, ok := s.stamps[d]
	if !ok {
		var err error
		if stamps, err = s.read(d); err != nil {
			return nil, err
		}
		s.stamps[d] = stamps
	}
	m := s.moment(d, stamps, frame)
	if len(m.Channels) == 0 {
		return nil, fmt.Errorf("%w: %s_sync has no frame %s", ErrNoFrame, name, rawID(frame))
	}
	return m, nil
}

// read gives the stamps of each stream of d; nil where a stream has no file of
// stamps that can be read, which the reader reports on its own.
func (s *RawSource) read(d *RawDrive) ([]*Stamps, error) {
	out := make([]*Stamps, len(d.Streams))
	for i, st := range d.Streams {
		if st.Stamps == "" {
			continue
		}
		stamps, err := ReadStamps(s.ds, st.Stamps)
		var pe *fs.PathError
		if err != nil && !errors.As(err, &pe) {
			return nil, fmt.Errorf("%s: %w", st.Stamps, err)
		}
		out[i] = stamps
	}
	return out, nil
}

// frames lists the frames that have a stamp or a data file, in order.
func frames(d *RawDrive, stamps []*Stamps) []int {
	var all []int
	for i, st := range d.Streams {
		for _, f := range st.Data.Files {
			if !f.Odd {
				all = append(all, f.Number)
			}
		}
		if stamps[i] == nil {
			continue
		}
		for k, l := range stamps[i].Lines {
			if l.StampState != Blank {
				all = append(all, k)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// moment gathers what the streams of d hold of frame k. An observation without
// a data file has File "".
func (s *RawSource) moment(d *RawDrive, stamps []*Stamps, k int) *moment.Moment {
	id := d.Name + "/" + rawID(k)
	m := &moment.Moment{Group: d.Name, Sample: id, Reference: "image_00"}
	if d.Date != "" {
		m.Key = "kitti-raw/" + id
	}
	for i, st := range d.Streams {
		file, has := st.File(k)
		t, timed := stamps[i].Frame(k)
		if !has && !timed {
			continue
		}
		o := moment.Observation{Channel: st.Channel, File: file, Time: t, Timed: timed, Resolution: 1}
		o.Place = rule.Place{Path: file, Channel: st.Channel, Frame: rawID(k)}
		if timed {
			o.Source = fmt.Sprintf("%s/timestamps.txt:%d", path.Base(st.Dir), k+1)
		}
		if !has {
			o.Place.Path, o.Place.Line = st.Stamps, k+1
		}
		m.Channels = append(m.Channels, o)
	}
	return m
}

// A RawChannel names a stream of raw and its folder.
type RawChannel struct{ Name, Dir string }

// RawChannels lists the streams that every drive has.
func RawChannels() []RawChannel {
	out := make([]RawChannel, len(rawStreams))
	for i, s := range rawStreams {
		out[i] = RawChannel{s.channel, s.name}
	}
	return out
}
