package ledger

import "context"

// Eventual is a Ledger of which a client may see less than there is, and may be
// content with that: one that several machines keep. Head is linearizable: it
// covers what was acknowledged before it was called. A size that a Head had is a
// snapshot, the same for ever. Seen is eventually consistent.
type Eventual interface {
	Ledger

	// Seen returns a head without waiting for others: the newest that this
	// client knows of. It may be older than what others have appended, and than
	// what they know. It is never older than the one before, of the same client,
	// and becomes the newest when nothing more is appended.
	Seen(ctx context.Context) (Head, error)
}
