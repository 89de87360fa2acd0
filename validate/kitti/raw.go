package kitti

import (
	"context"
	"errors"
	"fmt"
	"path"

	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/payload"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// RawCalibFiles are the calibration files of a date.
var RawCalibFiles = []string{"calib_cam_to_cam.txt", "calib_imu_to_velo.txt", "calib_velo_to_cam.txt"}

var rawCalibKinds = map[string]CalibKind{
	"calib_cam_to_cam.txt":  CalibCamToCam,
	"calib_imu_to_velo.txt": CalibIMUToVelo,
	"calib_velo_to_cam.txt": CalibVeloToCam,
}

// RawHz is the nominal rate of every stream of raw: the scanner turns ten
// times a second, and triggers the rest.
const RawHz = 10

// Limits on files that are read whole.
const (
	maxText = 1 << 20
	maxRows = 16 << 20 // one row for each frame
)

// A RawClock is every stamp of one drive.
type RawClock struct {
	Drive *RawDrive
	// Stamps by channel, and "velodyne_start" and "velodyne_end"; a channel
	// whose timestamps cannot be read is not there.
	Stamps map[string]*Stamps
}

// Frames is the number of frames of the drive: the most that any stream has
// lines of timestamps or data for.
func (c *RawClock) Frames() int {
	n := 0
	for i := range c.Drive.Streams {
		n = max(n, c.Drive.Streams[i].Count())
	}
	for _, s := range c.Stamps {
		n = max(n, len(s.Lines))
	}
	return n
}

// scanTimes are the further timestamps of the scanner: when a turn began and ended.
var scanTimes = []struct{ channel, file string }{
	{"velodyne_start", "timestamps_start.txt"},
	{"velodyne_end", "timestamps_end.txt"},
}

// ReadRaw reads a KITTI raw data set. It emits the data set as a whole
// (*RawSource), the calibration of each date (*Calib), and of each drive its
// frames by stream (*FrameSet), its stamps (*RawClock, *moment.Stream), its
// GPS/IMU readings (*Oxts), its tracklets and its payload.
func ReadRaw(ctx context.Context, ds *dataset.Dataset, jobs int, e rule.Emitter) (moment.Source, error) {
	src := OpenRaw(ds)
	e.Emit(src)
	r := &rawReader{ctx: ctx, ds: ds, e: e, cam: map[string]*Calib{}}
	for _, d := range src.Dates {
		r.calibration(d)
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, jobs))
	r.ctx = gctx
	for _, d := range src.Drives {
		g.Go(func() error { return r.drive(d) })
	}
	if err := g.Wait(); err != nil {
		return src, err
	}
	for _, d := range src.Drives {
		if err := payload.Read(ctx, ds, r.wants(d), jobs, e); err != nil {
			return src, err
		}
	}
	return src, nil
}

type rawReader struct {
	ctx context.Context
	ds  *dataset.Dataset
	e   rule.Emitter
	cam map[string]*Calib // camera calibration by date
}

func (r *rawReader) calibration(d RawDate) {
	for _, dir := range d.Dirs {
		for _, file := range RawCalibFiles {
			name := path.Join(dir, file)
			if !r.ds.Tree.Has(name) {
				continue
			}
			b, ok := readFilled(r.ds, name, maxText, r.e, (*Calib)(nil))
			if !ok {
				continue
			}
			c := ParseCalib(name, rawCalibKinds[file], d.Name, b)
			if c.Kind == CalibCamToCam {
				r.cam[d.Name] = c
			}
			r.e.Emit(c)
		}
	}
}

// drive reads everything of a drive but its payload.
func (r *rawReader) drive(d *RawDrive) error {
	clock := &RawClock{Drive: d, Stamps: map[string]*Stamps{}}
	for i := range d.Streams {
		st := &d.Streams[i]
		r.stamps(clock, st.Channel, st.Stamps, (*moment.Stream)(nil), (*RawClock)(nil))
		if st.Channel == "velodyne" {
			for _, f := range scanTimes {
				if name := path.Join(st.Dir, f.file); r.ds.Tree.Has(name) {
					r.stamps(clock, f.channel, name, (*RawClock)(nil))
				}
			}
		}
		stamps := clock.Stamps[st.Channel]
		r.e.Emit(&FrameSet{
			Name: d.Name + "/" + st.Channel, Dir: st.Data.Path, Digits: 10, Noun: "frame",
			Folders: []FrameFolder{st.Data}, Absent: stamps.absent(),
		})
		r.stream(d, st, stamps)
	}
	r.e.Emit(clock)
	if err := r.oxts(d); err != nil {
		return err
	}
	return r.tracklets(clock)
}

// stamps reads one timestamps file into clock.
func (r *rawReader) stamps(clock *RawClock, channel, name string, zeros ...any) {
	if name == "" {
		return
	}
	b, ok := readFilled(r.ds, name, maxStamps, r.e, zeros...)
	if !ok {
		return
	}
	clock.Stamps[channel] = parseStamps(name, b, func(line int, text []byte, err error) {
		r.e.Emit(rule.Fault{
			Slug: "timestamp-format", Message: fmt.Sprintf("the timestamp %v", err),
			Place:    rule.Place{Path: name, Line: line, Channel: channel, Frame: rawID(line - 1)},
			Expected: "YYYY-MM-DD HH:MM:SS.nnnnnnnnn", Actual: human.Clip(text, 40),
		})
	})
}

