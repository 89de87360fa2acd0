package datagen

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// NuScenesTables makes the tables of a large v1.0-trainval without its
// payload, scene by scene: what it takes to measure a reader. With all 34149
// samples it has the rows of the owner's release: 850 scenes of 68 logs, 10200
// calibrated sensors, 64386 instances with 1166187 annotations, and within 1 %
// of its 2631083 captures and poses, 2.6 GB. With fewer samples, each table has
// its share.
type NuScenesTables struct {
	Seed    uint64
	Samples int // 0: 80
}

// What the owner's release has.
const (
	trainvalScenes      = 850
	trainvalSamples     = 34149
	trainvalInstances   = 64386
	trainvalAnnotations = 1166187
	trainvalLogs        = 68
)

// trainvalLocations are the maps of the release.
var trainvalLocations = []struct{ location, mapfile string }{
	{"singapore-onenorth", "53992ee3023e5494b90c316c183be829"},
	{"boston-seaport", "36092f0b03a857c6a3403e25b4b7aab3"},
	{"singapore-hollandvillage", "37819e65e09e5547b8a3ceaefba56bb2"},
	{"singapore-queenstown", "93406b464a165eaba6d9de76ca09f5da"},
}

// trainvalLog is one of the logs: a day each.
func trainvalLog(i int) nuScenesLog {
	l := nuScenesLogs[0]
	where := trainvalLocations[i%len(trainvalLocations)]
	day := time.Date(2018, 7, 24, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i)
	l.logfile = l.vehicle + day.Format("-2006-01-02") + "-11-22-45+0800"
	l.location, l.mapfile = where.location, where.mapfile
	return l
}

// crowd lets other things stand beside the road, each seen for a while.
// Instance i of the release is the first of them, and has as many annotations
// as make the release's number in all.
func crowd(s *Scene, i, n, samples int) {
	s.Objects = nil
	r := rand.New(rand.NewPCG(s.Seed, 5))
	sin, cos := math.Sincos(s.Heading)
	for k := range n {
		c := classes[(i+k)%len(classes)]
		ahead, side := 10+6*float64(k), float64(k%2*2-1)*(8+4*float64(k%3))
		o := Object{
			ID: k + 1, Class: c.Class, L: c.l, W: c.w, H: c.h, Yaw: s.Heading + r.Float64(),
			Speed: c.speed * float64((k%5)/4),
			X:     s.Origin[0] + ahead*cos - side*sin, Y: s.Origin[1] + ahead*sin + side*cos,
			seen: min(samples, share(trainvalAnnotations, i+k+1, trainvalInstances)-share(trainvalAnnotations, i+k, trainvalInstances)),
		}
		o.first = r.IntN(samples - o.seen + 1)
		s.Objects = append(s.Objects, o)
	}
}

// share is how much of a whole falls to the first i of n.
func share(whole, i, n int) int { return whole * i / n }

// Write writes the tables into a folder.
func (n NuScenesTables) Write(root string) (err error) {
	if n.Samples == 0 {
		n.Samples = 80
	}
	dir := filepath.Join(root, "v1.0-trainval")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	out := map[string]*tableWriter{}
	defer func() {
		for _, w := range out {
			if cerr := w.close(); err == nil {
				err = cerr
			}
		}
	}()
	// flush appends the rows so far, and forgets those that no later scene
	// looks up.
	flush := func(t *tables, names ...string) error {
		for _, name := range names {
			w := out[name]
			if w == nil {
				if w, err = newTableWriter(filepath.Join(dir, name+".json")); err != nil {
					return err
				}
				out[name] = w
			}
			if err := w.add(t.rows[name]); err != nil {
				return err
			}
			t.rows[name] = nil
		}
		return nil
	}
	t := newTables(32, n.Seed)
	nothing := func(string, []byte) error { return nil }
	gen := NuScenes{Seed: n.Seed, Version: "v1.0-trainval", tablesAlone: true}
	for i := range trainvalLogs {
		gen.logs = append(gen.logs, trainvalLog(i))
	}
	made := 0
	for i := 0; made < n.Samples; i++ {
		samples := min(share(trainvalSamples, i+1, trainvalScenes)-share(trainvalSamples, i, trainvalScenes), n.Samples-made)
		made += samples
		s := NuScenesScene{Name: fmt.Sprintf("scene-%04d", i+1), Samples: samples, Log: share(trainvalLogs, i, trainvalScenes) % trainvalLogs}
		first := share(trainvalScenes, s.Log, trainvalLogs) // of the log, at most
		s.World = NewScene(n.Seed<<8+uint64(i), gen.logs[s.Log].start()+int64(6*time.Minute)+int64(i-first)*int64(25*time.Second))
		instance := share(trainvalInstances, i, trainvalScenes)
		crowd(s.World, instance, share(trainvalInstances, i+1, trainvalScenes)-instance, samples)
		if len(gen.Scenes) <= s.Log {
			gen.Scenes = append(gen.Scenes, s) // names the log
		}
		if err := gen.scene(nothing, t, i, s); err != nil {
			return err
		}
		if err := flush(t, "sample_data", "ego_pose", "sample_annotation", "instance", "sample", "scene", "calibrated_sensor"); err != nil {
			return err
		}
	}
	if err := gen.maps(nothing, t); err != nil {
		return err
	}
	for _, c := range nuScenesCategories[:23] {
		t.add("category", record("token", t.token("category", c.name), "name", c.name, "description", ""))
	}
	t.add("visibility", t.visibilities("v0-40", "v40-60", "v60-80", "v80-100")...)
	return flush(t, "attribute", "category", "log", "map", "sensor", "visibility")
}

// A tableWriter writes a table in parts.
type tableWriter struct {
	f    *os.File
	w    *bufio.Writer
	rows int
	buf  []byte
}

func newTableWriter(name string) (*tableWriter, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	return &tableWriter{f: f, w: bufio.NewWriterSize(f, 1<<20)}, nil
}

func (w *tableWriter) add(rows []*Record) error {
	for _, r := range rows {
		w.buf = append(w.buf[:0], ",\n"...)
		if w.rows == 0 {
			w.buf = append(w.buf[:0], "[\n"...)
		}
		w.rows++
		if _, err := w.w.Write(r.append(w.buf)); err != nil {
			return err
		}
	}
	return nil
}

func (w *tableWriter) close() error {
	tail := "\n]\n"
	if w.rows == 0 {
		tail = "[]\n"
	}
	_, err := w.w.WriteString(tail)
	if ferr := w.w.Flush(); err == nil {
		err = ferr
	}
	if cerr := w.f.Close(); err == nil {
		err = cerr
	}
	return err
}
