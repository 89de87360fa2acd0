// Package ruletest has what the tests of readers share.
package ruletest

import (
	"slices"
	"strings"
	"sync"

	"github.com/mmaudit/mmaudit/validate/rule"
)

// An Emitter keeps what a reader emits, and wants everything. Its zero value
// is ready. The fields may be read once the reader has returned.
type Emitter struct {
	Items  []any // without the faults
	Faults []rule.Fault
	Skips  []string          // "SLUG on PATH"
	Broken map[string]string // input -> slug
	// Only says which payload files are selected; nil: all.
	Only func(path string) bool

	mu sync.Mutex // guards Items, Faults, Skips and Broken
}

var _ rule.Emitter = (*Emitter)(nil)

func (e *Emitter) Emit(item any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if f, ok := item.(rule.Fault); ok {
		e.Faults = append(e.Faults, f)
		return
	}
	e.Items = append(e.Items, item)
}

func (e *Emitter) Skip(_ any, slug, path string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Skips = append(e.Skips, slug+" on "+path)
}

func (e *Emitter) Break(input, slug, _ string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.Broken == nil {
		e.Broken = map[string]string{}
	}
	e.Broken[input] = slug
}

func (e *Emitter) Selected(path string) bool { return e.Only == nil || e.Only(path) }

func (*Emitter) Wants(any) bool       { return true }
func (*Emitter) Params() *rule.Params { return rule.DefaultParams() }
func (*Emitter) Expect(int)           {}
func (*Emitter) Advance(int)          {}

// Said gives the faults as lines "SLUG: MESSAGE", sorted.
func (e *Emitter) Said() string {
	var out []string
	for _, f := range e.Faults {
		out = append(out, f.Slug+": "+f.Message)
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// Items gives the items of one type.
func Items[T any](e *Emitter) (out []T) {
	for _, i := range e.Items {
		if v, ok := i.(T); ok {
			out = append(out, v)
		}
	}
	return out
}
