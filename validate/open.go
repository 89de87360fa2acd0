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
// needs their moments: annotate. The sources are valid until release is called;
// where there is an error, there is nothing to release. A data set whose moments cannot be read is an error, and so is a fault in a
// table that gives moments: what is missing there would silently be missing in
// all that is derived.
func Open(ctx context.Context, folders []string, o Options) (sources []moment.Source, release func(), err error) {
	s := newSink(o.withDefaults())
	var detected []*dataset.Detection
	release = func() {
		for _, det := range detected {
			det.Close()
		}
	}
	seen := places{}
	for _, folder := range folders {
		det, err := s.o.detect(ctx, folder)
		if err == nil {
			detected = append(detected, det)
			some := len(det.Datasets) > 0
			if seen.drop(det); some && len(det.Datasets) == 0 {
				continue
			}
			sources, err = appendSources(ctx, sources, det, s)
		}
		if err != nil {
			release()
			return nil, nil, err
		}
	}
	return sources, release, nil
}

// appendSources reads the data sets of a folder for their moments.
func appendSources(ctx context.Context, sources []moment.Source, det *dataset.Detection, s *sink) ([]moment.Source, error) {
	if len(det.Datasets) == 0 {
		return nil, fmt.Errorf("%s: %w", det.Root, ErrNoDataset)
	}
	for _, ds := range det.Datasets {
		e := &sound{pass: newPass(ctx, s, ds, nil)}
		src, err := read(ctx, ds, s.o.Jobs, e)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", ds.Root, err)
		case e.err != nil:
			return nil, fmt.Errorf("%s: the tables are not sound: %w", ds.Root, e.err)
		case src == nil:
			return nil, fmt.Errorf("%s: cannot be read: %s", ds.Root, e.whyBroken())
		}
		sources = append(sources, src)
	}
	return sources, nil
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
