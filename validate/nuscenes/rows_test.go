package nuscenes

import (
	"bytes"
	"slices"
	"testing"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule/ruletest"
)

func readT4[T any](t *testing.T, name string, cols []column[T], text string) []T {
	t.Helper()
	l := newLoader(t.Context(), &dataset.Dataset{Schema: dataset.T4, Tables: "annotation"}, 1, &ruletest.Emitter{}).table(name)
	l.size = int64(len(text))
	table := &Table[T]{Name: name, Path: l.path, row: rowOf[T]()}
	if err := readTable(l, table, cols, bytes.NewReader([]byte(text))); err != nil {
		t.Fatal(err)
	}
	return table.Rows
}

// TestDeclined reads records that no layout takes, or only in part, as if there
// were no layouts.
func TestDeclined(t *testing.T) {
	for _, record := range []string{
		`{"token": "a", "width": 1, "width": 1}`,
		`{"token": "a"}`,
		`{"token": "a\u0062"}`,
	} {
		for i, r := range readT4(t, "sample_data", sampleDataColumns, "["+record+","+record+"]") {
			if !r.Valid {
				t.Errorf("row %d of %s is not valid, though nothing says so", i, record)
			}
		}
	}
	sensor := `{"sensor_token": "s", "translation": [1, 2, 3], "rotation": [1, 0, 0, 0], "camera_intrinsic": [],
		"camera_distortion": [1, 2, 3, 4, 5], "token": "\u0061"}`
	for i, r := range readT4(t, "calibrated_sensor", calibratedSensorColumns, "["+sensor+","+sensor+"]") {
		if want := []float64{1, 2, 3, 4, 5}; !slices.Equal(r.Distortion, want) {
			t.Errorf("row %d has the distortion %v", i, r.Distortion)
		}
	}
}

// TestReserve makes no room for all the rows that a file with a hole of
// terabytes could have.
func TestReserve(t *testing.T) {
	table := &Table[EgoPose]{}
	table.reserve(1 << 50)
	if n := cap(table.Rows); n > 2*most {
		t.Errorf("room for %d rows", n)
	}
}
