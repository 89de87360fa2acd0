package fabric

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"
	"github.com/hyperledger/fabric-protos-go-apiv2/common"
	"github.com/hyperledger/fabric-protos-go-apiv2/peer"
	"google.golang.org/protobuf/proto"

	"github.com/mmaudit/mmaudit/ledger"
)

// A watch tells that there are new blocks. It runs from the first Feed on.
type watch struct {
	once    sync.Once
	mu      sync.Mutex // guards changed
	changed chan struct{}
}

// next gives a channel that is closed at the next change.
func (w *watch) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed == nil {
		w.changed = make(chan struct{})
	}
	return w.changed
}

func (w *watch) tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.changed != nil {
		close(w.changed)
		w.changed = nil
	}
}

// follow tells of blocks until the ledger is closed. When the stream of one
// peer ends, it goes on with another.
func (l *Ledger) follow() {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		l.anyPeer(func(e *endpoint) error {
			blocks, err := l.blocks(l.ctx, e)
			if err != nil {
				return err
			}
			wait = 50 * time.Millisecond
			l.watch.tell() // of what came before the stream
			for range blocks {
				l.watch.tell()
			}
			return nil
		})
		select {
		case <-time.After(wait):
		case <-l.ctx.Done():
			return
		}
	}
}

// blocks opens the stream of blocks that a peer does not have yet.
func (l *Ledger) blocks(ctx context.Context, e *endpoint) (<-chan *peer.FilteredBlock, error) {
	text, err := timed(ctx, l.profile.Timeouts.Evaluate, func(ctx context.Context) ([]byte, error) {
		return e.network.GetContract("qscc").EvaluateWithContext(ctx, "GetChainInfo", client.WithArguments(l.profile.Channel))
	})
	if err != nil {
		return nil, err
	}
	var info common.BlockchainInfo
	if err := proto.Unmarshal(text, &info); err != nil {
		return nil, fmt.Errorf("peer %s: %w", e.address, err)
	}
	return e.network.FilteredBlockEvents(ctx, client.WithStartBlock(info.GetHeight()))
}

// Feed implements ledger.Ledger. It rides out a network that is away.
func (l *Ledger) Feed(ctx context.Context, from int64) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		if from < 0 {
			yield(ledger.Entry{}, fmt.Errorf("%w: index %d", ledger.ErrInvalid, from))
			return
		}
		if err := l.alive(ctx); err != nil {
			yield(ledger.Entry{}, err)
			return
		}
		l.watch.once.Do(func() { l.start(l.follow) })
		for next := from; ; {
			changed := l.watch.next() // before the log is read: no change falls between
			entries, err := l.after(ctx, next)
			if err != nil && ended(ctx, err) {
				yield(ledger.Entry{}, err)
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
			if len(entries) > 0 {
				continue
			}
			var again <-chan time.Time
			if err != nil {
				again = time.After(time.Second)
			}
			select {
			case <-changed:
			case <-again:
			case <-ctx.Done():
			case <-l.ctx.Done():
			}
		}
	}
}

// after reads some of the records from an index on, if there are any.
func (l *Ledger) after(ctx context.Context, index int64) ([]ledger.Entry, error) {
	if l.chain.size() <= index {
		if err := l.refresh(ctx); err != nil {
			return nil, l.because(ctx, err)
		}
	}
	var indexes []int64
	for i := index; i < min(index+page, l.chain.size()); i++ {
		indexes = append(indexes, i)
	}
	if len(indexes) == 0 {
		return nil, l.alive(ctx)
	}
	return l.fetch(ctx, indexes)
}

// ended reports whether a feed cannot go on after an error.
func ended(ctx context.Context, err error) bool {
	var r *refusal
	return ctx.Err() != nil || errors.Is(err, ledger.ErrClosed) || errors.Is(err, ledger.ErrCorrupt) ||
		errors.Is(err, ledger.ErrRollback) || errors.As(err, &r) || final(err)
}
