package fabric

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// follower collects what a feed yields.
type follower struct {
	mu   sync.Mutex // guards all
	fed  []ledger.Entry
	more chan struct{} // closed at the next entry
	done sync.WaitGroup
}

// followed feeds on a ledger from its beginning until the test ends.
func followed(t *testing.T, l *Ledger) *follower {
	f := &follower{more: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	f.done.Go(func() {
		for e, err := range l.Feed(ctx, 0) {
			if err != nil {
				if ctx.Err() == nil {
					t.Error(err)
				}
				return
			}
			f.mu.Lock()
			if e.Index != int64(len(f.fed)) {
				t.Errorf("the feed has record %d after %d records", e.Index, len(f.fed))
			}
			f.fed = append(f.fed, e)
			close(f.more)
			f.more = make(chan struct{})
			f.mu.Unlock()
		}
	})
	t.Cleanup(func() { cancel(); f.done.Wait() })
	return f
}

// until waits until the feed had so many entries.
func (f *follower) until(t *testing.T, n int) {
	t.Helper()
	for {
		f.mu.Lock()
		had, more := len(f.fed), f.more
		f.mu.Unlock()
		if had >= n {
			return
		}
		select {
		case <-more:
		case <-t.Context().Done():
			t.Fatalf("the feed had %d of %d records", had, n)
		}
	}
}

// appending appends records [from, to), each by itself at the same time.
func appending(t *testing.T, l *Ledger, from, to int) (wait func()) {
	var wg sync.WaitGroup
	for i := from; i < to; i++ {
		wg.Go(func() {
			if _, err := l.Append(t.Context(), numbered(i)); err != nil {
				t.Errorf("record %d: %v", i, err)
			}
		})
	}
	return wg.Wait
}

func numbered(i int) []byte { return ledgertest.Record(fmt.Sprint("id-", i), "content") }

func numberedUpTo(n int) (all [][]byte) {
	for i := range n {
		all = append(all, numbered(i))
	}
	return all
}

func covers(t *testing.T, l *Ledger, size int64) {
	t.Helper()
	if h, err := l.Head(t.Context()); err != nil || h.Size < size {
		t.Errorf("head %d, %v, want %d or more", h.Size, err, size)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestOutage takes away the orderer, and then everything, while records are
// appended and a feed is open. Both go on when it comes back.
func TestOutage(t *testing.T) { outage(t, throughGateway) }

func TestOutageSDK(t *testing.T) { outage(t, throughSDK) }

func outage(t *testing.T, through way) {
	n, cc := network(t, fabricnet.Options{}, "outage")
	l := open(t, through(t)(profileOf(t, n, "outage", issue(t, n, 0, "writer", chaincode.Writer))))
	f := followed(t, l)
	appending(t, l, 0, 5)()

	must(t, n.Orderers[0].Kill())
	wait := appending(t, l, 5, 10)
	covers(t, l, 5)
	must(t, n.Orderers[0].Start())
	wait()
	covers(t, l, 10)

	all := []*fabricnet.Process{cc, n.Orgs[0].Peer.Process, n.Orgs[1].Peer.Process, n.Orderers[0].Process}
	for _, p := range all {
		must(t, p.Kill())
	}
	wait = appending(t, l, 10, 15)
	// Long enough for everybody to have noticed, and to try less often.
	for began := time.Now(); time.Since(began) < 4*time.Second; {
		if h, err := l.Head(t.Context()); !errors.Is(err, errUnavailable) {
			t.Fatalf("head %+v, %v without a network", h, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	// What was read is still there for who is content with it.
	if h, err := l.Seen(t.Context()); err != nil || h.Size != 10 {
		t.Errorf("seen %+v, %v", h, err)
	}
	for _, p := range all {
		must(t, p.Start())
	}
	must(t, n.Ready(t.Context()))
	wait()
	appending(t, l, 15, 20)()
	f.until(t, 20)
	everywhere(t, n, "outage", numberedUpTo(20))
}

// TestSuspended stops peers from running, as a machine does that hangs: their
// connections stay open, and nothing comes. The others serve.
func TestSuspended(t *testing.T) { suspended(t, throughGateway) }

func TestSuspendedSDK(t *testing.T) { suspended(t, throughSDK) }

func suspended(t *testing.T, through way) {
	n, _ := network(t, fabricnet.Options{BatchTimeout: 100 * time.Millisecond}, "both")
	deploy(t, n, "AnyEndorsement", "any")
	home, other, by := n.Orgs[0].Peer, n.Orgs[1].Peer, through(t)
	hangs := func(t *testing.T, p *fabricnet.Node) {
		t.Helper()
		must(t, p.Suspend())
		t.Cleanup(func() { _ = p.Resume() })
	}
	client := func(t *testing.T, name, who string) *Ledger {
		p := profileOf(t, n, name, issue(t, n, 0, who, chaincode.Writer))
		p.Timeouts.Endorse, p.Timeouts.Evaluate = Duration(3*time.Second), Duration(3*time.Second)
		return open(t, by(p))
	}

	// Its endorsement is needed: what is appended is stored when it goes on.
	t.Run("other peer, needed", func(t *testing.T) {
		l := client(t, "both", "one")
		f := followed(t, l)
		appending(t, l, 0, 5)()
		hangs(t, other)
		wait := appending(t, l, 5, 10)
		covers(t, l, 5)
		must(t, other.Resume())
		wait()
		covers(t, l, 10)
		f.until(t, 10)
		everywhere(t, n, "both", numberedUpTo(10))
	})

	// It is the one that serves, and whose blocks are read: another one does.
	t.Run("home peer", func(t *testing.T) {
		must(t, n.Ready(t.Context()))
		l := client(t, "any", "two")
		f := followed(t, l)
		appending(t, l, 0, 5)()
		hangs(t, home)
		appending(t, l, 5, 10)()
		covers(t, l, 10)
		f.until(t, 10)
		// Somebody who begins now, at the peer that hangs.
		begins := client(t, "any", "three")
		covers(t, begins, 10)
		if _, err := client(t, "any", "four").Seen(t.Context()); err != nil {
			t.Error(err)
		}
		must(t, home.Resume())
		appending(t, l, 10, 15)()
		covers(t, begins, 15)
		f.until(t, 15)
		everywhere(t, n, "any", numberedUpTo(15))
	})

	// A feed learns that the peer whose blocks it reads hangs though its own
	// client asks for nothing.
	t.Run("feed alone", func(t *testing.T) {
		must(t, n.Ready(t.Context()))
		l, elsewhere := client(t, "any", "five"), profileOf(t, n, "any", issue(t, n, 1, "six", chaincode.Writer))
		f := followed(t, l)
		f.until(t, 15)
		hangs(t, home)
		appending(t, open(t, elsewhere), 15, 20)()
		f.until(t, 20)
		must(t, home.Resume())
		everywhere(t, n, "any", numberedUpTo(20))
	})

	t.Run("orderer", func(t *testing.T) {
		must(t, n.Ready(t.Context()))
		l := client(t, "both", "seven")
		hangs(t, n.Orderers[0])
		wait := appending(t, l, 10, 15)
		covers(t, l, 10)
		must(t, n.Orderers[0].Resume())
		wait()
		everywhere(t, n, "both", numberedUpTo(15))
	})
}
