package nuscenes

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/mmaudit/mmaudit/internal/jsonrow"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A Metainfo is T4's description of a point cloud that several scans make up
// (PointCloudMetainfo, the file that info_filename names).
type Metainfo struct {
	rule.Place
	Points  int64 // in the cloud; -1 if that cannot be told from its size
	Sources []MetaSource
}

// A MetaSource is the part of a cloud that one scan brought: points Begin to
// Begin+Length.
type MetaSource struct {
	Sensor        string // token
	Known         bool   // there is such a sensor
	Begin, Length int64
}

// maxMetainfo is far more than a description of a few scans takes.
const maxMetainfo = 1 << 20

// readMetainfo emits a *Metainfo for each description that sample_data names.
func readMetainfo(ctx context.Context, t *Tables, e rule.Emitter) error {
	if !e.Wants((*Metainfo)(nil)) {
		return nil
	}
	var p jsonrow.Parser
	for i := range t.SampleData.Rows {
		r := &t.SampleData.Rows[i]
		info := t.Name(t.RareName(r.Info))
		if info == "" || !e.Selected(info) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		at := rule.Place{Path: info}
		skip := func(slug string) { e.Skip((*Metainfo)(nil), slug, info) }
		if !t.Dataset.Tree.HasFile(info) {
			skip("file-missing")
			continue
		}
		b, err := t.Dataset.ReadFile(info, maxMetainfo)
		if err != nil {
			skip(rule.Unreadable(e, t.Dataset, at, err))
			continue
		}
		if len(b) == 0 {
			e.Emit(rule.EmptyFault(at))
			skip("file-empty")
			continue
		}
		place := func(offset int64) rule.Place {
			return rule.Place{Path: info, ByteOffset: min(offset, int64(len(b)-1))}
		}
		text, lead := encoded(e, b, place)
		rec, err := p.Object(text, lead)
		var je *jsonrow.Error
		if errors.As(err, &je) {
			f := rule.Fault{Slug: "json-syntax", Message: je.Msg, Place: place(je.Offset)}
			if je.Shape {
				f.Slug = "metainfo-sources"
			}
			e.Emit(f)
			skip(f.Slug)
			continue
		}
		if slug := flaws(e, rec, place); slug != "" {
			skip(slug)
			continue
		}
		m, features, err := parseMetainfo(rec)
		if err != nil {
			e.Emit(rule.Fault{Slug: "metainfo-sources", Message: err.Error(), Place: at})
			skip("metainfo-sources")
			continue
		}
		m.Place = at
		for k := range m.Sources {
			_, m.Sources[k].Known = t.Sensor.Find(t.texts.token([]byte(m.Sources[k].Sensor)))
			m.Sources[k].Known = m.Sources[k].Known || t.Sensor.open()
		}
		m.Points = points(t, r, features)
		e.Emit(m)
	}
	return nil
}

// points is the size of a cloud without header in points, or -1: for a PCD,
// and where the file is empty or its size no whole number of points, of which
// other rules speak.
func points(t *Tables, r *SampleData, features int64) int64 {
	info, err := t.Dataset.Stat(t.Name(r.Filename))
	if err != nil || r.PCD || info.Size() == 0 || info.Size()%(4*features) != 0 {
		return -1
	}
	return info.Size() / (4 * features)
}

// flaws emits the flaws of a small JSON file, and gives the rule that one of
// them breaks so that the file cannot be used.
func flaws(e rule.Emitter, rec *jsonrow.Record, place func(offset int64) rule.Place) (slug string) {
	for _, fl := range rec.Flaws {
		p := flaw(fl)
		e.Emit(rule.Fault{Slug: p.slug, Message: p.message, Place: place(p.offset), Actual: p.actual, Hint: p.hint, Key: fl.Field + " " + fl.Text})
		if !p.harmless {
			slug = p.slug
		}
	}
	return slug
}

// parseMetainfo takes what a description says.
func parseMetainfo(rec *jsonrow.Record) (m *Metainfo, features int64, err error) {
	features = 5
	if f := rec.Field("num_pts_feats"); f != nil && f.Kind != jsonrow.Null {
		n, exact := jsonrow.Scaled(f.Raw, 0)
		if f.Kind != jsonrow.Number || !exact || n < 3 || n > 1024 {
			return nil, 0, errors.New("num_pts_feats is no number of values of a point")
		}
		features = n
	}
	f := rec.Field("sources")
	if f == nil || f.Kind != jsonrow.Array {
		return nil, 0, errors.New("there is no list sources")
	}
	m = &Metainfo{}
	jsonrow.Elements(f.Raw, func(k jsonrow.Kind, raw []byte) bool {
		var s MetaSource
		var found [3]bool
		if k == jsonrow.Object {
			jsonrow.Members(raw, func(name string, k jsonrow.Kind, raw []byte) bool {
				switch {
				case name == "sensor_token" && k == jsonrow.String:
					s.Sensor, found[0] = string(jsonrow.Text(raw)), true
				case name == "idx_begin" && k == jsonrow.Number:
					s.Begin, found[1] = pointNumber(raw)
				case name == "length" && k == jsonrow.Number:
					s.Length, found[2] = pointNumber(raw)
				}
				return true
			})
		}
		if found != [3]bool{true, true, true} {
			err = fmt.Errorf("source %d lacks a sensor_token, or an idx_begin or length that is a number of points", len(m.Sources))
			return false
		}
		m.Sources = append(m.Sources, s)
		return true
	})
	if err != nil {
		return nil, 0, err
	}
	return m, features, nil
}

// pointNumber reads a number of points.
func pointNumber(raw []byte) (n int64, ok bool) {
	n, exact := jsonrow.Scaled(raw, 0)
	return n, exact && n >= 0 && n <= math.MaxInt32
}
