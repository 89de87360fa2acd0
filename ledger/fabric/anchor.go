package fabric

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/anchored"
	"github.com/mmaudit/mmaudit/ledger/fabric/endorsed"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// A Subject is a log that is kept elsewhere, to be anchored.
type Subject struct {
	// Genesis is SHA3-512 of the log's first record, in hexadecimal: its name on
	// the channel.
	Genesis string
	Log     ledger.Ledger
	// Keys gives the records about keys of the tree of a size that are valid, in
	// order, from the first one on. The network judges by them who signed.
	Keys func(ctx context.Context, size int64) ([]ledger.Entry, error)
	// Tell, if not nil, is told why what has just failed is tried again.
	Tell func(error)
}

// MayRecover reports whether what Anchor failed with may go away by itself: a
// network that cannot be reached, not one that refuses.
func MayRecover(err error) bool {
	var r *refusal
	for _, never := range []error{ledger.ErrRollback, ledger.ErrCorrupt, ledger.ErrReadOnly, ledger.ErrInvalid, ledger.ErrTooLarge, ledger.ErrClosed, ErrNoKey, errFinal} {
		if errors.Is(err, never) {
			return false
		}
	}
	return err != nil && !errors.As(err, &r)
}

// Anchor has the newest checkpoint of a log written on the channel, and returns
// when that is valid, with the evidence, which was verified. If the newest is
// there already, nothing is written; whoever else anchors the same log is no
// hindrance.
//
// A log that does not continue what is anchored is ledger.ErrRollback: an old
// copy, or a fork. An error of the log itself is returned as it is. What a
// network may yet do is tried until the time-out for appends. The profile must
// say whose word counts, else it is ErrNoKey.
func (l *Ledger) Anchor(ctx context.Context, s Subject) (*anchored.Evidence, *anchored.Anchor, error) {
	// Who else may write can anchor the log too, in a transaction of which nobody
	// can have evidence: its time may be one at which no certificate was valid.
	// Then this client writes the same checkpoint anew, once.
	again, tried := false, false
	return l.insist(ctx, s.Tell, func(ctx context.Context, e *endpoint, by signers) (*anchored.Evidence, *anchored.Anchor, error) {
		size, err := l.extend(ctx, e, by, s, again)
		if err != nil {
			return nil, nil, err
		}
		evidence, a, err := l.evidence(ctx, e, by, s.Genesis)
		again = errors.Is(err, anchored.ErrEvidence) && !tried
		tried = tried || again
		var r *refusal
		if err != nil && !(errors.As(err, &r) && r.status == wire.NotFound) {
			return nil, nil, err
		}
		if err != nil || a.Size < size {
			return nil, nil, fmt.Errorf("the peers that endorse do not have the anchor of %d records yet", size)
		}
		// Somebody else may have anchored more meanwhile.
		if _, err := s.continues(ctx, a.Size, a.Root, a.Tx); err != nil {
			return nil, nil, err
		}
		return evidence, a, nil
	})
}

// Anchored gives the last anchor of a log that is on the channel, with the
// evidence, which was verified. It is ledger.ErrNotFound if there is none.
func (l *Ledger) Anchored(ctx context.Context, genesis string) (*anchored.Evidence, *anchored.Anchor, error) {
	return l.insist(ctx, nil, func(ctx context.Context, e *endpoint, by signers) (*anchored.Evidence, *anchored.Anchor, error) {
		return l.evidence(ctx, e, by, genesis)
	})
}

// network is the name of the network in the key by which anchors are verified.
func (p *Profile) network() string { return "fabric/" + p.Channel + "/" + p.Chaincode }

// Network is the key by which anchors of the network are verified. It is ErrNoKey
// if the profile does not say whose word counts.
func (p *Profile) Network() (*endorsed.Key, error) { return p.Key(p.network()) }

// mostConflicts is how often the network may say that a log does not continue
// its anchor though it does: somebody else was faster.
const mostConflicts = 5

// signers are those whose word counts.
type signers struct {
	key *endorsed.Key
	cas []*x509.Certificate
}

// errLocal is an error of the log that is anchored: the network cannot help it.
type errLocal struct{ error }

func (e errLocal) Unwrap() error { return e.error }

// insist calls f until it succeeds, fails for good, or time is up.
func (l *Ledger) insist(ctx context.Context, tell func(error), f func(context.Context, *endpoint, signers) (*anchored.Evidence, *anchored.Anchor, error)) (evidence *anchored.Evidence, a *anchored.Anchor, err error) {
	if err := l.alive(ctx); err != nil {
		return nil, nil, err
	}
	key, cas, err := l.profile.key(l.profile.network())
	if err != nil {
		return nil, nil, err
	}
	within, cancel := l.within(ctx)
	defer cancel()
	within, cancel = context.WithTimeout(within, time.Duration(l.profile.Timeouts.Append))
	defer cancel()
	conflicts := 0
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := l.anyPeer(within, func(e *endpoint) error {
			evidence, a, err = f(within, e, signers{key, cas})
			return err
		})
		var local errLocal
		var r *refusal
		switch {
		case err == nil:
			return evidence, a, nil
		case errors.As(err, &local):
			return nil, nil, l.because(ctx, local.error)
		case errors.As(err, &r) && r.status == wire.NotFound:
			return nil, nil, fmt.Errorf("%w: %w", ledger.ErrNotFound, err)
		case errors.As(err, &r) && r.status == wire.Conflict:
			// The log itself is asked next whether it continues what is there.
			if conflicts++; conflicts > mostConflicts {
				return nil, nil, fmt.Errorf("%w: %s", ledger.ErrRollback, r.message)
			}
		case errors.As(err, &r) && r.status == wire.Stale:
		case errors.As(err, &r), final(err):
			return nil, nil, err
		}
		if tell != nil {
			tell(err)
		}
		if pause(within, wait) != nil {
			if stop := l.alive(ctx); stop != nil {
				return nil, nil, stop
			}
			return nil, nil, fmt.Errorf("not anchored within %v: %w", time.Duration(l.profile.Timeouts.Append), err)
		}
	}
}

