// Package validate runs the rule catalogue over data sets: it detects what
// lies in a folder, lets the reader of that format emit what it reads, hands
// every item to the rules that ask for it, and gathers a report.
package validate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"runtime"
	"slices"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/metadata"
	"github.com/mmaudit/mmaudit/validate/moment"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/rules"
)

// Options say how to validate. The zero value runs every rule that is not
// deep, with the thresholds of the standard.
type Options struct {
	Params   *rule.Params            // nil: rule.DefaultParams
	Policy   Policy                  // nil: every rule at its own severity
	Selected func(r *rule.Rule) bool // which rules run; nil: all
	Jobs     int                     // workers; 0: one for each CPU
	// Only limits the run to some files: findings about others are dropped and
	// their payload is not opened. Data sets are still read whole. nil: all.
	Only func(root, path string) bool
	// Sample inspects one of N payload files, chosen by a hash of the path: the
	// same ones on every machine. 0 or 1: all.
	Sample int
	// Parts is what the workers of shards have seen of payload files: those that
	// are as they were are not opened again. The report is the same. nil: none.
	Parts    *Parts
	Keep     int                   // findings kept of each rule and data set; 0: 1000. All are counted
	Progress func(done, total int) // called often, from any goroutine; may be nil
	Version  string                // of the tool, for the report
}

// A Policy is what the configuration says about single findings.
type Policy interface {
	// Severity decides about a finding; rule.Off drops it.
	Severity(r *rule.Rule, f *rule.Finding) rule.Severity
	// Ignored leaves a path out of the data set. root is the folder given.
	Ignored(root, path string, dir bool) bool
	// Suppressed gives the reason why a finding does not count, or "".
	Suppressed(f *rule.Finding) string
}

// ErrIncomplete is wrapped by the error of a run that could not finish. The
// report that comes with it holds what was found until then.
var ErrIncomplete = errors.New("validation is incomplete")

