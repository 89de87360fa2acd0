package nuscenes

import (
	"context"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// Read reads a data set of the nuScenes family: it emits what is wrong in
// single records as Faults, then the *Tables, once.
func Read(ctx context.Context, ds *dataset.Dataset, jobs int, e rule.Emitter) (moment.Source, error) {
	t, err := load(ctx, ds, jobs, e)
	if err != nil {
		return nil, err
	}
	e.Emit(t)
	return nil, ctx.Err()
}
