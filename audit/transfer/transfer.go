// Package transfer copies a ledger from one place to another, engine to engine,
// and holds two ledgers against each other.
//
// A copy has the same records at the same indices, byte for byte, and so the
// same tree. There are two ways to make one:
//
//   - [Append] appends records to a ledger that may be appended to, one on
//     Hyperledger Fabric. It goes on where the target ends, so that it can be
//     cut short anywhere.
//   - [Mirror] writes a folder that follows the other ledger (see
//     store.MirrorTo), with its signed checkpoint.
//
// What is at the target must be the beginning of the source; otherwise nothing
// is written. At the end the roots are compared, and each record byte by byte.
package transfer

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/ledger"
)

var (
	// ErrDiffers: the two are not one ledger.
	ErrDiffers = errors.New("the ledgers differ")
	// ErrAhead: the target has all that the source has, and more.
	ErrAhead = errors.New("the target has more records than the source")
	// ErrDocument: a document of the source is not what its name says.
	ErrDocument = errors.New("a document cannot be copied")
)

// Options say what is copied, and how much is looked at.
type Options struct {
	// DryRun looks at both and writes nothing.
	DryRun bool
	// NoDocuments leaves out the documents that records name.
	NoDocuments bool
	// NoCompare compares roots at the end, and not every record.
	NoCompare bool
	Pins      string // as in store.Options
	// Progress, if not nil, is called now and then.
	Progress func(Progress)
}

// Progress says how far a stage is: "documents", "records" or "comparing", all
// in records.
type Progress struct {
	Stage       string
	Done, Total int64
}

func (o Options) progress(stage string, done, total int64) {
	if o.Progress != nil {
		o.Progress(Progress{stage, done, total})
	}
}

// A Result says what was copied; docs/formats.md, "Copy".
type Result struct {
	V      int    `json:"v"`      // 1
	Mode   string `json:"mode"`   // "append" or "mirror"
	DryRun bool   `json:"dryRun"` // nothing was written
	Origin string `json:"origin"`
	From   string `json:"from"` // places
	To     string `json:"to"`
	Size   int64  `json:"size"` // of the source, up to which is copied
	Root   string `json:"root"` // at that size, base64
	Had    int64  `json:"had"`  // records that the target had
	Copied int64  `json:"copied"`
	// Compared is how many records were compared byte by byte.
	Compared  int64      `json:"compared"`
	Documents *Documents `json:"documents,omitempty"` // nil: they were left out
}

// Documents counts the documents that the records name.
type Documents struct {
	Had    int `json:"had"` // at the target
	Copied int `json:"copied"`
	Absent int `json:"absent"` // the source does not have them
}

// RootAt gives the root that a ledger had at a size: it follows from the proof
// that its last record was in it, since that has nothing to its right.
func RootAt(ctx context.Context, l ledger.Ledger, size int64) (ledger.Hash, error) {
	if size == 0 {
		return ledger.EmptyRoot(), nil
	}
	e, err := l.Get(ctx, size-1)
	if err != nil {
		return ledger.Hash{}, err
	}
	p, err := l.ProveInclusion(ctx, size, size-1)
	if err != nil {
		return ledger.Hash{}, err
	}
	root := ledger.RecordHash(e.Record)
	for _, left := range p {
		root = tlog.NodeHash(left, root)
	}
	return root, ledger.CheckInclusion(p, size, root, size-1, e.Record)
}

// sameUpTo reports whether two ledgers have the same records up to a size.
func sameUpTo(ctx context.Context, a, b ledger.Ledger, size int64) (bool, error) {
	x, err := RootAt(ctx, a, size)
	if err != nil {
		return false, err
	}
	y, err := RootAt(ctx, b, size)
	return x == y, err
}

// firstDifference gives the index of the first record in which two ledgers
// differ that are not the same up to a size.
func firstDifference(ctx context.Context, a, b ledger.Ledger, size int64) (int64, error) {
	same, differ := int64(0), size
	for differ-same > 1 {
		middle := same + (differ-same)/2
		is, err := sameUpTo(ctx, a, b, middle)
		if err != nil {
			return 0, err
		}
		if is {
			same = middle
		} else {
			differ = middle
		}
	}
	return same, nil
}

// begins holds a target against its source: it must be the beginning of it.
func begins(ctx context.Context, from ledger.Ledger, source ledger.Head, to ledger.Ledger, target ledger.Head) error {
	if source.Origin != target.Origin {
		return fmt.Errorf("%w: the source is %q, the target %q", ErrDiffers, source.Origin, target.Origin)
	}
	size := min(source.Size, target.Size)
	same, err := sameUpTo(ctx, from, to, size)
	switch {
	case err != nil:
		return err
	case !same:
		at, err := firstDifference(ctx, from, to, size)
		if err != nil {
			return err
		}
		return fmt.Errorf("%w: record %d is another one in the target, which has %d records", ErrDiffers, at, target.Size)
	case target.Size > source.Size:
		return fmt.Errorf("%w: it has %d, the source %d, and they agree up to there", ErrAhead, target.Size, source.Size)
	}
	return nil
}

// finish compares roots, and all records, at the end.
func (r *Result) finish(ctx context.Context, from ledger.Ledger, source ledger.Head, to ledger.Ledger, o Options) error {
	root, err := RootAt(ctx, to, source.Size)
	if err != nil {
		return err
	}
	if root != source.Root {
		return fmt.Errorf("%w: the target has the root %s at size %d, the source %s", ErrDiffers, root, source.Size, source.Root)
	}
	if o.NoCompare {
		return nil
	}
	c, err := Compare(ctx, from, to, source.Size, func(done int64) { o.progress("comparing", done, source.Size) })
	if err != nil {
		return err
	}
	r.Compared = c.Compared
	if c.Count > 0 {
		return fmt.Errorf("%w: %s", ErrDiffers, c.Differences[0])
	}
	return nil
}

func newResult(mode string, from *store.Store, head ledger.Head, to string, o Options) *Result {
	return &Result{V: 1, Mode: mode, DryRun: o.DryRun, Origin: head.Origin, From: from.Place(), To: to, Size: head.Size, Root: head.Root.String()}
}