// stream emits the stamps of a stream for the rules about time. Stamps that
// are fewer than the frames are of unknown frames: another rule says so.
func (r *rawReader) stream(d *RawDrive, st *RawStream, stamps *Stamps) {
	if stamps == nil {
		return
	}
	if len(stamps.Lines) < st.Count() {
		r.e.Skip((*moment.Stream)(nil), "timestamps-count", stamps.Path)
		return
	}
	s := &moment.Stream{Group: d.Name, Channel: st.Channel, Path: stamps.Path, Hz: RawHz, Epoch: true, Wall: true}
	for k, l := range stamps.Lines {
		if l.StampState == Stamped {
			s.Times = append(s.Times, l.Time)
			s.Frames = append(s.Frames, k)
		}
	}
	s.At = func(i int) rule.Place {
		p := stamps.Place(s.Frames[i])
		p.Channel, p.Frame = st.Channel, rawID(s.Frames[i])
		return p
	}
	if len(s.Times) > 0 {
		r.e.Emit(s)
	}
}

// Count is the number of frames that a stream's data implies: its highest
// frame + 1.
func (s *RawStream) Count() int {
	if n := s.Data.Numbers(); len(n) > 0 {
		return n[len(n)-1] + 1
	}
	return 0
}

// absent lists the frames that blank lines declare missing.
func (s *Stamps) absent() (frames []int) {
	if s == nil {
		return nil
	}
	for k, l := range s.Lines {
		if l.StampState == Blank {
			frames = append(frames, k)
		}
	}
	return frames
}

func (r *rawReader) oxts(d *RawDrive) error {
	st := d.Stream("oxts")
	if st == nil || !r.e.Wants((*Oxts)(nil)) {
		return nil
	}
	r.e.Expect(len(st.Data.Files))
	for _, f := range st.Data.Files {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		r.e.Advance(1)
		name := path.Join(st.Data.Path, f.Name)
		if !r.e.Selected(name) {
			continue
		}
		b, ok := readFilled(r.ds, name, maxText, r.e, (*Oxts)(nil))
		if !ok {
			continue
		}
		parseOxts(name, b, r.e, func(int) rule.Place { return rule.Place{Path: name, Channel: "oxts", Frame: f.ID} }, 1)
	}
	return nil
}

func (r *rawReader) tracklets(clock *RawClock) error {
	d := clock.Drive
	name := path.Join(d.Dir, "tracklet_labels.xml")
	if !r.ds.Tree.Has(name) {
		return nil
	}
	f, err := r.ds.Open(name)
	if err == nil {
		defer f.Close()
		err = ReadTracklets(r.ctx, f, TrackletContext{
			Path: name, Drive: d, Frames: clock.Frames(), Absent: clock.Stamps["velodyne"].absent(),
		}, r.e)
	}
	if err == nil || r.ctx.Err() != nil {
		return r.ctx.Err()
	}
	slug := "file-empty"
	if errors.Is(err, errEmpty) {
		r.e.Emit(rule.EmptyFault(rule.Place{Path: name}))
	} else {
		slug = rule.Unreadable(r.e, r.ds, rule.Place{Path: name}, err)
	}
	for _, zero := range trackletItems {
		r.e.Skip(zero, slug, name)
	}
	return nil
}

// wants names the payload of a drive, with the image size that the calibration
// of its date declares.
func (r *rawReader) wants(d *RawDrive) (wants []payload.Want) {
	for i := range d.Streams {
		st := &d.Streams[i]
		w := payload.Want{Channel: st.Channel, Group: d.Name, Kind: payload.Image}
		switch st.Channel {
		case "oxts":
			continue
		case "velodyne":
			w.Kind, w.Columns = payload.Lidar, 4
		default:
			w.Width, w.Height = r.cam[d.Parent].imageSize(st.Channel, d.Synced)
		}
		for _, f := range st.Data.Files {
			if w.Kind == payload.Lidar && path.Ext(f.Name) == ".txt" {
				continue // text clouds of early releases have no header to inspect
			}
			w.Path, w.Frame = path.Join(st.Data.Path, f.Name), f.ID
			if r.e.Selected(w.Path) {
				wants = append(wants, w)
			}
		}
	}
	return wants
}

// imageSize gives the size in px of a camera's images, rectified or not, or 0, 0.
func (c *Calib) imageSize(channel string, rectified bool) (width, height int) {
	if c == nil {
		return 0, 0
	}
	key := "S_" + channel[len("image_"):]
	if rectified {
		key = "S_rect_" + channel[len("image_"):]
	}
	if s := c.Matrix(key); s != nil {
		return int(s[0]), int(s[1])
	}
	return 0, 0
}
