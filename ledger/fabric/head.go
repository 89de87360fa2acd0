package fabric

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/mmaudit/mmaudit/ledger"
)

const (
	// less is the grace of a peer that was waited for in vain the last time.
	less = 50 * time.Millisecond
	// quiet is after how long without a block peers are asked whether there is one.
	quiet = 5 * time.Second
	// patient is how long it is tried to read the beginning, where it can be read
	// of no peer: chaincode that is not there does not come so soon.
	patient = 5 * time.Second
	// mostAsked is how many questions a peer that hangs may leave unanswered.
	mostAsked = 16
)

// Head implements ledger.Ledger: it is linearizable as long as not two peers of
// the profile fail at once. It covers all that any peer had when it was called,
// and returns when no peer that can be reached and keeps up has less. Its note is
// a C2SP checkpoint without a signature: what stands behind it is the chain, and
// Endorse has it signed.
func (l *Ledger) Head(ctx context.Context) (ledger.Head, error) {
	if err := l.alive(ctx); err != nil {
		return ledger.Head{}, err
	}
	within, cancel := l.within(ctx)
	defer cancel()
	if err := l.refresh(within); err != nil {
		return ledger.Head{}, l.because(ctx, err)
	}
	h, height, err := l.seen()
	if err == nil {
		err = l.because(ctx, l.settle(within, height))
	}
	if err != nil {
		return ledger.Head{}, err
	}
	return h, nil
}

// Seen implements ledger.Eventual: it returns the head of what this client has
// read, which one peer gave it. Heads of one client never go back, and follow
// those of the network while any peer that has them can be reached. A client that
// has read nothing yet waits for the first peer that answers.
func (l *Ledger) Seen(ctx context.Context) (ledger.Head, error) {
	if err := l.alive(ctx); err != nil {
		return ledger.Head{}, err
	}
	within, cancel := l.within(ctx)
	defer cancel()
	soon, stop := context.WithTimeout(within, l.grace())
	err := l.chain.until(soon, func() bool { return l.chain.next > 0 })
	stop()
	if errors.Is(err, context.DeadlineExceeded) {
		err = l.refresh(within) // the one that is read from hangs, or nobody is there
	}
	if err != nil {
		return ledger.Head{}, l.because(ctx, err)
	}
	h, _, err := l.seen()
	return h, err
}

// seen gives the head of what was read, and the number of blocks.
func (l *Ledger) seen() (h ledger.Head, height uint64, err error) {
	size, root, height, err := l.chain.head()
	if err != nil {
		return h, 0, err
	}
	h = ledger.Head{Origin: l.profile.name(), Size: size, Root: root}
	h.Note = h.Text()
	return h, height, nil
}

// look asks a peer for its newest block.
func (l *Ledger) look(ctx context.Context, e *endpoint) (tip, error) {
	e.asked.Add(1)
	defer e.asked.Add(-1)
	t, err := l.tip(ctx, e)
	if err != nil {
		return t, fmt.Errorf("peer %s: %w", e.address, err)
	}
	e.absent.Store(false)
	e.has(t.height)
	return t, nil
}

// has notes how many blocks a peer is known to have.
func (e *endpoint) has(height uint64) {
	for old := e.height.Load(); height > old && !e.height.CompareAndSwap(old, height); old = e.height.Load() {
	}
}

// grace is how long a peer is waited for once another one has answered, and how
// long the stream of blocks may lack what another peer has.
func (l *Ledger) grace() time.Duration { return time.Duration(l.profile.Timeouts.Grace) }

// patience is how long this peer is waited for.
func (l *Ledger) patience(e *endpoint) time.Duration {
	if e.absent.Load() {
		return min(less, l.grace())
	}
	return l.grace()
}

