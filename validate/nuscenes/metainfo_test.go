package nuscenes

import (
	"errors"
	"fmt"
	"testing"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
)

func TestParseMetainfo(t *testing.T) {
	for _, x := range []struct {
		text     string
		sources  string
		features int64
		err      string // "json" for an error of the text
	}{
		{text: `{"stamp": {"sec": 1, "nanosec": 2}, "sources": [{"sensor_token": "a", "idx_begin": 0, "length": 3, "stamp": {}}]}`, sources: "[{a false 0 3}]", features: 5},
		{text: `{"num_pts_feats": 4, "sources": []}`, sources: "[]", features: 4},
		{text: `{"num_pts_feats": null, "sources": [{"length": 1, "idx_begin": 2, "sensor_token": "\u00e9"}]}`, sources: "[{é false 2 1}]", features: 5},
		{text: `{"num_pts_feats": 4.5, "sources": []}`, err: "num_pts_feats is no number of values of a point"},
		{text: `{"num_pts_feats": 0, "sources": []}`, err: "num_pts_feats is no number of values of a point"},
		{text: `{"sources": {}}`, err: "there is no list sources"},
		{text: `{}`, err: "there is no list sources"},
		{text: `{"sources": [7]}`, err: "source 0 lacks a sensor_token, or an idx_begin or length that is a number of points"},
		{text: `{"sources": [{"sensor_token": "a", "idx_begin": -1, "length": 3}]}`, err: "source 0 lacks a sensor_token, or an idx_begin or length that is a number of points"},
		{text: `{"sources": [{"sensor_token": "a", "idx_begin": 0, "length": 1e300}]}`, err: "source 0 lacks a sensor_token, or an idx_begin or length that is a number of points"},
		{text: `{"sources": [`, err: "json"},
		{text: `[]`, err: "json"},
		{text: ``, err: "json"},
	} {
		m, features, err := describe([]byte(x.text))
		var je *jsonrow.Error
		switch {
		case x.err == "json":
			if !errors.As(err, &je) {
				t.Errorf("%s: %v", x.text, err)
			}
		case x.err != "":
			if err == nil || err.Error() != x.err {
				t.Errorf("%s: %v", x.text, err)
			}
		case err != nil:
			t.Errorf("%s: %v", x.text, err)
		case fmt.Sprint(m.Sources) != x.sources || features != x.features:
			t.Errorf("%s: %v, %d values", x.text, m.Sources, features)
		}
	}
}

func describe(b []byte) (*Metainfo, int64, error) {
	rec, err := new(jsonrow.Parser).Object(b, 0)
	if err != nil {
		return nil, 0, err
	}
	return parseMetainfo(rec)
}

func FuzzMetainfo(f *testing.F) {
	f.Add([]byte(`{"num_pts_feats": 4, "sources": [{"sensor_token": "a", "idx_begin": 0, "length": 3}]}`))
	f.Add([]byte(`{"sources": [{"length": 99999999999999999999}]}`))
	f.Add([]byte(`{"sources": [[[[`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, features, err := describe(b)
		if err != nil {
			return
		}
		if features < 3 {
			t.Errorf("%d values", features)
		}
		for _, s := range m.Sources {
			if s.Begin < 0 || s.Length < 0 || s.Begin+s.Length < 0 {
				t.Errorf("source %+v", s)
			}
		}
	})
}
