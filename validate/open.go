package validate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// Open reads the data sets below each folder without judging them, for whoever
// needs their moments: annotate. The sources are valid until close is called.
// A data set whose moments cannot be read is an error, and so is a fault in a
// table that gives moments: what is missing there would silently be missing in
// all that is derived.
func Open(ctx context.Context, folders []string, o Options) (sources []moment.Source, close func(), err error) {
	s := newSink(o.withDefaults())
	var opened []*dataset.Dataset
	close = func() {
		for _, ds := range opened {
			ds.Close()
		}
	}
	defer func() {
		if err != nil {
			close()
			close = func() {}
		}
	}()
	for _, folder := range folders {
		det, err := dataset.Detect(ctx, folder, func(p string, dir bool) bool { return s.o.Policy.Ignored(folder, p, dir) })
		if err != nil {
			return nil, close, err
		}
		opened = append(opened, det.Datasets...)
		if len(det.Datasets) == 0 {
			return nil, close, fmt.Errorf("%s: %w", folder, ErrNoDataset)
		}
		for _, ds := range det.Datasets {
			p := newPass(ctx, s, ds, nil)
			e := &sound{pass: p}
			src, err := readers[ds.Schema](ctx, ds, s.o.Jobs, e)
			if err != nil {
				return nil, close, fmt.Errorf("%s: %w", ds.Root, err)
			}
			if e.err != nil {
				return nil, close, fmt.Errorf("%s: the tables are not sound: %w", ds.Root, e.err)
			}
			if src == nil {
				return nil, close, fmt.Errorf("%s: cannot be read: %s", ds.Root, p.whyBroken())
			}
			sources = append(sources, src)
		}
	}
	return sources, close, nil
}

// ErrNoDataset says that a folder holds no data set that this build reads.
var ErrNoDataset = errors.New("no known data set")

// whyBroken gives the first reason why an input is broken.
func (p *pass) whyBroken() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var why []string
	for in, w := range p.broken {
		why = append(why, fmt.Sprintf("%s (%s)", in, w))
	}
	if len(why) == 0 {
		return "its moments are unknown"
	}
	slices.Sort(why)
	return why[0]
}

// sound keeps the first fault in a table that gives moments.
type sound struct {
	*pass
	once sync.Once
	err  error
}

// momentTables are the tables from which the moments of the nuScenes family
// are read.
var momentTables = map[string]bool{"scene": true, "sample": true, "sample_data": true, "calibrated_sensor": true, "sensor": true}

func (e *sound) Emit(item any) {
	f, ok := item.(rule.Fault)
	if !ok || !momentTables[f.Table] || f.Slug == "field-unknown" || f.Slug == "text-encoding" {
		return
	}
	e.once.Do(func() { e.err = fmt.Errorf("%s: %s", f.Path, f.Message) })
}
