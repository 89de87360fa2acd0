package fabric

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// seal has full tiles sealed, so that clients which begin later need not read
// the log record by record. Nothing depends on it: whoever appends next tries
// again, and of two who do it at the same time one has nothing left to do.
func (l *Ledger) seal() {
	if _, due := l.unsealed(); !due || !l.sealing.CompareAndSwap(false, true) {
		return
	}
	if !l.start(func() {
		defer l.sealing.Store(false)
		ctx, cancel := context.WithTimeout(l.ctx, time.Duration(l.profile.Timeouts.Append))
		defer cancel()
		for {
			full, due := l.unsealed()
			if !due {
				return
			}
			var s wire.Sealed
			err := l.anyPeer(ctx, func(e *endpoint) error {
				var err error
				s, err = l.sealNext(ctx, e)
				return err
			})
			var r *refusal
			switch {
			case errors.As(err, &r) && r.status == wire.NotFound:
				l.sealed.Store(full) // by others
			case err != nil:
				return
			default:
				l.sealed.Store(s.Tiles)
			}
		}
	}) {
		l.sealing.Store(false)
	}
}

// unsealed gives the number of full tiles, and whether one of them is not sealed
// as far as is known: by what was done here, or seen on the chain.
func (l *Ledger) unsealed() (full int64, due bool) {
	l.chain.mu.RLock()
	defer l.chain.mu.RUnlock()
	full = l.chain.length() / wire.TileWidth
	return full, full > max(l.chain.sealed, l.sealed.Load())
}

// sealNext has one tile sealed.
func (l *Ledger) sealNext(ctx context.Context, e *endpoint) (s wire.Sealed, err error) {
	tx, err := l.endorse(ctx, e, wire.Seal)
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(tx.result, &s); err != nil {
		return s, fmt.Errorf("the answer to %s: %w", wire.Seal, err)
	}
	return s, tx.commit(ctx)
}
