package nuscenes

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/dataset"
)

// inParts holds a table read in parts against the same in one.
type inParts func(t *testing.T, s dataset.Schema, name string, b []byte)

func partsOf[T any](cols []column[T]) inParts {
	return func(t *testing.T, s dataset.Schema, name string, b []byte) {
		// Parts of a record or less, as long as there are not too many, and large ones.
		agree(t, s, name, cols, b, max(60, int64(len(b)/500)), int64(len(b)/3+1))
	}
}

var corpusTables = map[string]inParts{
	"attribute": partsOf(attributeColumns), "calibrated_sensor": partsOf(calibratedSensorColumns),
	"category": partsOf(categoryColumns), "ego_pose": partsOf(egoPoseColumns), "instance": partsOf(instanceColumns),
	"log": partsOf(logColumns), "map": partsOf(mapColumns), "sample": partsOf(sampleColumns),
	"sample_annotation": partsOf(sampleAnnotationColumns), "sample_data": partsOf(sampleDataColumns),
	"scene": partsOf(sceneColumns), "sensor": partsOf(sensorColumns), "visibility": partsOf(visibilityColumns),
	"lidarseg": partsOf(lidarsegColumns), "panoptic": partsOf(lidarsegColumns), "object_ann": partsOf(objectAnnColumns),
	"surface_ann": partsOf(surfaceAnnColumns), "keypoint": partsOf(keypointColumns),
	"vehicle_state": partsOf(vehicleStateColumns), "traffic_light": partsOf(trafficLightColumns),
}

// tablesBelow reads the tables of a data set.
func tablesBelow(t *testing.T, root string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || corpusTables[strings.TrimSuffix(d.Name(), ".json")] == nil {
			return err
		}
		out[p[len(root):]], err = os.ReadFile(p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestCorpus reads each table that a mutation breaks: what is known and said is
// the same in parts of any size, and the checker accepts no record that the
// library refuses.
func TestCorpus(t *testing.T) {
	t.Parallel()
	sound := map[string]map[string][]byte{}
	tables, records := 0, 0
	for _, m := range datagen.Mutations() {
		s := dataset.NuScenes
		switch {
		case strings.HasPrefix(m.Base.Name, "lyft"):
			s = dataset.Lyft
		case strings.HasPrefix(m.Base.Name, "t4"):
			s = dataset.T4
		case !strings.HasPrefix(m.Base.Name, "nuscenes"):
			continue
		}
		root := filepath.Join(t.TempDir(), "data")
		if err := os.Mkdir(root, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := m.Base.Generate(root); err != nil {
			t.Fatal(err)
		}
		if sound[m.Base.Name] == nil {
			sound[m.Base.Name] = tablesBelow(t, root)
		}
		if err := m.Apply(&datagen.Dir{Root: root}); err != nil {
			t.Fatal(err)
		}
		for p, b := range tablesBelow(t, root) {
			if bytes.Equal(b, sound[m.Base.Name][p]) {
				continue
			}
			tables++
			name := strings.TrimSuffix(filepath.Base(p), ".json")
			corpusTables[name](t, s, name, b)
			schema, err := loadSchema(s, name)
			if err != nil {
				continue // not a table of this format
			}
			lib, err := schema.library()
			if err != nil {
				t.Fatal(err)
			}
			r := jsonrow.NewReader(bytes.NewReader(b))
			for {
				rec, err := r.Next()
				if e, ok := err.(*jsonrow.Error); ok && !e.Stop {
					continue
				} else if err != nil {
					break
				}
				if differ(t, m.Rule+" "+name, schema, lib, rec) {
					records++
				}
			}
		}
	}
	if tables < 50 || records < 1000 {
		t.Errorf("%d tables with %d records that are accepted: the corpus is not what it was", tables, records)
	}
}
