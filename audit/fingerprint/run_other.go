//go:build !unix

package fingerprint

import (
	"context"
	"errors"
	"fmt"
)

var errSystem = fmt.Errorf("fingerprints are taken on Unix systems only: %w", errors.ErrUnsupported)

// A run is one pass over a root. There is none on this system.
type run struct {
	only, cacheOff        string
	folders, emptyFolders uint64
	partial               Problems
}

func newRun(context.Context, string, *Options) (*run, error) { return nil, errSystem }
func (*run) rows(context.Context, func(*row) error) error    { return errSystem }
func (*run) close()                                          {}
func (*run) openKnown(context.Context) error                 { return errSystem }

func (*run) listChunks(emit func(*row) error) (func(*row) error, func() error) {
	return emit, func() error { return errSystem }
}

// RunShard does one worker's share of a fingerprint of root.
func RunShard(context.Context, string, Shard, Options) (*Part, error) { return nil, errSystem }

// Inside reports whether name, which need not exist yet, is root or lies below
// it, links resolved: a file written there changes the fingerprint of root.
func Inside(root, name string) (bool, error) { return false, errSystem }
