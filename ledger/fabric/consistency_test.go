package fabric

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// asked is one operation on a ledger, and told its outcome: an append tells the
// index that its record got, whoever brought it, or a head tells the size.
type (
	asked struct{ append bool }
	told  struct {
		n     int64
		known bool
	}
)

// oneLog is a ledger that does one thing at a time. Its state is its size.
var oneLog = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		size, out := state.(int64), output.(told)
		switch {
		case !input.(asked).append:
			return out.n == size, size
		case out.known:
			return out.n < size, size
		default:
			return out.n == size, size + 1
		}
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v %+v", input, output) },
}

// A history is what clients saw, and when.
type history struct {
	began time.Time
	mu    sync.Mutex // guards all below
	ops   []porcupine.Operation
	roots map[int64]ledger.Hash // by size: a size is one tree, whoever says so
}

func newHistory() *history {
	return &history{began: time.Now(), roots: map[int64]ledger.Hash{}}
}

func (h *history) append(t *testing.T, client int, l *Ledger, record []byte) ledger.Receipt {
	call := time.Since(h.began)
	r, err := l.Append(t.Context(), record)
	if err != nil {
		t.Errorf("client %d: %v", client, err)
		return r
	}
	h.add(client, call, asked{append: true}, told{r.Index, r.Known})
	return r
}

func (h *history) head(t *testing.T, client int, l *Ledger, eventual bool) int64 {
	ask := l.Head
	if eventual {
		ask = l.Seen
	}
	call := time.Since(h.began)
	head, err := ask(t.Context())
	if err != nil {
		t.Errorf("client %d: %v", client, err)
		return 0
	}
	h.add(client, call, asked{}, told{n: head.Size})
	h.mu.Lock()
	defer h.mu.Unlock()
	if root, ok := h.roots[head.Size]; ok && root != head.Root {
		t.Errorf("client %d: two trees of size %d", client, head.Size)
	}
	h.roots[head.Size] = head.Root
	return head.Size
}

func (h *history) add(client int, call time.Duration, in asked, out told) {
	now := time.Since(h.began)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(h.ops, porcupine.Operation{ClientId: client, Input: in, Call: int64(call), Output: out, Return: int64(now)})
}

func (h *history) check(t *testing.T, want porcupine.CheckResult) {
	t.Helper()
	if got := porcupine.CheckOperationsTimeout(oneLog, h.ops, time.Minute); got != want {
		t.Errorf("a history of %d operations is %s, want %s", len(h.ops), got, want)
		for _, o := range h.ops {
			t.Logf("%12d to %12d: client %d %+v %+v", o.Call, o.Return, o.ClientId, o.Input, o.Output)
		}
	}
}

// TestLinearizable has clients of both organisations append and read through
// both peers, while nothing happens, while a peer is killed and comes back, and
// while one hangs: what they see is what a ledger would show that does one thing
// at a time. Besides, every client's own eventual view never goes back, has what
// it appended, and is of the same trees.
func TestLinearizable(t *testing.T) {
	n, _ := network(t, fabricnet.Options{BatchTimeout: 50 * time.Millisecond})
	deploy(t, n, "AnyEndorsement", "calm", "killed", "hung")
	for name, disturb := range map[string]func(*fabricnet.Node) (undo func() error){
		"calm": nil,
		"killed": func(p *fabricnet.Node) func() error {
			must(t, p.Kill())
			return p.Start
		},
		"hung": func(p *fabricnet.Node) func() error {
			must(t, p.Suspend())
			return p.Resume
		},
	} {
		t.Run(name, func(t *testing.T) {
			must(t, n.Ready(t.Context()))
			const clients, each = 6, 24
			h := newHistory()
			var wg, half, undone sync.WaitGroup
			half.Add(clients)
			undone.Add(1)
			for c := range clients {
				p := profileOf(t, n, name, issue(t, n, c%2, fmt.Sprint(name, c), chaincode.Writer))
				p.Timeouts.Endorse = Duration(2 * time.Second)
				// A peer that is slow because the machine is busy is no second fault.
				p.Timeouts.Grace = Duration(20 * time.Second)
				l := open(t, p)
				wg.Go(func() {
					var mine, seen int64
					for i := range each {
						if i == each/3 {
							half.Done()
						}
						if i == each*2/3 {
							undone.Wait()
						}
						switch {
						case c >= clients/2:
							h.head(t, c, l, false)
						case i%6 == 5: // somebody may have stored it before
							mine = max(mine, h.append(t, c, l, shared(i)).Size)
						default:
							mine = max(mine, h.append(t, c, l, ledgertest.Record(fmt.Sprintf("%d-%d", c, i), "")).Size)
						}
						eventual, err := l.Seen(t.Context())
						switch {
						case err != nil:
							t.Error(err)
						case eventual.Size < mine || eventual.Size < seen:
							t.Errorf("client %d sees %d records after %d, of %d that it knows of", c, eventual.Size, seen, mine)
						}
						seen = eventual.Size
					}
				})
			}
			half.Wait()
			if disturb != nil {
				undo := disturb(n.Orgs[0].Peer)
				// So long that all have met it.
				time.Sleep(500 * time.Millisecond)
				must(t, undo())
			}
			undone.Done()
			wg.Wait()
			h.check(t, porcupine.Ok)

			// All trees that were told of are those of the ledger, page by page.
			last := open(t, profileOf(t, n, name, issue(t, n, 1, name+"-last", "")))
			final, err := last.Head(t.Context())
			must(t, err)
			for size, root := range h.roots {
				proof, err := last.ProveConsistency(t.Context(), final.Size, size)
				must(t, err)
				must(t, ledger.CheckConsistency(proof, final.Size, final.Root, size, root))
			}
		})
	}
}

