// Package validate runs the rule catalogue over data sets: it detects what
// lies in a folder, lets the reader of that format emit what it reads, hands
// every item to the rules that ask for it, and gathers a report.
package validate

import (
	"context"
	"errors"
	"fmt"
	"runtime"

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
	Sample   int
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

// A Reader reads one data set, emits its items, and returns its moments
// (nil if the format has none). What is wrong in the data is emitted, not
// returned; the error means that reading could not go on.
type Reader func(ctx context.Context, ds *dataset.Dataset, jobs int, e rule.Emitter) (moment.Source, error)

// Run validates the data sets below each folder as one: their findings come
// in one report, and the rules that relate data sets see them all.
//
// The report is never nil. The error is about what could not be checked: a
// folder that is missing, a context that ended (ErrIncomplete).
func Run(ctx context.Context, folders []string, o Options) (*report.Report, error) {
	s := newSink(o.withDefaults())
	catalogue := rules.Catalogue()
	active := catalogue[:0:0]
	for _, r := range catalogue {
		if (o.Selected == nil || o.Selected(r)) && (!r.Deep || s.o.Params.Deep) {
			active = append(active, r)
			s.rep.Rules = append(s.rep.Rules, r.ID)
		}
	}

	err := s.run(ctx, folders, active)
	s.finish()
	if err == nil {
		return s.rep, nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	s.rep.Complete, s.rep.Incomplete = false, err.Error()
	return s.rep, fmt.Errorf("%w: %w", ErrIncomplete, err)
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

func (s *sink) run(ctx context.Context, folders []string, active []*rule.Rule) error {
	var sources []moment.Source
	var failed []error
	listed := map[string]bool{} // roots whose tree the rules have seen
	for _, folder := range folders {
		ignored := func(p string, dir bool) bool { return s.o.Policy.Ignored(folder, p, dir) }
		det, err := dataset.Detect(ctx, folder, ignored)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			failed = append(failed, err)
			continue
		}
		all := newPass(ctx, s, nil, active)
		all.Emit(det)
		all.finish()
		for _, ds := range det.Datasets {
			defer ds.Close()
			ds.Sibling = listed[ds.Root]
			src, err := s.dataset(ctx, ds, active, !listed[ds.Root])
			listed[ds.Root] = true
			if err != nil {
				if ctx.Err() != nil {
					return err
				}
				failed = append(failed, fmt.Errorf("%s: %w", ds.Root, err))
			}
			if src != nil {
				sources = append(sources, src)
			}
		}
	}
	fleet := newPass(ctx, s, nil, active)
	fleet.Emit(&moment.Fleet{Sources: sources, Context: ctx})
	fleet.finish()
	return errors.Join(failed...)
}

// dataset runs every rule over one data set. Several data sets can share one
// root (versions of nuScenes tables); its tree is emitted with the first.
//
// A check that gathers over items gives its verdict only when all were read:
// what a part of them lacks may lie in the rest.
func (s *sink) dataset(ctx context.Context, ds *dataset.Dataset, active []*rule.Rule, tree bool) (src moment.Source, err error) {
	p := newPass(ctx, s, ds, active)
	defer func() {
		if err == nil {
			p.finish()
		}
	}()
	s.rep.Datasets = append(s.rep.Datasets, report.Dataset{
		Root: ds.Root, Schema: ds.Schema, Tables: ds.Tables, Evidence: ds.Evidence,
		Files: ds.Tree.Files, Channels: []report.Channel{},
	})
	if tree {
		p.Emit(ds.Tree)
	}
	read, ok := readers[ds.Schema]
	if !ok {
		return nil, fmt.Errorf("no reader for %s", ds.Schema)
	}
	if src, err = read(ctx, ds, s.o.Jobs, p); err != nil || src == nil {
		return nil, err
	}
	return src, metadata.Read(ctx, src, p, &s.rep.Datasets[len(s.rep.Datasets)-1])
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
