package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Check is one way in which a life can be wrong. Codes are stable once
// released; everything that explain prints comes from here.
type Check struct {
	Code     string   `json:"code"`
	Severity Severity `json:"severity"`
	Summary  string   `json:"summary"` // one sentence: what must hold
	Why      string   `json:"why"`
	Hint     string   `json:"hint"` // what to do

	find func(*life, say)
}

// say reports a problem of a record.
type say func(e *entry, format string, args ...any)

// Catalogue lists the checks in their order.
func Catalogue() []Check {
	return slices.Concat(sequenceChecks(), trustChecks(), recordChecks(), runChecks(), dataChecks(), toolchainChecks(), evaluationChecks(), releaseChecks())
}

// Lookup finds a check by its code.
func Lookup(code string) (Check, bool) {
	all := Catalogue()
	i := slices.IndexFunc(all, func(c Check) bool { return strings.EqualFold(c.Code, code) })
	if i < 0 {
		return Check{}, false
	}
	return all[i], true
}

// problems runs every check.
func (b *life) problems() []Problem {
	problems := []Problem{}
	for _, c := range Catalogue() {
		c.find(b, func(e *entry, format string, args ...any) {
			p := Problem{Code: c.Code, Severity: c.Severity, Mark: e.mark(), Message: fmt.Sprintf(format, args...), Hint: c.Hint}
			if e.p != nil {
				p.Event = e.p.Event
			}
			problems = append(problems, p)
		})
	}
	slices.SortStableFunc(problems, func(x, y Problem) int { return cmp.Compare(x.Index, y.Index) })
	return problems
}
