// Package lazyre compiles regular expressions when they are first used: a
// command that is over in milliseconds must not compile those of its whole
// program at start.
package lazyre

import (
	"regexp"
	"sync"
)

// New gives what compiles an expression on the first call, and panics there if
// it cannot be compiled. It is safe for concurrent use.
func New(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
