// Package ledger is where records live: an append-only list of opaque byte
// strings, with proofs that nothing in it was changed, moved or taken out.
//
// [Ledger] is the contract. Its engines (ledger/tlog on local disk) hold the
// same bytes and pass one test suite, ledger/ledgertest. Trees and proofs are
// those of RFC 6962 with SHA-256.
//
// A ledger knows nothing of what a record says. What it must know to find a
// record, and to store it once only, it learns from a [KeysOf] of its caller.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
)

// MaxRecord is the most bytes that a record may have: what the two length bytes
// of a C2SP entry bundle can say. Digests go in; what they stand for stays outside.
const MaxRecord = 65535

// MaxKey is the most bytes of an idempotency key, and of a name or value of an
// index key.
const MaxKey = 4096

// MaxKeys is the most index keys of a record.
const MaxKeys = 1024

// Conditions that a caller may want to tell apart, by [errors.Is]. An Append
// that ended with ErrConflict, ErrTooLarge, ErrInvalid or ErrReadOnly left no
// trace. After any other error the record may have been stored or not: append
// it again, which is safe because of its idempotency key.
var (
	// ErrNotFound: there is no record of this index, or no tree of this size, yet.
	ErrNotFound = errors.New("not in the ledger")
	// ErrConflict: another record has the same idempotency key.
	ErrConflict = errors.New("another record has the same idempotency key")
	// ErrTooLarge: the record has more than MaxRecord bytes.
	ErrTooLarge = errors.New("record is larger than 65535 bytes")
	// ErrInvalid: an argument can never be right, such as a negative index, or
	// a record that KeysOf refuses.
	ErrInvalid = errors.New("invalid argument")
	// ErrReadOnly: the ledger was opened without what signs a new head.
	ErrReadOnly = errors.New("ledger was opened for reading only")
	// ErrClosed: the ledger was closed.
	ErrClosed = errors.New("ledger is closed")
	// ErrNoLedger: there is no ledger at this place. Opening never makes one.
	ErrNoLedger = errors.New("no ledger here")
	// ErrExists: there is a ledger, or what is left of one, at this place.
	ErrExists = errors.New("a ledger exists here")
	// ErrCorrupt: what is stored contradicts itself or its signature.
	ErrCorrupt = errors.New("ledger is corrupt")
	// ErrRollback: the ledger is shorter than it was when last seen, or has
	// another history: an old copy was put back, or it was forked.
	ErrRollback = errors.New("ledger does not continue the one seen before")
)

// A Ledger holds records in the order in which they were appended. All its
// methods may be called concurrently, from several processes too.
//
// A tree size names an immutable snapshot: the first so many records. Methods
// that take one answer alike for ever, however much is appended; a size beyond
// that of the head is ErrNotFound.
//
// What a method returns was checked against the signed head. Sequences yield an
// error at most once, as their last pair, and may be read more than once.
type Ledger interface {
	// Append stores a record unless it is stored already, and returns when it
	// is durable. The same record, or one with the same idempotency key and
	// bytes, is one entry, whoever appends it; the same key with other bytes is
	// ErrConflict. If ctx ends first, the outcome is not known.
	Append(ctx context.Context, record []byte) (Receipt, error)

	// Head returns the newest signed head. It covers every append that was
	// acknowledged before the call.
	Head(ctx context.Context) (Head, error)

	// Get returns the record with this index.
	Get(ctx context.Context, index int64) (Entry, error)

	// Scan yields the entries from an index to the end of the tree of a size.
	Scan(ctx context.Context, size, from int64) iter.Seq2[Entry, error]

	// Find yields, in order, the entries of the tree of a size that have the
	// key and an index of at least from.
	Find(ctx context.Context, size, from int64, key Key) iter.Seq2[Entry, error]

	// Feed yields the entries from an index on, waits for more, and ends with
	// the error of ctx, or ErrClosed. A reader that comes back with the index
	// after the last one it saw misses nothing and sees nothing twice.
	Feed(ctx context.Context, from int64) iter.Seq2[Entry, error]

	// ProveInclusion proves that the record with this index is in the tree of
	// a size, for CheckInclusion.
	ProveInclusion(ctx context.Context, size, index int64) (Proof, error)

	// ProveConsistency proves that the tree of a size begins with all of the
	// tree of size old, for CheckConsistency.
	ProveConsistency(ctx context.Context, size, old int64) (Proof, error)

	io.Closer
}

// A Receipt says where a record is.
type Receipt struct {
	Index int64
	Size  int64 // of a durable tree that contains the record
	Known bool  // the record was there before this call
}

// An Entry is a record in its place. Its bytes are the caller's to keep.
type Entry struct {
	Index  int64
	Record []byte
}

// A Head is a signed statement about the whole ledger.
type Head struct {
	Origin string // the name of the ledger
	Size   int64  // number of records
	Root   Hash   // RFC 6962 tree hash of the records
	Note   []byte // the statement as signed: a C2SP checkpoint
}

// Text is what is signed of the head: a C2SP tlog-checkpoint of three lines,
// origin, size and root in base64.
func (h Head) Text() []byte { return fmt.Appendf(nil, "%s\n%d\n%s\n", h.Origin, h.Size, h.Root) }

// A Key is a name and value under which records can be found.
type Key struct{ Name, Value string }

// Keys is what a ledger knows about a record.
type Keys struct {
	ID    string // the idempotency key: at most one record has it; not empty
	Index []Key  // to find the record by; repeats count once
}

// KeysOf derives the keys of a record. It must depend on the bytes alone, so
// that keys can be derived again from the ledger at any time, and on any engine.
type KeysOf func(record []byte) (Keys, error)
