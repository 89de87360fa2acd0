package validate

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// Sources opens the moments of the data sets below each folder, for annotate.
// Findings are not gathered, but a table that moments are read from must be
// sound: what is missing in it would be missing in the sidecars. Of the
// options, Params, Policy and Jobs count. close releases the data sets.
func Sources(ctx context.Context, folders []string, o Options) (sources []moment.Source, close func(), err error) {
	if o.Params == nil {
		o.Params = rule.DefaultParams()
	}
	if o.Policy == nil {
		o.Policy = asIs{}
	}
	if o.Jobs <= 0 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	var opened []*dataset.Dataset
	close = func() {
		for _, ds := range opened {
			ds.Close()
		}
	}
	defer func() {
		if err != nil {
			close()
		}
	}()
	for _, folder := range folders {
		ignored := func(p string, dir bool) bool { return o.Policy.Ignored(folder, p, dir) }
		det, err := dataset.Detect(ctx, folder, ignored)
		if err != nil {
			return nil, close, err
		}
		if len(det.Datasets) == 0 {
			return nil, close, fmt.Errorf("%s: no known data set here", folder)
		}
		opened = append(opened, det.Datasets...)
		for _, ds := range det.Datasets {
			e := &firstFault{params: o.Params}
			src, err := readers[ds.Schema](ctx, ds, o.Jobs, e)
			if err != nil {
				return nil, close, fmt.Errorf("%s: %w", ds.Root, err)
			}
			if e.err != nil {
				return nil, close, fmt.Errorf("%s: the tables are not sound, validate and mend them first: %w", ds.Root, e.err)
			}
			if src != nil {
				sources = append(sources, src)
			}
		}
	}
	return sources, close, nil
}

// firstFault keeps the first fault in a table that gives moments.
type firstFault struct {
	params *rule.Params
	mu     sync.Mutex
	err    error // guarded by mu
}

// momentTables are the tables from which the moments of the nuScenes family
// are read.
var momentTables = map[string]bool{"scene": true, "sample": true, "sample_data": true, "calibrated_sensor": true, "sensor": true}

func (e *firstFault) Emit(item any) {
	f, ok := item.(rule.Fault)
	if !ok || !momentTables[f.Table] {
		return
	}
	switch f.Slug {
	case "field-unknown", "text-encoding":
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.err = errors.New(f.Path + ": " + f.Message)
	}
}

func (*firstFault) Skip(any, string, string) {}
func (*firstFault) Break(_, _, _ string)     {}
func (*firstFault) Wants(any) bool           { return false }
func (*firstFault) Expect(int)               {}
func (*firstFault) Advance(int)              {}
func (*firstFault) Selected(string) bool     { return false }
func (e *firstFault) Params() *rule.Params   { return e.params }
