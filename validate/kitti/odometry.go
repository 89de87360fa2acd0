package kitti

import (
	"context"
	"fmt"
	"path"

	"github.com/mmaudit/mmaudit/internal/lazyre"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/payload"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A Sequence is one sequence of an odometry or SemanticKITTI data set.
type Sequence struct {
	Name     string    // "00"
	Dir      string    // "sequences/00"
	Frames   *FrameSet // folders that are there
	HasCalib bool
	HasTimes bool
	Times    *Times // nil if there is no times.txt of sound numbers
	Poses    []PosesFile
}

// A PosesFile is poses/NN.txt, or the poses.txt that SemanticKITTI puts into
// the sequence's folder.
type PosesFile struct {
	Path string
	Rows int
}

// Count is the number of frames that the sequence's files imply: its highest
// frame + 1.
func (s *Sequence) Count() int {
	n := s.Frames.Numbers()
	if len(n) == 0 {
		return 0
	}
	return n[len(n)-1] + 1
}

// odometrySpecs are the folders of a sequence. Which of the archives were
// downloaded is the user's choice; those that were must agree.
var odometrySpecs = []frameSpec{
	{name: "image_0", ext: imageExt},
	{name: "image_1", ext: imageExt},
	{name: "image_2", ext: imageExt},
	{name: "image_3", ext: imageExt},
	{name: "velodyne", ext: velodyneExt},
	{name: "labels", ext: []string{".label"}},
}

// odometryRaw says from which raw drive each sequence was cut: its frames
// first to last, in order. Sequences 11 to 21 have no published mapping.
var odometryRaw = map[string]struct {
	date, number string
	first, last  int
}{
	"00": {"2011_10_03", "0027", 0, 4540},
	"01": {"2011_10_03", "0042", 0, 1100},
	"02": {"2011_10_03", "0034", 0, 4660},
	"03": {"2011_09_26", "0067", 0, 800},
	"04": {"2011_09_30", "0016", 0, 270},
	"05": {"2011_09_30", "0018", 0, 2760},
	"06": {"2011_09_30", "0020", 0, 1100},
	"07": {"2011_09_30", "0027", 0, 1100},
	"08": {"2011_09_30", "0028", 1100, 5170},
	"09": {"2011_09_30", "0033", 0, 1590},
	"10": {"2011_09_30", "0034", 0, 1200},
}

// OdometryRaw gives the raw frame behind a frame of an odometry sequence.
func OdometryRaw(sequence string, frame int) (r RawFrame, ok bool) {
	m, ok := odometryRaw[sequence]
	if !ok || frame < 0 || frame > m.last-m.first {
		return r, false
	}
	return RawFrame{Date: m.date, Number: m.number, Frame: m.first + frame}, true
}

var sequenceDir = lazyre.New(`^\d\d$`)

// ReadOdometry reads a KITTI odometry or SemanticKITTI data set. It emits of
// each sequence its frames (*FrameSet), calibration (*Calib), poses (*Pose),
// stamps (*moment.Stream), the whole (*Sequence), and its payload.
func ReadOdometry(ctx context.Context, ds *dataset.Dataset, jobs int, e rule.Emitter) (moment.Source, error) {
	src := &odometrySource{ds: ds}
	for _, name := range ds.Tree.Subdirs("sequences") {
		if !sequenceDir().MatchString(name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return src, err
		}
		src.sequences = append(src.sequences, readSequence(ds, name, e))
	}
	for _, s := range src.sequences {
		if err := payload.Read(ctx, ds, s.wants(e), jobs, e); err != nil {
			return src, err
		}
	}
	return src, nil
}

func readSequence(ds *dataset.Dataset, name string, e rule.Emitter) *Sequence {
	dir := path.Join("sequences", name)
	s := &Sequence{Name: name, Dir: dir, Frames: &FrameSet{Name: dir, Dir: dir, Digits: 6, Noun: "frame"}}
	for _, spec := range odometrySpecs {
		if at, found := findFolder(ds.Tree, dir, spec); found {
			spec.required = true
			s.Frames.Folders = append(s.Frames.Folders, listFrames(ds.Tree, at, 6, spec))
		}
	}
	e.Emit(s.Frames)

	if p := path.Join(dir, "calib.txt"); ds.Tree.Has(p) {
		s.HasCalib = true
		if b, ok := readFilled(ds, p, maxText, e, (*Calib)(nil)); ok {
			e.Emit(ParseCalib(p, CalibOdometry, name, b))
		}
	}
	for _, p := range []string{path.Join("poses", name+".txt"), path.Join(dir, "poses.txt")} {
		if !ds.Tree.Has(p) {
			continue
		}
		if b, ok := readFilled(ds, p, maxRows, e, (*Pose)(nil)); ok {
			s.Poses = append(s.Poses, PosesFile{p, parsePoses(p, b, e)})
		}
	}
	readTimes(ds, s, e)
	e.Emit(s)
	return s
}

// readTimes reads times.txt. Its stamps go to the rules about time only where
// they are what such a file must hold; of one that is not, one rule speaks.
func readTimes(ds *dataset.Dataset, s *Sequence, e rule.Emitter) {
	p := path.Join(s.Dir, "times.txt")
	if s.HasTimes = ds.Tree.Has(p); !s.HasTimes {
		return
	}
	b, ok := readFilled(ds, p, maxRows, e, (*moment.Stream)(nil))
	if !ok {
		return
	}
	t, ok := parseTimes(p, b, e)
	if ok {
		s.Times = t
	}
	if !ok || !t.Rising() {
		e.Skip((*moment.Stream)(nil), "times-txt", p)
		return
	}
	e.Emit(&moment.Stream{
		Group: s.Name, Channel: "times", Path: p, Times: t.NS, Hz: RawHz,
		At: func(i int) rule.Place { return t.Place(i) },
	})
}

func (s *Sequence) wants(e rule.Emitter) (wants []payload.Want) {
	clouds := s.Frames.Folder("velodyne")
	for i := range s.Frames.Folders {
		f := &s.Frames.Folders[i]
		w := payload.Want{Channel: f.Channel, Group: s.Name, Kind: payload.Image}
		switch f.Channel {
		case "velodyne":
			w.Kind, w.Columns = payload.Lidar, 4
		case "labels":
			w.Kind, w.Columns = payload.Labels, 4
		}
		for _, file := range f.Files {
			w.Path, w.Frame = path.Join(f.Path, file.Name), file.ID
			if w.Kind == payload.Lidar && path.Ext(file.Name) == ".txt" || !e.Selected(w.Path) {
				continue
			}
			if w.Kind == payload.Labels {
				if clouds == nil {
					continue
				}
				if w.Cloud, _ = clouds.File(file.ID); w.Cloud == "" {
					continue // frame-set-mismatch
				}
			}
			wants = append(wants, w)
		}
	}
	return wants
}

// odometrySource yields one moment for each frame. times.txt has one stamp a
// frame, of the camera image_0: the offsets of the other sensors are known
// from raw alone, so only the reference is timed.
type odometrySource struct {
	ds        *dataset.Dataset
	sequences []*Sequence
}

func (o *odometrySource) Dataset() *dataset.Dataset { return o.ds }

func (o *odometrySource) Moments(yield func(*moment.Moment) bool) error {
	for _, s := range o.sequences {
		for _, n := range s.Frames.Numbers() {
			if !yield(s.moment(n)) {
				return nil
			}
		}
	}
	return nil
}

func (s *Sequence) moment(n int) *moment.Moment {
	id := s.Frames.ID(n)
	m := &moment.Moment{Group: s.Name, Sample: s.Name + "/" + id, Key: fmt.Sprintf("kitti-odometry/%s/%s", s.Name, id), Reference: "image_0"}
	if r, ok := OdometryRaw(s.Name, n); ok {
		m.Key = "kitti-raw/" + r.Sample()
	}
	for i := range s.Frames.Folders {
		f := &s.Frames.Folders[i]
		if f.Channel == "labels" {
			continue
		}
		file, ok := f.File(id)
		if !ok {
			continue
		}
		obs := moment.Observation{Channel: f.Channel, File: file, Resolution: 1000, Place: rule.Place{Path: file, Channel: f.Channel, Frame: id}}
		if f.Channel == m.Reference && s.Times != nil && n < len(s.Times.NS) {
			obs.Time, obs.Timed = s.Times.NS[n], true
			obs.Source = fmt.Sprintf("times.txt:%d", n+1)
		}
		m.Channels = append(m.Channels, obs)
	}
	return m
}
