package payload

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/mmaudit/mmaudit/validate/dataset"
)

// TestMemoIsOfOneKind: what a file was seen as counts for nothing else.
func TestMemoIsOfOneKind(t *testing.T) {
	const kept = `{"schema":"nuscenes_v1.0","kind":2,"columns":5,"size":40,"points":2}`
	for _, tt := range []struct {
		schema  dataset.Schema
		kind    Kind
		columns int
		ok      bool
	}{
		{dataset.NuScenes, Lidar, 5, true},
		{dataset.KITTIObject, Lidar, 5, false},
		{dataset.NuScenes, Radar, 5, false},
		{dataset.NuScenes, Lidar, 4, false},
	} {
		r := &worker{reader: &reader{ds: &dataset.Dataset{Schema: tt.schema}}}
		if _, ok := r.lookedOf(&Want{Path: "a", Kind: tt.kind, Columns: tt.columns}, []byte(kept)); ok != tt.ok {
			t.Errorf("%+v: %t", tt, ok)
		}
	}
}

// FuzzMemo takes anything for what was kept of a file: what it gives comes back
// as it is, and is what its kind may be.
func FuzzMemo(f *testing.F) {
	for _, text := range []string{
		`{"schema":"nuscenes_v1.0","kind":1,"size":9,"format":"PNG","width":1,"height":2,"png":{"Width":1,"Height":2,"BitDepth":8,"Color":2,"Interlaced":false}}`,
		`{"schema":"nuscenes_v1.0","kind":2,"columns":5,"size":40,"points":2}`,
		`{"schema":"nuscenes_v1.0","kind":3,"size":9,"format":"PCD","pcd":{"Version":"0.7","Fields":[{"Name":"x","Size":4,"Type":70,"Count":1}],"Points":1},"points":1,"empty":true}`,
		`{"schema":"nuscenes_v1.0","kind":7,"size":9,"mcap":{"Profile":"ros2","Messages":18446744073709551615}}`,
		`{"schema":"nuscenes_v1.0","kind":4,"size":9,"none":true}`,
		`{"schema":"nuscenes_v1.0","kind":1,"size":0,"fault":{"slug":"file-empty","severity":"warning","message":"m","line":3,"offset":7}}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r := &worker{reader: &reader{ds: &dataset.Dataset{Schema: dataset.NuScenes}}}
		for kind := Image; kind <= Bag; kind++ {
			for _, columns := range []int{0, 5} {
				w := &Want{Path: "a", Kind: kind, Columns: columns, Channel: "c"}
				l, ok := r.lookedOf(w, b)
				if !ok {
					continue
				}
				if l.item != nil && reflect.TypeOf(l.item) != reflect.TypeOf(zero(kind)) {
					t.Errorf("kind %d gives %T", kind, l.item)
				}
				again, err := json.Marshal(r.memoOf(w, &l))
				if err != nil {
					t.Fatal(err)
				}
				if back, ok := r.lookedOf(w, again); !ok || !reflect.DeepEqual(back, l) {
					t.Errorf("%s gives %+v, and then %+v", b, l, back)
				}
			}
		}
	})
}