func shared(i int) []byte { return ledgertest.Record(fmt.Sprint("shared-", i), "") }

// TestEventual reads what a client knows whose only peer hangs: it waits for
// nobody and is behind, which the checker of histories notices. When the peer
// goes on, so does what the client sees, up to the head of the ledger.
func TestEventual(t *testing.T) {
	n, _ := network(t, fabricnet.Options{})
	deploy(t, n, "AnyEndorsement", "eventual")
	at := func(org int, name string) *Ledger {
		p := profileOf(t, n, "eventual", issue(t, n, org, name, chaincode.Writer))
		p.Peers = p.Peers[:1]
		return open(t, p)
	}
	writer, behind := at(0, "writer"), at(1, "behind")
	if _, err := writer.Append(t.Context(), numbered(0)); err != nil {
		t.Fatal(err)
	}
	for _, err := range behind.Feed(t.Context(), 0) { // its peer may lack the block for a moment
		must(t, err)
		break
	}

	other := n.Orgs[1].Peer
	must(t, other.Suspend())
	t.Cleanup(func() { _ = other.Resume() })
	h := newHistory()
	h.ops = []porcupine.Operation{{Input: asked{append: true}, Output: told{n: 0}, Call: math.MinInt64, Return: -1}}
	for i := range 5 {
		h.append(t, 0, writer, numbered(i+1))
		if size := h.head(t, 1, behind, true); size != 1 {
			t.Errorf("size %d is seen through a peer that hangs", size)
		}
	}
	h.check(t, porcupine.Illegal)

	must(t, other.Resume())
	for size := int64(1); size < 6; {
		now, err := behind.Seen(t.Context())
		must(t, err)
		if now.Size < size {
			t.Fatalf("size %d after %d", now.Size, size)
		}
		size = now.Size
		time.Sleep(time.Millisecond)
	}
	everywhere(t, n, "eventual", numberedUpTo(6))
}

// TestSettled appends while a peer hangs that need not endorse. The record is
// valid on the other peer, where a client sees it and appends after it; it is
// acknowledged when the one that hangs has it too, for it is still waited for.
func TestSettled(t *testing.T) {
	n, _ := network(t, fabricnet.Options{})
	deploy(t, n, "AnyEndorsement", "settled")
	p := profileOf(t, n, "settled", issue(t, n, 0, "both", chaincode.Writer))
	p.Timeouts.Grace = Duration(time.Hour)
	both := open(t, p)
	p = profileOf(t, n, "settled", issue(t, n, 0, "one", chaincode.Writer))
	p.Peers = p.Peers[:1]
	one := open(t, p)
	appending(t, both, 0, 1)()

	other := n.Orgs[1].Peer
	must(t, other.Suspend())
	t.Cleanup(func() { _ = other.Resume() })
	acknowledged := make(chan struct{})
	go func() {
		defer close(acknowledged)
		appending(t, both, 1, 2)()
	}()
	for e, err := range one.Feed(t.Context(), 1) {
		must(t, err)
		if string(e.Record) != string(numbered(1)) {
			t.Errorf("record 1 is %q", e.Record)
		}
		break
	}
	appending(t, one, 2, 4)()
	select {
	case <-acknowledged:
		t.Error("a record is acknowledged that one peer does not have")
	default:
	}
	must(t, other.Resume())
	<-acknowledged
	everywhere(t, n, "settled", numberedUpTo(4))
}
