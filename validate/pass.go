package validate

import (
	"context"
	"hash/fnv"
	"reflect"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/rule"
)

// A pass dispatches the items of one data set to the checks of the rules that
// apply to it. It is the rule.Emitter that readers see.
type pass struct {
	ctx    context.Context // once it has ended, checks are called no more
	s      *sink
	ds     *dataset.Dataset // nil for what spans data sets
	byType map[reflect.Type][]*rule.Bound
	bySlug map[string]*rule.Rule

	mu     sync.Mutex        // guards broken
	broken map[string]string // input -> why
}

func newPass(ctx context.Context, s *sink, ds *dataset.Dataset, active []*rule.Rule) *pass {
	p := &pass{
		ctx: ctx, s: s, ds: ds,
		byType: map[reflect.Type][]*rule.Bound{},
		bySlug: map[string]*rule.Rule{},
		broken: map[string]string{},
	}
	for _, r := range active {
		if ds != nil && !r.Applies(ds.Schema) {
			continue
		}
		p.bySlug[r.Slug] = r
		for _, k := range r.Checks {
			if k.Item == nil {
				continue
			}
			b := k.Bind(rule.Ctx{Rule: r, Dataset: ds, Params: s.o.Params, Sink: binding{s, ds}})
			p.byType[k.Item] = append(p.byType[k.Item], b)
		}
	}
	return p
}

func (p *pass) Emit(item any) {
	if f, ok := item.(rule.Fault); ok {
		p.fault(f)
		return
	}
	checks := p.byType[reflect.TypeOf(item)]
	if _, ok := item.(rule.Whole); ok {
		var g errgroup.Group
		g.SetLimit(max(p.s.o.Jobs, 1))
		for _, b := range checks {
			g.Go(func() error { p.visit(b, item); return nil })
		}
		g.Wait()
		return
	}
	for _, b := range checks {
		p.visit(b, item)
	}
}

func (p *pass) visit(b *rule.Bound, item any) {
	if p.ctx.Err() != nil { // all rules about whole tables together take many seconds
		return
	}
	if why := p.missing(b.Needs); why != "" {
		p.s.skip(p.ds, b.Rule, why)
		return
	}
	b.Visit(item)
}

func (p *pass) fault(f rule.Fault) {
	r := p.bySlug[f.Slug]
	if r == nil { // not selected, or not for this format
		return
	}
	binding{p.s, p.ds}.Report(r, rule.Finding{
		Severity: f.Severity, Message: f.Message, Place: f.Place,
		Expected: f.Expected, Actual: f.Actual, Hint: f.Hint, Key: f.Key,
	})
}

func (p *pass) Wants(zero any) bool {
	if f, ok := zero.(rule.Fault); ok {
		return p.bySlug[f.Slug] != nil
	}
	return len(p.byType[reflect.TypeOf(zero)]) > 0
}

func (p *pass) Params() *rule.Params { return p.s.o.Params }

func (p *pass) Selected(path string) bool {
	if only := p.s.o.Only; only != nil && p.ds != nil && !only(p.ds.Root, path) {
		return false
	}
	if n := p.s.o.Sample; n > 1 {
		h := fnv.New64a()
		h.Write([]byte(path))
		return h.Sum64()%uint64(n) == 0
	}
	return true
}

func (p *pass) Skip(zero any, slug, path string) {
	for _, b := range p.byType[reflect.TypeOf(zero)] {
		if b.Rule.Slug != slug { // the rule that refuted the input has spoken
			p.s.skip(p.ds, b.Rule, p.s.because(slug, path))
		}
	}
}

func (p *pass) Break(input, slug, path string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken[input] == "" {
		p.broken[input] = p.s.because(slug, path)
	}
}

func (p *pass) missing(inputs []string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var why []string
	for _, in := range inputs {
		if w := p.broken[in]; w != "" {
			why = append(why, w)
		}
	}
	return strings.Join(why, ", ")
}

func (p *pass) Expect(n int) {
	p.s.total.Add(int64(n))
	p.Advance(0)
}

func (p *pass) Advance(n int) {
	d := p.s.done.Add(int64(n))
	if p.s.o.Progress != nil {
		p.s.o.Progress(int(d), int(p.s.total.Load()))
	}
}

func (p *pass) finish() {
	for _, bs := range p.byType {
		for _, b := range bs {
			if p.missing(b.Needs) == "" {
				b.Finish()
			}
		}
	}
}

// binding reports into the sink in the name of one data set.
type binding struct {
	s  *sink
	ds *dataset.Dataset
}

func (b binding) Report(r *rule.Rule, f rule.Finding) { b.s.report(b.ds, r, f) }
func (b binding) Skip(r *rule.Rule, needs string)     { b.s.skip(b.ds, r, needs) }
func (b binding) SkipFor(r *rule.Rule, slug, path string) {
	b.s.skip(b.ds, r, b.s.because(slug, path))
}
