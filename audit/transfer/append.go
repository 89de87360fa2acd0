package transfer

import (
	"context"
	"fmt"

	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/ledger"
)

// Bounds of what is read before it is appended.
const (
	stepRecords = 1024
	stepBytes   = 8 << 20
)

// Append appends the records of a ledger that another one lacks, up to the head
// that the source has now. The target has the same name, and is the beginning of
// the source or has no record at all (store.Options.Empty); it is ErrDiffers, or
// ErrAhead, otherwise. If anybody else appends to it meanwhile, that is
// ErrDiffers too, and cannot be undone.
//
// An error leaves the target with a part of the source, from where the next call
// goes on.
func Append(ctx context.Context, from, to *store.Store, o Options) (*Result, error) {
	source, err := from.Log.Head(ctx)
	if err != nil {
		return nil, err
	}
	target, err := to.Log.Head(ctx)
	if err != nil {
		return nil, err
	}
	r := newResult("append", from, source, to.Place(), o)
	if err := begins(ctx, from.Log, source, to.Log, target); err != nil {
		return nil, err
	}
	r.Had = target.Size
	if !o.NoDocuments {
		if !o.DryRun {
			if err := durable.MkdirAll(to.Dir(), 0o755); err != nil {
				return nil, err
			}
		}
		if r.Documents, err = documents(ctx, from, source.Size, to.Blobs, o); err != nil {
			return nil, err
		}
	}
	if o.DryRun {
		r.Copied = source.Size - target.Size
		return r, nil
	}
	if err := r.append(ctx, from.Log, source, to.Log, o); err != nil {
		return r, err
	}
	return r, r.finish(ctx, from.Log, source, to.Log, o)
}

// append appends the records from Had on.
func (r *Result) append(ctx context.Context, from ledger.Ledger, source ledger.Head, to ledger.Ledger, o Options) error {
	var batch [][]byte
	size, next := 0, r.Had
	flush := func() error {
		receipts, err := appendAll(ctx, to, batch)
		for _, got := range receipts {
			if got.Index != next {
				return fmt.Errorf("%w: record %d of the source is record %d of the target: somebody else has appended to it meanwhile", ErrDiffers, next, got.Index)
			}
			next++
		}
		r.Copied = next - r.Had
		if err != nil {
			return fmt.Errorf("record %d: %w", next, err)
		}
		batch, size = nil, 0
		o.progress("records", next, source.Size)
		return nil
	}
	o.progress("records", next, source.Size)
	for e, err := range from.Scan(ctx, source.Size, r.Had) {
		if err != nil {
			return err
		}
		batch = append(batch, e.Record)
		if size += len(e.Record); len(batch) == stepRecords || size >= stepBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if len(batch) > 0 {
		return flush()
	}
	return nil
}

// appendAll appends records in this order, many at a time if the engine can.
func appendAll(ctx context.Context, l ledger.Ledger, records [][]byte) (receipts []ledger.Receipt, err error) {
	if b, ok := l.(ledger.Batcher); ok {
		return b.AppendAll(ctx, records)
	}
	for _, record := range records {
		receipt, err := l.Append(ctx, record)
		if err != nil {
			return receipts, err
		}
		receipts = append(receipts, receipt)
	}
	return receipts, nil
}