// extend has the log's newest checkpoint on the channel, and gives its size. If it
// is there already it is written again, if that is wanted.
func (l *Ledger) extend(ctx context.Context, e *endpoint, by signers, s Subject, again bool) (size int64, err error) {
	last := &wire.Anchor{}
	text, err := l.evaluate(ctx, e, wire.AnchorGet, []byte(s.Genesis))
	var r *refusal
	switch {
	case err == nil:
		if last, err = wire.ParseAnchor(text); err != nil {
			return 0, fmt.Errorf("the answer to %s: %w", wire.AnchorGet, err)
		}
	case errors.As(err, &r) && r.status == wire.NotFound: // the first one
	default:
		return 0, err
	}
	head, err := s.continues(ctx, last.Size, last.Root, last.Tx)
	if err != nil {
		return 0, err
	}
	q, err := s.request(ctx, head, last)
	if err != nil {
		return 0, errLocal{err}
	}
	if last.Size == head.Size && len(q.Records) == 0 && !again {
		return head.Size, nil
	}
	q.Again = again
	if text, err = json.Marshal(q); err != nil {
		return 0, errLocal{err}
	}
	tx, answer, err := l.endorseFor(ctx, e, by, wire.AnchorPut, []byte(s.Genesis), text)
	if err != nil {
		return 0, err
	}
	a, err := wire.ParseAnchor(answer.Payload)
	if err != nil {
		return 0, fmt.Errorf("the answer to %s: %w", wire.AnchorPut, err)
	}
	if a.Tx != tx.id {
		return head.Size, nil // it was there
	}
	return head.Size, tx.commit(ctx)
}

// continues gives the log's newest head, if that continues an anchor; of size 0
// if there is none.
func (s Subject) continues(ctx context.Context, size int64, root ledger.Hash, tx string) (head ledger.Head, err error) {
	if head, err = s.Log.Head(ctx); err != nil {
		return head, errLocal{err}
	}
	if size == 0 {
		return head, nil
	}
	if head.Size < size {
		return head, errLocal{fmt.Errorf("%w: it has %d records, and %d are anchored (transaction %s)", ledger.ErrRollback, head.Size, size, tx)}
	}
	proof, err := s.Log.ProveConsistency(ctx, head.Size, size)
	if err != nil {
		return head, errLocal{err}
	}
	if err := ledger.CheckConsistency(proof, head.Size, head.Root, size, root); err != nil {
		return head, errLocal{fmt.Errorf("%w: its first %d records are not those that are anchored (transaction %s): it was forked", ledger.ErrRollback, size, tx)}
	}
	return head, nil
}

// request makes what is to be sent to anchor a head after the last anchor.
func (s Subject) request(ctx context.Context, head ledger.Head, last *wire.Anchor) (*wire.AnchorRequest, error) {
	q := &wire.AnchorRequest{Note: string(head.Note), From: last.Size, Consistency: ledger.Proof{}, Records: []wire.AnchorRecord{}}
	if last.Size > 0 {
		proof, err := s.Log.ProveConsistency(ctx, head.Size, last.Size)
		if err != nil {
			return nil, err
		}
		q.Consistency = append(q.Consistency, proof...)
	}
	keys, err := s.Keys(ctx, head.Size)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if slices.Contains(last.Records, k.Index) {
			continue
		}
		proof, err := s.Log.ProveInclusion(ctx, head.Size, k.Index)
		if err != nil {
			return nil, err
		}
		q.Records = append(q.Records, wire.AnchorRecord{Index: k.Index, Record: k.Record, Proof: append(ledger.Proof{}, proof...)})
	}
	if len(q.Records) > wire.MaxAnchorRecords {
		return nil, fmt.Errorf("%w: %d records about keys, at most %d can be anchored at once", ledger.ErrInvalid, len(q.Records), wire.MaxAnchorRecords)
	}
	return q, nil
}

// evidence gets the evidence of the last anchor of a log.
func (l *Ledger) evidence(ctx context.Context, e *endpoint, by signers, genesis string) (*anchored.Evidence, *anchored.Anchor, error) {
	tx, answer, err := l.endorseFor(ctx, e, by, wire.AnchorGet, []byte(genesis))
	if err != nil {
		return nil, nil, err
	}
	state, err := wire.ParseAnchor(answer.Payload)
	if err != nil {
		return nil, nil, fmt.Errorf("the answer to %s: %w", wire.AnchorGet, err)
	}
	block, err := l.evaluateOf(ctx, e, "qscc", "GetBlockByTxID", []byte(l.profile.Channel), []byte(state.Tx))
	if err != nil {
		return nil, nil, err
	}
	return anchored.New(by.key, by.cas, tx.envelope, block)
}

// endorseFor has a call endorsed by as many organisations as the key needs, and
// verifies that it is.
func (l *Ledger) endorseFor(ctx context.Context, e *endpoint, by signers, function string, args ...[]byte) (tx *transaction, a *endorsed.Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l.profile.Timeouts.Endorse))
	defer cancel()
	for _, set := range endorsers(by.key) {
		tx, err = e.endorse(ctx, call{chaincode: l.profile.Chaincode, function: function, args: args, organisations: set})
		if err == nil {
			a, err = by.key.Answer(tx.envelope, by.cas)
		}
		var r *refusal
		if err == nil || errors.As(err, &r) || final(err) || errors.Is(err, errUnavailable) || ctx.Err() != nil {
			break
		}
	}
	return tx, a, err
}
