package transfer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// ErrUnsigned: the newest head is not signed by a key of the log.
var ErrUnsigned = errors.New("the head is not signed by a key that is the log's by its records")

// Mirror makes a mirror of a ledger in a folder, or brings one that is there up
// to the head that the ledger has now. See store.MirrorTo for what it refuses.
//
// The keys of the mirror are those that the source reads its log with; of a
// ledger on Fabric, those that its records name: until a record says that the
// network signs, as after a copy of a local ledger, it is ErrUnsigned.
//
// An error leaves the mirror as it was, or unfinished, from where the next call
// goes on; only what is found at the end, when all is compared, comes too late.
func Mirror(ctx context.Context, from *store.Store, dir string, o Options) (*Result, error) {
	source, err := from.Head(ctx)
	if err != nil {
		return nil, err
	}
	r := newResult("mirror", from, source, dir, o)
	keys := from.Config.Log
	if from.Tiles() == nil {
		if keys, err = networkKeys(ctx, from, source); err != nil {
			return nil, err
		}
	}
	options := store.Options{Pins: o.Pins}
	var there bool
	if r.Had, there, err = store.SizeAt(ctx, dir, source.Origin, options); err != nil {
		return nil, err
	}
	if r.Had > 0 {
		if err := r.held(ctx, from, source, dir, options); err != nil {
			return nil, err
		}
	}
	if o.DryRun {
		if !o.NoDocuments {
			var to store.Blobs // has nothing
			if there {
				to = store.NewBlobs(filepath.Join(dir, "blobs"))
			}
			r.Documents, err = documents(ctx, from, source.Size, to, o)
		}
		r.Copied = source.Size - r.Had
		return r, err
	}
	var bring func(store.Blobs) error
	if !o.NoDocuments {
		bring = func(to store.Blobs) (err error) {
			r.Documents, err = documents(ctx, from, source.Size, to, o)
			return err
		}
	}
	err = store.MirrorTo(ctx, dir, store.Source{Ledger: from.Log, Head: source, Log: keys, Witnesses: from.Witnesses, Quorum: from.Quorum},
		options, bring, func(n int64) { o.progress("records", n, source.Size) })
	if err != nil {
		return r, err
	}
	r.Copied = source.Size - r.Had
	to, err := store.Open(ctx, dir, options)
	if err != nil {
		return r, err
	}
	return r, errors.Join(r.finish(ctx, from.Log, source, to.Log, o), to.Close())
}

// networkKeys gives the keys of the log by the records, the newest first, if one
// of them has signed the head.
func networkKeys(ctx context.Context, from *store.Store, head ledger.Head) ([]string, error) {
	ring, err := trust.Load(ctx, from.Log, head.Size)
	if err != nil {
		return nil, err
	}
	verifiers := ring.LogVerifiersAt(head.Size)
	if _, err := tlog.OpenCheckpoint(head.Note, head.Origin, verifiers...); err != nil {
		return nil, fmt.Errorf("%w (%s): %w", ErrUnsigned, trust.KeyNames(verifiers), err)
	}
	keys := ring.LogKeys()
	slices.Reverse(keys)
	return keys, nil
}

// held says where the source differs from what the mirror has, before it is
// refused for that.
func (r *Result) held(ctx context.Context, from *store.Store, source ledger.Head, dir string, options store.Options) error {
	to, err := store.Open(ctx, dir, options)
	if err != nil {
		return err
	}
	defer to.Close()
	target, err := to.Log.Head(ctx)
	if err != nil {
		return err
	}
	err = begins(ctx, from.Log, source, to.Log, target)
	if errors.Is(err, ErrDiffers) || errors.Is(err, ErrAhead) {
		return fmt.Errorf("%w: %w", ledger.ErrRollback, err)
	}
	return err
}
