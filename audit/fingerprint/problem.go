package fingerprint

import (
	"errors"
	"fmt"
)

// Reasons for which a fingerprint is refused. A *ProblemError matches those
// that occurred.
var (
	ErrUnreadable = errors.New("could not be read")
	ErrUnstable   = errors.New("changed while being read")
	ErrSpecial    = errors.New("is neither a file, a folder nor a symbolic link")
	ErrEscape     = errors.New("symbolic link leads out of the folder")
	ErrMount      = errors.New("lies on another file system")
)

// A trouble is a reason as rows carry it.
type trouble byte

const (
	none trouble = iota
	unreadable
	unstable
	special
	escape
	mount
)

func (t trouble) err() error {
	return [...]error{nil, ErrUnreadable, ErrUnstable, ErrSpecial, ErrEscape, ErrMount}[t]
}

// A Problem is one entry that stands against a fingerprint.
type Problem struct {
	Path   string // relative to the root; "" for the root
	Err    error  // one of the reasons above
	Detail string
}

func (p Problem) String() string {
	path := p.Path
	if path == "" {
		path = "."
	}
	s := fmt.Sprintf("%q %v", path, p.Err)
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	return s
}

// maxProblems is the number of problems that are listed. All are counted.
const maxProblems = 100

// Problems are the first problems in the order of paths, and the number of all.
type Problems struct {
	First []Problem
	Count uint64

	kinds [mount + 1]uint64
}

func (p *Problems) add(r *row) {
	p.Count++
	p.kinds[r.trouble]++
	if len(p.First) < maxProblems {
		p.First = append(p.First, Problem{r.path, r.trouble.err(), r.note})
	}
}

// A ProblemError says why there is no fingerprint.
type ProblemError struct{ Problems }

func (e *ProblemError) Error() string {
	if e.Count == 1 {
		return e.First[0].String()
	}
	s := fmt.Sprintf("%s, and %d more problem", e.First[0], e.Count-1)
	if e.Count > 2 {
		s += "s"
	}
	return s
}

// Is matches the reasons that occurred.
func (e *ProblemError) Is(target error) bool {
	for t, n := range e.kinds {
		if n > 0 && trouble(t).err() == target {
			return true
		}
	}
	return false
}
