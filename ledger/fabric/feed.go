package fabric

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// follow reads the chain until the ledger is closed. When the stream of one peer
// ends, or is left, another one goes on after the last block.
func (l *Ledger) follow() {
	const shortest = 50 * time.Millisecond
	for wait := shortest; ; wait = min(2*wait, 2*time.Second) {
		ctx, e := l.source.use(l.ctx, l.peers)
		read, err := l.stream(ctx, e)
		left := ctx.Err() != nil // for another one
		l.source.leave(e, l.peers)
		if err != nil && !left {
			l.source.failed(fmt.Errorf("peer %s: %w", e.address, err))
		}
		if read {
			wait = shortest
		}
		if l.ctx.Err() == nil && err != nil && ended(err) {
			l.chain.fail(fmt.Errorf("peer %s: %w", e.address, err))
			return
		}
		select {
		case <-time.After(wait):
		case <-l.ctx.Done():
			l.chain.fail(ledger.ErrClosed)
			return
		}
	}
}

// stream reads the blocks of a peer for as long as it gives any, and reports
// whether it gave one.
func (l *Ledger) stream(ctx context.Context, e *endpoint) (read bool, err error) {
	if l.chain.height() == 0 {
		if err := l.begin(ctx, e); err != nil {
			return false, err
		}
	}
	for text, err := range e.blocks(ctx, l.chain.height()) {
		if err == nil {
			err = l.chain.take(text, l.profile.Chaincode)
		}
		if err != nil {
			return read, err
		}
		read = true
		e.has(l.chain.height())
	}
	return read, nil
}

// ask asks one peer for what is JSON.
func (l *Ledger) ask(ctx context.Context, e *endpoint, answer any, function string, args ...[]byte) error {
	text, err := l.evaluate(ctx, e, function, args...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%w: the answer to %s: %w", ledger.ErrCorrupt, function, err)
	}
	return nil
}

// Feed implements ledger.Ledger. It rides out a network that is away.
func (l *Ledger) Feed(ctx context.Context, from int64) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		if from < 0 {
			yield(ledger.Entry{}, fmt.Errorf("%w: index %d", ledger.ErrInvalid, from))
			return
		}
		for next := from; ; {
			entries, err := l.after(ctx, next)
			if err != nil && ctx.Err() == nil && !ended(err) {
				select {
				case <-time.After(time.Second):
				case <-ctx.Done():
				case <-l.ctx.Done():
				}
				continue
			}
			if err != nil {
				yield(ledger.Entry{}, l.because(ctx, err))
				return
			}
			for _, e := range entries {
				if err := l.alive(ctx); err != nil {
					yield(ledger.Entry{}, err)
					return
				}
				if !yield(e, nil) {
					return
				}
				next = e.Index + 1
			}
		}
	}
}

// after waits for records from an index on, and reads some of them.
func (l *Ledger) after(ctx context.Context, index int64) ([]ledger.Entry, error) {
	if err := l.alive(ctx); err != nil {
		return nil, err
	}
	if err := l.chain.until(ctx, func() bool { return l.chain.length() > index }); err != nil {
		return nil, err
	}
	var indexes []int64
	for i := index; i < min(index+page, l.chain.size()); i++ {
		indexes = append(indexes, i)
	}
	return l.fetch(ctx, indexes)
}

// ended reports whether an error would come again, however often one tries. What
// a peer does not have yet, it will.
func ended(err error) bool {
	var r *refusal
	return errors.Is(err, ledger.ErrClosed) || errors.As(err, &r) && r.status != wire.NotFound || final(err)
}