// Run validates the data sets below each folder as one: their findings come
// in one report, and the rules that relate data sets see them all.
//
// The report is never nil. The error is about what could not be checked: a
// folder that is missing, a context that ended (ErrIncomplete).
func Run(ctx context.Context, folders []string, o Options) (*report.Report, error) {
	r := &run{ctx: ctx, sink: newSink(o.withDefaults())}
	defer r.close()
	for _, rule := range rules.Catalogue() {
		if (o.Selected == nil || o.Selected(rule)) && (!rule.Deep || r.sink.o.Params.Deep) {
			r.active = append(r.active, rule)
			r.sink.rep.Rules = append(r.sink.rep.Rules, rule.ID)
		}
	}

	err := r.folders(folders)
	rep := r.sink.finish(r.open)
	if err == nil {
		return rep, nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	rep.Complete, rep.Incomplete = false, err.Error()
	return rep, fmt.Errorf("%w: %w", ErrIncomplete, err)
}

// withDefaults fills in what was left open.
func (o Options) withDefaults() *Options {
	if o.Params == nil {
		o.Params = rule.DefaultParams()
	}
	if o.Policy == nil {
		o.Policy = asIs{}
	}
	if o.Jobs <= 0 {
		o.Jobs = runtime.GOMAXPROCS(0)
	}
	if o.Keep <= 0 {
		o.Keep = 1000
	}
	return &o
}

// detect finds the data sets below one folder, without what the policy ignores.
func (o *Options) detect(ctx context.Context, folder string) (*dataset.Detection, error) {
	return dataset.Detect(ctx, folder, func(p string, dir bool) bool { return o.Policy.Ignored(folder, p, dir) })
}

// A run is one call of Run.
type run struct {
	ctx      context.Context
	sink     *sink
	active   []*rule.Rule
	detected []*dataset.Detection
	sources  []moment.Source
}

// folders checks each folder, and then what its data sets say of one another.
// A folder or data set that cannot be read does not keep the others from it.
func (r *run) folders(folders []string) error {
	var failed []error
	listed := map[string]bool{} // roots whose tree the rules have seen
	seen := places{}
	for _, folder := range folders {
		det, err := r.sink.o.detect(r.ctx, folder)
		if err != nil {
			if r.ctx.Err() != nil {
				return err
			}
			failed = append(failed, err)
			continue
		}
		r.detected = append(r.detected, det)
		if seen.drop(det); len(det.Areas) == 0 {
			continue
		}
		r.spanning(det)
		for _, ds := range det.Datasets {
			ds.Sibling = listed[ds.Root]
			listed[ds.Root] = true
			if err := r.dataset(ds); err != nil {
				if r.ctx.Err() != nil {
					return err
				}
				failed = append(failed, fmt.Errorf("%s: %w", ds.Root, err))
			}
		}
	}
	r.spanning(&moment.Fleet{Sources: r.sources, Context: r.ctx})
	return errors.Join(failed...)
}

// spanning runs the rules over an item that spans data sets.
func (r *run) spanning(item any) {
	p := newPass(r.ctx, r.sink, nil, r.active)
	p.Emit(item)
	p.finish()
}

// dataset runs every rule over one data set. Several data sets can share one
// root (versions of nuScenes tables); its tree is emitted with the first.
//
// A check that gathers over items gives its verdict only when all were read:
// what a part of them lacks may lie in the rest.
func (r *run) dataset(ds *dataset.Dataset) error {
	if parts := r.sink.o.Parts; parts != nil {
		ds.Memo = parts
	}
	d := r.sink.dataset(ds)
	p := newPass(r.ctx, r.sink, ds, r.active)
	if !ds.Sibling {
		p.Emit(ds.Tree)
	}
	src, err := read(r.ctx, ds, r.sink.o.Jobs, p)
	if err != nil {
		return err
	}
	if src != nil {
		r.sources = append(r.sources, src)
		if err := metadata.Read(r.ctx, src, p, d); err != nil {
			return err
		}
	}
	p.finish()
	return nil
}

// places are folders, by their names without symbolic links, that the run has
// seen as the root of a data set or as the folder of data sets.
type places map[string]bool

// drop leaves out of det what the run has seen before: a folder that the user
// gave twice, or one inside another, is validated once.
func (seen places) drop(det *dataset.Detection) {
	here := map[string]bool{}
	twice := func(root string) bool {
		name, err := filepath.Abs(root)
		if err == nil {
			name, err = filepath.EvalSymlinks(name)
		}
		if err != nil { // it has gone since; the run says so
			return false
		}
		here[name] = true
		return seen[name]
	}
	det.Areas = slices.DeleteFunc(det.Areas, func(a dataset.Area) bool { return twice(a.Root) })
	det.Datasets = slices.DeleteFunc(det.Datasets, func(ds *dataset.Dataset) bool {
		if !twice(ds.Root) {
			return false
		}
		ds.Close()
		return true
	})
	maps.Copy(seen, here)
}

// open opens a file of a data set of the run, by the root that a finding names.
// Once the run was interrupted, nothing is opened.
func (r *run) open(root, path string) (io.ReadCloser, error) {
	if err := r.ctx.Err(); err != nil {
		return nil, err
	}
	for _, det := range r.detected {
		for _, ds := range det.Datasets {
			if ds.Root == root {
				return ds.Open(path)
			}
		}
	}
	return nil, fs.ErrNotExist
}

func (r *run) close() {
	for _, det := range r.detected {
		det.Close()
	}
}

// asIs is the policy of a run without configuration.
type asIs struct{}

func (asIs) Severity(r *rule.Rule, f *rule.Finding) rule.Severity {
	if f.Severity != rule.AsRule {
		return f.Severity
	}
	return r.Severity
}
func (asIs) Ignored(string, string, bool) bool { return false }
func (asIs) Suppressed(*rule.Finding) string   { return "" }
