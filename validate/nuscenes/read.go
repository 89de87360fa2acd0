package nuscenes

import (
	"context"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/metadata"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/payload"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// Read reads a data set of the nuScenes family. It emits what is wrong in
// single records as Faults, the *Tables once, a *moment.Stream for each
// channel of each scene, and what payload.Read finds in the files. A table
// that cannot be used breaks the input of its name; what would have come from
// it is skipped.
func Read(ctx context.Context, ds *dataset.Dataset, jobs int, e rule.Emitter) (moment.Source, error) {
	t, err := load(ctx, ds, jobs, e)
	if err != nil {
		return nil, err
	}
	e.Emit(t)
	if e.Wants((*Geometries)(nil)) {
		e.Emit(&Geometries{t})
	}
	if slug, path := t.broken(); slug != "" {
		for _, zero := range []any{
			(*moment.Stream)(nil), (*payload.ImageFile)(nil), (*payload.CloudFile)(nil), (*payload.LabelFile)(nil),
			(*metadata.Group)(nil), (*metadata.Record)(nil), (*metadata.Index)(nil), (*metadata.Parent)(nil), // sidecars describe moments
			(*Metainfo)(nil), (*Lanelet)(nil), (*CANFile)(nil),
		} {
			e.Skip(zero, slug, path)
		}
		return nil, ctx.Err()
	}
	c := newChannels(t)
	if e.Wants((*moment.Stream)(nil)) {
		c.emitStreams(e, jobs)
	}
	if err := readPayload(ctx, t, c, jobs, e); err != nil {
		return nil, err
	}
	if err := readMetainfo(ctx, t, e); err != nil {
		return nil, err
	}
	if err := readLanelet(ctx, t, e); err != nil {
		return nil, err
	}
	if err := readCAN(ctx, t, e); err != nil {
		return nil, err
	}
	return newSource(t), ctx.Err()
}

// broken names the rule and the table without which no channel is known, or
// gives "".
func (t *Tables) broken() (slug, path string) {
	for _, x := range []struct{ slug, path string }{
		{t.Scene.unusable, t.Scene.Path},
		{t.Sample.unusable, t.Sample.Path},
		{t.SampleData.unusable, t.SampleData.Path},
		{t.CalibratedSensor.unusable, t.CalibratedSensor.Path},
		{t.Sensor.unusable, t.Sensor.Path},
	} {
		if x.slug != "" {
			return x.slug, x.path
		}
	}
	return "", ""
}
