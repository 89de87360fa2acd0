package nuscenes

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

// FuzzTable reads any bytes as a table: nothing panics, rows that hold less
// than their record says are refused, what is said points into the file, and it
// is the same in parts.
func FuzzTable(f *testing.F) {
	seeds := []string{
		`[{"token": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "sensor_token": "b", "translation": [1, 2, 3], "rotation": [1, 0, 0, 0], "camera_intrinsic": [[1, 0, 1], [0, 1, 1], [0, 0, 1]]}, {}]`,
		`[{"token": "x", "sample_token": "", "ego_pose_token": "y", "timestamp": 1e300, "next": null, "filename": "a\u0000"}]`,
		`[{"token": "x", "mask": {"size": [1, 2], "counts": "NjI="}, "bbox": [1, 2, 3, 4e99]}]`,
		`{"a": [1]}`, "[", "", "\xef\xbb\xbf[{\"token\": NaN}]\r\n]",
	}
	for i := range uint8(4) {
		for _, s := range seeds {
			f.Add(i, []byte(s))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		e := &ruletest.Emitter{}
		l := newLoader(t.Context(), &dataset.Dataset{Schema: dataset.NuScenes, Tables: "v1.0-mini"}, 2, e)
		switch which % 4 {
		case 0:
			fuzzOne(t, l, "sample_data", sampleDataColumns, b)
		case 1:
			fuzzOne(t, l, "calibrated_sensor", calibratedSensorColumns, b)
		case 2:
			l.ds.Schema = dataset.T4
			fuzzOne(t, l, "object_ann", objectAnnColumns, b)
		case 3:
			l.ds.Schema = dataset.Lyft
			fuzzOne(t, l, "ego_pose", egoPoseColumns, b)
		}
		for _, x := range e.Faults {
			if x.ByteOffset < 0 || x.ByteOffset > int64(len(b)) || x.Message == "" || !strings.HasPrefix(x.Path, "v1.0-mini/") {
				t.Errorf("%+v", x)
			}
		}
	})
}

func fuzzOne[T any](t *testing.T, l *loader, name string, cols []column[T], b []byte) {
	agree(t, l.ds.Schema, name, cols, b, int64(len(b)/3+1))
	l = l.table(name)
	l.size = int64(len(b))
	table := &Table[T]{Name: name, Path: l.path}
	table.row = rowOf[T]()
	if err := readTable(l, table, cols, bytes.NewReader(b)); err != nil {
		t.Fatal(err)
	}
	for i := range table.Rows {
		k := table.Row(int32(i))
		if k.Token.Zero() && table.Sound(int32(i)) {
			found := false // an empty key is a fault of its own
			for _, f := range l.e.(*ruletest.Emitter).Faults {
				found = found || f.Slug == "token-format"
			}
			if !found {
				t.Errorf("row %d has no key, and nothing is said", i)
			}
		}
		if at, ok := table.Find(k.Token); !k.Token.Zero() && (!ok || at > int32(i)) {
			t.Errorf("row %d is at %d, %v", i, at, ok)
		}
	}
}
