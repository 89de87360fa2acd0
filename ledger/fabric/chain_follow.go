package fabric

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mmaudit/mmaudit/ledger"
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

// A source is whose blocks are read.
type source struct {
	mu     sync.Mutex // guards all
	peer   int
	cancel context.CancelFunc // of the stream; nil before the first
	err    error              // why the last one ended
}

// failed notes why a stream ended.
func (s *source) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// why tells why the last stream ended that did; nil if none has.
func (s *source) why() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// use gives the peer to read from, and a context that ends when another one is
// to be.
func (s *source) use(ctx context.Context, peers []*endpoint) (context.Context, *endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, s.cancel = context.WithCancel(ctx)
	return ctx, peers[s.peer]
}

// leave ends a stream. Another peer is next, unless that has been seen to.
func (s *source) leave(e *endpoint, peers []*endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cancel()
	if peers[s.peer] == e {
		s.peer = (s.peer + 1) % len(peers)
	}
}

// leaveFor goes on with a peer that is said to have more, or if that is the one
// that is read from, with the next.
func (s *source) leaveFor(e *endpoint, peers []*endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if peers[s.peer] == e {
		s.peer = (s.peer + 1) % len(peers)
	} else {
		for i := range peers {
			if peers[i] == e {
				s.peer = i
			}
		}
	}
	if s.cancel != nil {
		s.cancel()
	}
}
