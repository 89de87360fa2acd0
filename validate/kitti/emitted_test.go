package kitti

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/mmaudit/mmaudit/validate/rule"
)

// emitted is an Emitter that keeps what it is given.
type emitted struct {
	mu     sync.Mutex
	items  []any
	faults []rule.Fault
	skips  []string
}

func (e *emitted) Emit(item any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f, ok := item.(rule.Fault); ok {
		e.faults = append(e.faults, f)
		return
	}
	e.items = append(e.items, item)
}

func (e *emitted) Skip(zero any, slug, path string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.skips = append(e.skips, fmt.Sprintf("%v: %s on %s", reflect.TypeOf(zero).Elem().Name(), slug, path))
}

func (e *emitted) Break(input, slug, path string) {}
func (e *emitted) Wants(any) bool                 { return true }
func (e *emitted) Selected(string) bool           { return true }
func (e *emitted) Params() *rule.Params           { return rule.DefaultParams() }
func (e *emitted) Expect(int)                     {}
func (e *emitted) Advance(int)                    {}

// all gives the items of one type.
func all[T any](e *emitted) (out []T) {
	for _, i := range e.items {
		if v, ok := i.(T); ok {
			out = append(out, v)
		}
	}
	return out
}