// refresh reads the chain up to the newest block of all peers that can be
// reached. One is enough, but none may contradict another.
func (l *Ledger) refresh(ctx context.Context) error {
	type answer struct {
		peer *endpoint
		tip  tip
		err  error
	}
	answers := make(chan answer, len(l.peers))
	left := map[*endpoint]bool{}
	for _, e := range l.peers {
		if e.absent.Load() && e.asked.Load() >= mostAsked {
			continue // it hangs, and any of these answers will say that it is back
		}
		left[e] = true
		if !l.start(func() {
			tip, err := l.look(l.ctx, e)
			answers <- answer{e, tip, err}
		}) {
			return ledger.ErrClosed
		}
	}
	var late <-chan time.Time // a peer that hangs is not waited for once another has answered
	var errs []error
	var answered []answer
	for len(left) > 0 {
		select {
		case a := <-answers:
			delete(left, a.peer)
			if a.err == nil {
				answered = append(answered, a)
			} else {
				errs = append(errs, a.err)
			}
			if len(answered) > 0 {
				wait := less
				for e := range left {
					wait = max(wait, l.patience(e))
				}
				late = time.After(wait)
			}
			continue
		case <-late:
			for e := range left {
				e.absent.Store(true)
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		break
	}
	if len(answered) == 0 {
		return errors.Join(append([]error{errAway}, errs...)...)
	}
	for _, a := range answered {
		err := l.upTo(ctx, a.peer, func() bool { return l.chain.next >= a.tip.height })
		if err == nil {
			err = l.chain.agrees(a.tip)
		}
		if err != nil {
			return fmt.Errorf("block %d of peer %s: %w", a.tip.height-1, a.peer.address, err)
		}
	}
	return nil
}

var errAway error = &failure{errUnavailable, "no peer of the profile answers", errUnavailable}

// upTo waits until the chain was read as far as a peer has it. A peer whose
// stream brings nothing meanwhile hangs or is behind: another one goes on.
func (l *Ledger) upTo(ctx context.Context, e *endpoint, ready func() bool) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(l.profile.Timeouts.Commit))
	defer cancel()
	for {
		before := l.chain.height()
		soon, stop := context.WithTimeout(ctx, l.grace())
		err := l.chain.until(soon, ready)
		stop()
		late := ctx.Err() != nil || before == 0 && time.Since(began) > patient
		switch {
		case err == nil || !errors.Is(err, context.DeadlineExceeded):
			return err
		case late && l.source.why() != nil:
			return fmt.Errorf("the chain cannot be read: %w", l.source.why())
		case ctx.Err() != nil:
			return err
		}
		if l.chain.height() == before {
			l.source.leaveFor(e, l.peers)
		}
	}
}

// settle waits until all peers that can be reached, and keep up, have so many
// blocks, so that what is said of them does not vanish with the peer that had
// them first.
func (l *Ledger) settle(ctx context.Context, height uint64) error {
	errs := make([]error, len(l.peers))
	var wg sync.WaitGroup
	for i, e := range l.peers {
		if e.height.Load() >= height {
			continue
		}
		wg.Go(func() {
			limited, cancel := context.WithTimeout(ctx, l.patience(e))
			defer cancel()
			for wait := time.Millisecond; e.height.Load() < height; wait = min(2*wait, less) {
				tip, err := l.look(limited, e)
				if err == nil {
					if errs[i] = l.chain.agrees(tip); errs[i] != nil {
						return
					}
				} else if limited.Err() == nil {
					return // it cannot be reached
				}
				select {
				case <-time.After(wait):
				case <-limited.Done():
					if ctx.Err() == nil && e.height.Load() < height {
						e.absent.Store(true)
					}
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

// watch asks the peers for blocks when none has come for a while: a stream does
// not tell whether its peer hangs.
func (l *Ledger) watch() {
	for {
		before := l.chain.height()
		select {
		case <-time.After(quiet):
		case <-l.ctx.Done():
			return
		}
		if l.chain.height() == before {
			_ = l.refresh(l.ctx) // whoever asks is told
		}
	}
}
