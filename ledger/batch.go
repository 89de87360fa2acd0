package ledger

import "context"

// A Batcher is a ledger that stores many records in the time of a few. The
// engines of this module are Batchers.
type Batcher interface {
	// AppendAll stores records unless they are stored already, and returns when
	// they are durable. What is new comes after all that was there, in the order
	// of records, perhaps with those of other writers in between. A record that
	// is listed twice is one entry, known the second time.
	//
	// It goes as far as it gets: the receipts are those of the first so many
	// records. Where one is refused, the error says why, as Append has it; those
	// before it have receipts, and those after it were not stored by this call.
	// After any other error the first of those without a receipt may be stored
	// too, in this order. To call it again with all records, or with those that
	// have no receipt, is safe.
	AppendAll(ctx context.Context, records [][]byte) ([]Receipt, error)
}
