package nuscenes

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/payload"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// readPayload has the headers of the files inspected that the tables name,
// scene by scene so that the list stays short. Files that are not there are
// left to the layout rules.
func readPayload(ctx context.Context, t *Tables, c *channels, jobs int, e rule.Emitter) error {
	if !payload.Wanted(e) {
		return ctx.Err()
	}
	w := wanter{t: t, e: e, labels: map[Token][]payload.Want{}}
	w.maps()
	w.bags()
	w.label(&t.Lidarseg, payload.Labels)
	w.label(&t.Panoptic, payload.NPZ)
	flush := func() error {
		err := payload.Read(ctx, t.Dataset, w.list, jobs, e)
		w.list = w.list[:0]
		return err
	}
	rows := groupBy(c.chain.Group, c.chain.Groups())
	scene := Unknown
	for _, g := range c.order {
		own := t.Chains().Streams[g]
		if own.Scene != scene && len(w.list) > 4096 {
			if err := flush(); err != nil {
				return err
			}
		}
		scene = own.Scene
		sensor := &t.Sensor.Rows[own.Sensor]
		for _, r := range rows.Of(g) {
			w.sampleData(r, t.Scene.Rows[scene].Name, sensor.Channel, sensor.Modality)
		}
	}
	// Of a row without a sensor, the file's name alone says what it holds.
	for r, stream := range c.chain.Group {
		if stream < 0 {
			w.sampleData(int32(r), "", "", "")
		}
	}
	return flush()
}

type wanter struct {
	t      *Tables
	e      rule.Emitter
	list   []payload.Want
	labels map[Token][]payload.Want // by sample_data token
}

func (w *wanter) add(p payload.Want) {
	if w.t.Dataset.Tree.HasFile(p.Path) && w.e.Selected(p.Path) {
		w.list = append(w.list, p)
	}
}

func (w *wanter) maps() {
	for i := range w.t.Map.Rows {
		r := &w.t.Map.Rows[i]
		if !strings.HasSuffix(r.Filename, ".png") {
			continue
		}
		w.add(payload.Want{
			Path: r.Filename, Kind: payload.MapMask,
			Table: w.t.Map.Name, Token: w.t.Text(r.Token), Offset: r.Offset,
		})
	}
}

// bags adds the recordings that a T4 data set was made from, and its map.
func (w *wanter) bags() {
	if w.t.Dataset.Schema != dataset.T4 {
		return
	}
	w.add(payload.Want{Path: "map/pointcloud_map.pcd", Kind: payload.Lidar})
	for _, name := range w.t.Dataset.Tree.Names("input_bag", ".mcap") {
		w.add(payload.Want{Path: "input_bag/" + name, Kind: payload.Bag})
	}
}

func (w *wanter) label(table *Table[Lidarseg], kind payload.Kind) {
	for i := range table.Rows {
		r := &table.Rows[i]
		w.labels[r.SampleData] = append(w.labels[r.SampleData], payload.Want{
			Path: r.Filename, Kind: kind, Columns: 1,
			Table: table.Name, Token: w.t.Text(r.Token), Offset: r.Offset,
		})
	}
}

func (w *wanter) sampleData(i int32, scene, channel, modality string) {
	r := &w.t.SampleData.Rows[i]
	name := w.t.Name(r.Filename)
	p := payload.Want{
		Path: name, Kind: kindOf(modality, name), Channel: channel, Group: scene,
		Table: w.t.SampleData.Name, Token: w.t.Text(r.Token), Offset: r.Offset,
	}
	switch p.Kind {
	case 0:
		return
	case payload.Image:
		p.Width, p.Height = int(r.Width), int(r.Height)
	case payload.Lidar:
		p.Columns = w.columns(r)
	}
	w.add(p)
	for _, l := range w.labels[r.Token] {
		l.Cloud, l.Channel, l.Group = name, channel, scene
		w.add(l)
	}
}

func kindOf(modality, name string) payload.Kind {
	switch modality {
	case "camera":
		return payload.Image
	case "lidar":
		return payload.Lidar
	case "radar":
		return payload.Radar
	}
	switch {
	case strings.HasSuffix(name, ".jpg"), strings.HasSuffix(name, ".jpeg"), strings.HasSuffix(name, ".png"):
		return payload.Image
	case strings.HasSuffix(name, ".bin"):
		return payload.Lidar
	}
	return 0
}

// columns is the number of values of each point: five, or what the
// description of a T4 cloud says.
func (w *wanter) columns(r *SampleData) int {
	if w.t.Dataset.Schema == dataset.T4 && r.Info != 0 {
		var info struct {
			N int `json:"num_pts_feats"`
		}
		if b, err := w.t.Dataset.ReadFile(w.t.Name(w.t.RareName(r.Info)), 1<<20); err == nil && json.Unmarshal(b, &info) == nil && info.N > 0 && info.N < 100 {
			return info.N
		}
	}
	return 5
}
