package nuscenes

import (
	"os"
	"testing"

	"github.com/mmaudit/mmaudit/internal/datagen"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

// BenchmarkLoad reads the tables of 10 scenes: 31 000 rows of sample_data.
func BenchmarkLoad(b *testing.B) {
	benchmark(b, loadOne)
}

// BenchmarkScan judges their records, and keeps nothing but where they begin.
func BenchmarkScan(b *testing.B) {
	benchmark(b, func(l *loader, _ string) error { return loadTable(l, &Table[Row]{}, nil) })
}

func benchmark(b *testing.B, load func(l *loader, table string) error) {
	dir := b.TempDir()
	if err := (datagen.NuScenesTables{Seed: 1, Samples: 400}).Write(dir); err != nil {
		b.Fatal(err)
	}
	for _, table := range []string{"sample_data", "ego_pose", "sample_annotation"} {
		b.Run(table, func(b *testing.B) {
			ds := open(b, dir, dataset.NuScenes, "v1.0-trainval")
			info, err := os.Stat(dir + "/v1.0-trainval/" + table + ".json")
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(info.Size())
			b.ReportAllocs()
			for b.Loop() {
				l := newLoader(b.Context(), ds, 1, &ruletest.Emitter{}).table(table)
				if err := load(l, table); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func loadOne(l *loader, table string) error {
	switch table {
	case "sample_data":
		return loadTable(l, &Table[SampleData]{}, sampleDataColumns)
	case "ego_pose":
		return loadTable(l, &Table[EgoPose]{}, egoPoseColumns)
	}
	return loadTable(l, &Table[SampleAnnotation]{}, sampleAnnotationColumns)
}

func loadTable[T any](l *loader, t *Table[T], cols []column[T]) error {
	t.row = rowOf[T]()
	f := l.open(mandatory)
	defer f.Close()
	return readTable(l, t, cols, f)
}

// BenchmarkJudge explains a record of sample_data with one faulty member.
func BenchmarkJudge(b *testing.B) {
	s, err := loadSchema(dataset.NuScenes, "sample_data")
	if err != nil {
		b.Fatal(err)
	}
	members := examples(b, s)
	members["next"] = "null"
	rec := recordOf(b, members)
	for b.Loop() {
		if ps := s.judge(rec, true); len(ps) != 1 {
			b.Fatal(ps)
		}
	}
}
