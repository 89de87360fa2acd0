package fabric

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/mmaudit/mmaudit/ledger"
)

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
