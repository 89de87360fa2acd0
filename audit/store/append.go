package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/canonical"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/ledger"
)

// Append stores a record and returns when it is durable. A record whose
// idempotency key is taken is one that was sent again if what it says is what
// the first one said, the time and what was seen of the machine aside: then the
// receipt is that of the first one, with Known set. Otherwise it is
// ledger.ErrConflict.
//
// A record that replaces the key of the log makes the new key sign from then on.
func (s *Store) Append(ctx context.Context, record []byte) (ledger.Receipt, error) {
	return s.AppendIf(ctx, record, func(context.Context, ledger.Ledger, int64) error { return nil })
}

// Ok judges a record as the one with an index of a log, of which it may look at
// all that is before it. Its error says what speaks against the record.
type Ok func(ctx context.Context, l ledger.Ledger, index int64) error

// Overtaken is a record that was appended, though by then something spoke
// against it: it is in the ledger, and is judged there by its place.
type Overtaken struct {
	ledger.Receipt
	Err error // of Ok
}

func (o *Overtaken) Error() string {
	return fmt.Sprintf("record %d is in the ledger, and what came before it meanwhile speaks against it: %v", o.Index, o.Err)
}

func (o *Overtaken) Unwrap() error { return o.Err }

// AppendIf is Append of a record of which ok finds that nothing speaks against
// it. An error of ok is returned as it is.
//
// In a folder, no record about keys or policy is appended from then until the
// record is, by whatever process: a key that is revoked meanwhile signs nothing
// more. On Fabric nobody can be kept from appending: ok is asked before, and
// again for the place that the record got, if others came before it. What it
// says then is an error that is an *Overtaken.
func (s *Store) AppendIf(ctx context.Context, record []byte, ok Ok) (ledger.Receipt, error) {
	if s.chain != nil {
		return s.appendOpen(ctx, record, ok)
	}
	how := unix.LOCK_SH
	if changesKeys(record) {
		how = unix.LOCK_EX
	}
	unlock, err := s.lock(how)
	if err != nil {
		return ledger.Receipt{}, err
	}
	defer unlock()
	if err := s.unchanged(); err == errChanged {
		// Another process has changed the keys since the log was opened.
		again, err := open(ctx, s.dir, s.o)
		if err != nil {
			return ledger.Receipt{}, err
		}
		defer again.Close()
		if err := again.ask(ctx, ok); err != nil {
			return ledger.Receipt{}, err
		}
		return again.appendOnce(ctx, record)
	} else if err != nil {
		return ledger.Receipt{}, err
	}
	if err := s.ask(ctx, ok); err != nil {
		return ledger.Receipt{}, err
	}
	receipt, err := s.appendOnce(ctx, record)
	if err == nil && s.rotatesLog(record) {
		err = s.promote()
	}
	return receipt, err
}

// ask asks ok about the next record.
func (s *Store) ask(ctx context.Context, ok Ok) error {
	head, err := s.Log.Head(ctx)
	if err != nil {
		return err
	}
	return ok(ctx, s.Log, head.Size)
}

// changesKeys reports whether a record is about keys or policy.
func changesKeys(record []byte) bool {
	k, err := audit.KeysOf(record)
	return err == nil && slices.Contains(k.Index, ledger.Key{Name: audit.KeyScope, Value: string(audit.OfLedger)})
}

// appendOnce appends a record unless one with its id says the same.
func (s *Store) appendOnce(ctx context.Context, record []byte) (ledger.Receipt, error) {
	if err := s.mayAppend(record); err != nil {
		return ledger.Receipt{}, err
	}
	receipt, err := s.Log.Append(ctx, record)
	if !errors.Is(err, ledger.ErrConflict) {
		return receipt, err
	}
	mine, openErr := audit.Open(record)
	if openErr != nil || mine.Predicate().ID == "" {
		return receipt, errors.Join(err, openErr)
	}
	head, headErr := s.Log.Head(ctx)
	if headErr != nil {
		return receipt, headErr
	}
	id := ledger.Key{Name: audit.KeyID, Value: mine.Predicate().ID}
	for e, findErr := range s.Log.Find(ctx, head.Size, 0, id) {
		if findErr != nil {
			return receipt, findErr
		}
		theirs, openErr := audit.Open(e.Record)
		if openErr != nil {
			return receipt, openErr
		}
		same, sayErr := sayTheSame(mine.Predicate(), theirs.Predicate())
		switch {
		case sayErr != nil:
			return receipt, sayErr
		case !same:
			return receipt, fmt.Errorf("%w: record %d has the id %q and says something else", ledger.ErrConflict, e.Index, id.Value)
		}
		return ledger.Receipt{Index: e.Index, Size: head.Size, Known: true}, nil
	}
	return receipt, err
}

// sayTheSame reports whether two predicates differ in nothing but when and from
// which machine they were made.
func sayTheSame(a, b *audit.Predicate) (bool, error) {
	x, err := essence(a)
	if err != nil {
		return false, err
	}
	y, err := essence(b)
	return bytes.Equal(x, y), err
}

func essence(p *audit.Predicate) ([]byte, error) {
	q := *p
	q.Time, q.Prev, q.Toolchain, q.Gaps = audit.Time{}, nil, nil, nil
	q.Cut = slices.DeleteFunc(slices.Clone(p.Cut), func(x audit.Cut) bool { return x.Member == "gaps" })
	q.Data = make([]audit.Dataset, len(p.Data))
	for i, d := range p.Data {
		f := d.Fingerprint
		f.Cached, f.CacheOff, f.Unreadable = 0, "", fingerprint.Problems{}
		d.Fingerprint, d.Listing = f, nil // a listing has times of files
		q.Data[i] = d
	}
	return canonical.Marshal(q)
}
