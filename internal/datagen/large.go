package datagen

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// NuScenesTables makes the tables of a large v1.0-trainval without its
// payload, scene by scene: what it takes to measure a reader. A sample is
// about 79 rows, 40 kB, of sample_data; the owner's release has 34149.
type NuScenesTables struct {
	Seed    uint64
	Samples int // 0: 80
}

// samplesPerScene is what a scene of 20 s has.
const samplesPerScene = 40

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
	gen := NuScenes{Seed: n.Seed, Version: "v1.0-trainval", logs: nuScenesLogs, tablesAlone: true}
	for i := 0; i*samplesPerScene < n.Samples; i++ {
		s := NuScenesScene{
			Name: fmt.Sprintf("scene-%04d", i+1), Samples: min(samplesPerScene, n.Samples-i*samplesPerScene),
			After: int64(6*time.Minute) + int64(i)*int64(25*time.Second),
		}
		if err := gen.scene(nothing, t, i, s); err != nil {
			return err
		}
		if err := flush(t, "sample_data", "ego_pose", "sample_annotation", "instance", "sample", "scene", "calibrated_sensor"); err != nil {
			return err
		}
	}
	gen.Scenes = []NuScenesScene{{}}
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
