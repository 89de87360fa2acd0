package fabric

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
)

// An Opinion is what one peer of the profile says of a head.
type Opinion struct {
	Peer string // its address
	// Err is nil if it has the same records, and ErrRollback if it has others.
	// Anything else says why it could not be asked.
	Err error
}

// Agree asks every peer of the profile, by itself, for the tree of as many
// records as a head has. A peer that is behind is waited for, as long as
// Timeouts.Commit says. The opinions are in the order of the profile.
func (l *Ledger) Agree(ctx context.Context, head ledger.Head) []Opinion {
	ctx, cancel := l.within(ctx)
	defer cancel()
	all := make([]Opinion, len(l.peers))
	done := make(chan struct{})
	for i, e := range l.peers {
		go func() {
			all[i] = Opinion{e.address, l.opinion(ctx, e, head)}
			done <- struct{}{}
		}()
	}
	for range l.peers {
		<-done
	}
	return all
}

// opinion asks one peer.
func (l *Ledger) opinion(ctx context.Context, e *endpoint, head ledger.Head) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l.profile.Timeouts.Commit))
	defer cancel()
	for {
		text, err := l.evaluate(ctx, e, wire.Checkpoint, []byte(head.Origin), strconv.AppendInt(nil, head.Size, 10))
		if err == nil && !bytes.Equal(text, head.Text()) {
			err = fmt.Errorf("%w: it has another tree of %d records", ledger.ErrRollback, head.Size)
		}
		if r := (*refusal)(nil); !errors.As(err, &r) || r.status != wire.NotFound {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return err // it has fewer records still
		}
	}
}
