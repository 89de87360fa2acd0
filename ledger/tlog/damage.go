package tlog

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/mmaudit/mmaudit/ledger"
)

// damage is an error about a file.
type damage struct {
	kind    error  // ledger.ErrCorrupt or ledger.ErrRollback
	path    string // absolute
	index   int64  // of a record, or -1
	problem string
}

func (d *damage) Error() string { return d.kind.Error() + ": " + d.path + ": " + d.problem }
func (d *damage) Unwrap() error { return d.kind }

func corrupt(path, format string, args ...any) error {
	return &damage{ledger.ErrCorrupt, path, -1, fmt.Sprintf(format, args...)}
}

// missing makes an error about a file that is not there one about the log.
func missing(err error) error {
	var file *fs.PathError
	if errors.Is(err, fs.ErrNotExist) && errors.As(err, &file) {
		return corrupt(file.Path, "is missing")
	}
	return corrupt("a file", "is missing: %v", err)
}

// faultOf is the damage that an error tells of.
func faultOf(err error) (Fault, bool) {
	var d *damage
	if !errors.As(err, &d) {
		return Fault{}, false
	}
	return Fault{d.path, d.index, d.problem}, true
}
