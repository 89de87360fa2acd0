package verify

import (
	"errors"
	"fmt"

	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/transfer"
	"github.com/mmaudit/mmaudit/ledger"
)

const differs = "one of them was changed, forked, or is another ledger: hold each against its trust file, and against bundles and checkpoints of before"

// openOther opens the ledger that this one is compared with, before anything is
// looked at. It is nil, with what is wrong, if that cannot be believed.
func (v *verifier) openOther() (*store.Store, error) {
	if v.o.Both == "" {
		return nil, nil
	}
	other, err := store.Open(v.ctx, v.o.Both, store.Options{Pins: v.o.Pins, Tell: v.o.Tell})
	switch {
	case err == nil:
		return other, nil
	case errors.Is(err, ledger.ErrRollback):
		v.wrong(checkBoth, v.o.Both, -1, "an old copy was put back there, or it was forked", "%v", err)
	case errors.Is(err, ledger.ErrCorrupt):
		v.wrong(checkBoth, v.o.Both, -1, "`auditlog verify` says what is damaged there", "%v", err)
	default:
		return nil, fmt.Errorf("--both: %w", err)
	}
	return nil, nil
}

// both compares the records with those of another ledger, as far as both go. It
// keeps none of them in memory.
func (v *verifier) both(other *store.Store) error {
	if other == nil {
		return nil
	}
	theirs, err := other.Log.Head(v.ctx)
	if err != nil {
		return v.noBoth(err)
	}
	if theirs.Origin != v.head.Origin {
		v.wrong(checkBoth, v.o.Both, -1, "compare copies of one ledger", "is ledger %q, this is %q", theirs.Origin, v.head.Origin)
		return nil
	}
	size := min(v.head.Size, theirs.Size)
	c, err := transfer.Compare(v.ctx, v.s.Log, other.Log, size, func(done int64) { v.o.Progress(Progress{"both", done, size}) })
	for _, d := range c.Differences {
		v.wrong(checkBoth, v.o.Both, d.Index, differs, "has SHA3-512 %.32s… here (%d bytes, key %q) and %.32s… there (%d bytes, key %q)",
			d.A.Digest, d.A.Size, d.A.Key, d.B.Digest, d.B.Size, d.B.Key)
	}
	if more := c.Count - int64(len(c.Differences)); more > 0 {
		v.wrong(checkBoth, v.o.Both, -1, differs, "%s more differ", count(more, "record"))
	}
	if err != nil {
		return v.noBoth(err)
	}
	if c.Count == 0 {
		if err := v.sameRoots(other, size); err != nil {
			return v.noBoth(err)
		}
	}
	more := "as many as here"
	if d := theirs.Size - v.head.Size; d > 0 {
		more = count(d, "record") + " more than here"
	} else if d < 0 {
		more = count(-d, "record") + " fewer than here"
	}
	v.ok(checkBoth, "%s, byte for byte those of %s, which has %s", count(size, "record"), v.o.Both, more)
	return nil
}

// sameRoots compares the roots of records that are the same.
func (v *verifier) sameRoots(other *store.Store, size int64) error {
	mine, err := transfer.RootAt(v.ctx, v.s.Log, size)
	if err != nil {
		return err
	}
	theirs, err := transfer.RootAt(v.ctx, other.Log, size)
	if err == nil && mine != theirs {
		v.wrong(checkBoth, v.o.Both, -1, "a peer, or a program, does not compute the tree of its records", "has the root %s at size %d for the same records, here it is %s", theirs, size, mine)
	}
	return err
}

// noBoth says that records could not be compared.
func (v *verifier) noBoth(err error) error {
	if v.ctx.Err() != nil {
		return v.ctx.Err()
	}
	v.unknown(checkBoth, v.o.Both, -1, err)
	return nil
}
