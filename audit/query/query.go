// Package query answers questions about a ledger of records: the life of a
// version, what ran where, what was trained with what, which data hold a file.
//
// A [View] is a ledger at one size, under one signed head: whatever is appended
// meanwhile, its answers belong together. Each names the records that it rests on
// by index, and [View.Prove] proves any of them against the head, for
// ledger.CheckInclusion.
//
// What it guarantees: every record in an answer is in the ledger under the head,
// has the key that it was found by, and was judged. What it cannot: that no
// record is left out. Records are found by the ledger's index, which is derived
// from them; whoever doubts it verifies the ledger, which derives it again.
package query

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/trust"
	"github.com/mmaudit/mmaudit/ledger"
)

// ErrNone says that the ledger has no record of what was asked about.
var ErrNone = errors.New("the ledger has no record of it")

func none(what, name string) error { return fmt.Errorf("%s %q: %w", what, name, ErrNone) }

// A Judge says what is to be thought of a record: trust.Keyring.
type Judge interface {
	Judge(index int64, r *audit.Record) trust.Verdict
	PolicyAt(index int64) audit.Policy
}

// Options say how questions are answered. The zero value answers at the head,
// from records alone.
type Options struct {
	// Judge is who judges; nil loads the keyring of the ledger.
	Judge Judge
	// Documents are the listings and parameters that records name; nil: none.
	Documents lifecycle.Documents

	// Size is how many records count, the oldest; 0 is all. At is a time in
	// place of it: the first records whose claims do not pass it, see View.Size.
	Size int64
	At   time.Time

	// Now is what the silence of runs is measured against; zero, or with Size or
	// At: the newest claim of the records.
	Now     time.Time
	Silence time.Duration // see lifecycle.Life
	// Overlaps compares the files of training and test data, which takes about
	// a second for a million of them.
	Overlaps bool
	// TempDir is for sorting lists of files; default: os.TempDir.
	TempDir string
}

// A View is a ledger at one size. Methods may be called concurrently.
type View struct {
	Head ledger.Head // what proofs are checked against
	// Size is the number of records that count, at most Head.Size. Of a time it
	// is the place in the ledger's order where claims pass it: the record before
	// claims no later time, the record after does. It is found by halving, so
	// single wrong clocks elsewhere do not move it.
	Size int64

	l ledger.Ledger
	o Options
}

// Open takes a view of a ledger.
func Open(ctx context.Context, l ledger.Ledger, o Options) (*View, error) {
	head, err := l.Head(ctx)
	if err != nil {
		return nil, err
	}
	v := &View{Head: head, Size: head.Size, l: l, o: o}
	if o.Size < 0 || o.Size > head.Size {
		return nil, fmt.Errorf("%w: size %d; the ledger has %d records", ledger.ErrNotFound, o.Size, head.Size)
	}
	if o.Size > 0 {
		v.Size = o.Size
	}
	if !o.At.IsZero() {
		if v.Size, err = v.sizeAt(ctx, o.At); err != nil {
			return nil, err
		}
	}
	if v.Size < head.Size {
		v.o.Now = o.At
	}
	if o.Judge == nil {
		// The whole keyring: a revocation reaches back.
		if v.o.Judge, err = trust.Load(ctx, l, head.Size); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// sizeAt finds where the claims of records pass a time.
func (v *View) sizeAt(ctx context.Context, t time.Time) (int64, error) {
	var failed error
	n := sort.Search(int(v.Size), func(i int) bool {
		if failed != nil {
			return true
		}
		e, err := v.l.Get(ctx, int64(i))
		if err != nil {
			failed = err
			return true
		}
		r, err := audit.Open(e.Record)
		if err != nil {
			return false // it claims nothing
		}
		claimed, err := time.Parse(time.RFC3339Nano, r.Predicate().Time.Claimed)
		return err == nil && claimed.After(t)
	})
	return int64(n), failed
}

// Snapshot names the state of the ledger, for answers.
func (v *View) Snapshot() *lifecycle.Snapshot {
	return &lifecycle.Snapshot{
		Origin: v.Head.Origin, Size: v.Head.Size, Root: base64.StdEncoding.EncodeToString(v.Head.Root[:]), Records: v.Size,
	}
}

// Prove proves that the record with an index is in the ledger, against Head, for
// ledger.CheckInclusion.
func (v *View) Prove(ctx context.Context, index int64) (ledger.Proof, error) {
	return v.l.ProveInclusion(ctx, v.Head.Size, index)
}

// records collects records, each once.
type records map[int64]lifecycle.Record

// find adds the records with a key, up to a limit, and reports whether these
// were all.
func (v *View) find(ctx context.Context, key ledger.Key, from int64, limit int, into records, want func(*audit.Predicate) bool) (bool, error) {
	n := 0
	for e, err := range v.l.Find(ctx, v.Size, from, key) {
		if err != nil {
			return false, err
		}
		if n++; n > limit && limit > 0 {
			return false, nil
		}
		if _, ok := into[e.Index]; ok {
			continue
		}
		r := lifecycle.Record{Index: e.Index, Bytes: e.Record}
		if r.Record, r.Err = audit.Open(e.Record); r.Err == nil && want != nil && !want(r.Record.Predicate()) {
			continue
		}
		into[e.Index] = r
	}
	return true, nil
}

// judged gives the records in order, judged.
func (v *View) judged(all records) []lifecycle.Record {
	list := make([]lifecycle.Record, 0, len(all))
	for _, r := range all {
		r.Policy = v.o.Judge.PolicyAt(r.Index)
		if r.Record != nil {
			r.Verdict = v.o.Judge.Judge(r.Index, r.Record)
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(x, y lifecycle.Record) int { return cmp.Compare(x.Index, y.Index) })
	return list
}
