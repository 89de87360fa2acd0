package rule

import (
	"reflect"
	"sync"

	"github.com/mmaudit/mmaudit/validate/dataset"
)

// A Check binds a function to one type of item. Build it with On, Collect or
// FromReader.
type Check struct {
	Item  reflect.Type // type of item that the function takes; nil for FromReader
	Needs []string     // inputs without which it cannot run: "sample_data"
	start func() visitor
}

type visitor struct {
	visit  func(c *Ctx, item any)
	finish func(c *Ctx)
}

// On subscribes f to every item of type T. f keeps no state and may be called
// from several goroutines at once.
func On[T any](f func(c *Ctx, item T)) Check {
	return Check{Item: reflect.TypeFor[T](), start: func() visitor {
		return visitor{visit: func(c *Ctx, item any) { f(c, item.(T)) }}
	}}
}

// Collect subscribes visit to every item of type T with a state of its own,
// one for each data set, beginning as S's zero value. Calls are serialised,
// in no fixed order: what finish reports must not depend on the order.
// finish may be nil.
func Collect[S, T any](visit func(c *Ctx, s *S, item T), finish func(c *Ctx, s *S)) Check {
	return Check{Item: reflect.TypeFor[T](), start: func() visitor {
		var mu sync.Mutex // guards s
		var s S
		v := visitor{visit: func(c *Ctx, item any) {
			mu.Lock()
			defer mu.Unlock()
			visit(c, &s, item.(T))
		}}
		if finish != nil {
			v.finish = func(c *Ctx) { finish(c, &s) }
		}
		return v
	}}
}

// FromReader marks a rule whose violations a reader reports itself, as Faults
// with the rule's slug, because only the parser can see them.
func FromReader() Check { return Check{} }

// Needing names inputs that must be sound for the check to run. Where a reader
// declared one of them broken, the rule is reported as skipped.
func (k Check) Needing(inputs ...string) Check {
	k.Needs = inputs
	return k
}

// Ctx is what a check sees of the run: its rule, the data set, the parameters,
// and where to report.
type Ctx struct {
	Rule    *Rule
	Dataset *dataset.Dataset // nil for items that span several data sets
	Params  *Params
	Sink    Sink
}

// Sink takes what checks say. It is safe for concurrent use.
type Sink interface {
	Report(r *Rule, f Finding)
	Skip(r *Rule, needs string)
	// SkipFor is Skip where the rule with that slug failed at path.
	SkipFor(r *Rule, slug, path string)
}

// Report adds a finding of the check's rule. Rule, Slug, Severity, Hint,
// Dataset and Fingerprint are filled in where they are empty.
func (c *Ctx) Report(f Finding) { c.Sink.Report(c.Rule, f) }

// Skip says that the rule could not be applied, and what it would have needed:
// "raw timestamps of 2011_09_26_drive_0001".
func (c *Ctx) Skip(needs string) { c.Sink.Skip(c.Rule, needs) }

// SkipFor says that the rule could not be applied because the rule with that
// slug failed at path.
func (c *Ctx) SkipFor(slug, path string) { c.Sink.SkipFor(c.Rule, slug, path) }

// An Emitter takes what a reader reads. It is safe for concurrent use.
type Emitter interface {
	// Emit hands an item to every check that subscribed to its type. A Fault
	// becomes a finding. The item must not be changed afterwards.
	Emit(item any)
	// Skip says that an item of the type of zero (a nil pointer will do) could
	// not be emitted, because the rule with that slug failed at path. Every
	// rule subscribed to that type is reported as skipped.
	Skip(zero any, slug, path string)
	// Break says that a named input (Check.Needing) cannot be used, because
	// the rule with that slug failed at path.
	Break(input, slug, path string)
	// Wants reports whether any check subscribed to the type of zero, or, for a
	// Fault, whether the rule with its slug runs, so that costly items are read
	// only when someone looks at them.
	Wants(zero any) bool
	// Selected reports whether a payload file belongs to this run: --since,
	// --files-from and --sample leave others out. path is relative to the root.
	Selected(path string) bool
	// Params gives the parameters of the run, for what a reader must find.
	Params() *Params
	// Expect adds n units to the work ahead; Advance says that n are done.
	// They feed the progress bar alone.
	Expect(n int)
	Advance(n int)
}

// A Whole item is much of a data set at once: several checks look at it at the
// same time.
type Whole interface{ Whole() }

// A Bound check is a check made ready for one data set.
type Bound struct {
	Ctx
	Check
	v visitor
}

// Bind makes the check ready to visit the items of one data set.
func (k Check) Bind(c Ctx) *Bound { return &Bound{Ctx: c, Check: k, v: k.start()} }

// Visit calls the check's function.
func (b *Bound) Visit(item any) { b.v.visit(&b.Ctx, item) }

// Finish ends the visits of one data set.
func (b *Bound) Finish() {
	if b.v.finish != nil {
		b.v.finish(&b.Ctx)
	}
}
