package payload_test

import (
	"sync"
	"sync/atomic"

	"github.com/mmaudit/mmaudit/validate/rule"
)

// count is an emitter that only counts.
type count struct{ items, faults atomic.Int64 }

func (c *count) Emit(item any) {
	if _, ok := item.(rule.Fault); ok {
		c.faults.Add(1)
	} else {
		c.items.Add(1)
	}
}
func (*count) Skip(any, string, string)     {}
func (*count) Break(string, string, string) {}
func (*count) Wants(any) bool               { return true }
func (*count) Selected(string) bool         { return true }
func (*count) Params() *rule.Params         { return rule.DefaultParams() }
func (*count) Expect(int)                   {}
func (*count) Advance(int)                  {}

// gather is an emitter that keeps what it is given.
type gather struct {
	count
	mu       sync.Mutex // guards what follows
	items    []any
	faults   []rule.Fault
	skips    []string
	selected func(string) bool
}

func (g *gather) Emit(item any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f, ok := item.(rule.Fault); ok {
		g.faults = append(g.faults, f)
		return
	}
	g.items = append(g.items, item)
}

func (g *gather) Skip(_ any, slug, path string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.skips = append(g.skips, slug+" "+path)
}

func (g *gather) Selected(path string) bool { return g.selected == nil || g.selected(path) }
