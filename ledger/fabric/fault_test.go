package fabric

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// TestLostByOrderer kills the only orderer after it has accepted records and
// before it has cut their block. They are lost, and sent again.
func TestLostByOrderer(t *testing.T) {
	n, _ := network(t, fabricnet.Options{BatchTimeout: 500 * time.Millisecond}, "lost")
	l := open(t, profileOf(t, n, "lost", issue(t, n, 0, "writer", chaincode.Writer)))
	record := func(i int) []byte { return ledgertest.Record(fmt.Sprint("id-", i), "content") }
	if _, err := l.Append(t.Context(), record(0)); err != nil {
		t.Fatal(err)
	}
	accepted := fmt.Sprintf("broadcast_processed_count{channel=%q,status=\"SUCCESS\",type=\"ENDORSER_TRANSACTION\"} ", n.Channel)
	// Counted before anything is sent. An orderer that is too busy to answer says 0.
	count := func() (c float64) {
		for c == 0 && t.Context().Err() == nil {
			c = n.Orderers[0].Count(t.Context(), accepted)
		}
		return c
	}
	before := count()
	const writers = 12
	var wg sync.WaitGroup
	receipts := make([]ledger.Receipt, writers+1)
	for i := 1; i <= writers; i++ {
		wg.Go(func() {
			var err error
			if receipts[i], err = l.Append(t.Context(), record(i)); err != nil {
				t.Error(err)
			}
		})
	}
	for count() == before && t.Context().Err() == nil {
		time.Sleep(time.Millisecond)
	}
	if err := n.Orderers[0].Kill(); err != nil {
		t.Fatal(err)
	}
	if err := n.Orderers[0].Start(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	seen := map[int64]bool{0: true}
	for i, r := range receipts[1:] {
		e, err := l.Get(t.Context(), r.Index)
		if err != nil || seen[r.Index] || string(e.Record) != string(record(i+1)) {
			t.Errorf("receipt %+v of record %d: %q, %v", r, i+1, e.Record, err)
		}
		seen[r.Index] = true
	}
	var all [][]byte
	for i := range receipts {
		all = append(all, record(i))
	}
	everywhere(t, n, "lost", all)
}

// TestFaults kills each process of a network under load, and starts it again.
// Nobody's append fails; every record is there once, where its receipt says, on
// every peer; and a feed sees all of them in order.
func TestFaults(t *testing.T) { faults(t, throughGateway) }

func TestFaultsSDK(t *testing.T) { faults(t, throughSDK) }

func faults(t *testing.T, through way) {
	n, cc := network(t, fabricnet.Options{Orderers: 3}, "faults")
	client := through(t)
	l := open(t, client(profileOf(t, n, "faults", issue(t, n, 0, "writer", chaincode.Writer))))

	var fed []ledger.Entry
	stop := make(chan struct{})
	var feeding sync.WaitGroup
	var total int64 // set before stop is closed
	feeding.Go(func() {
		for e, err := range l.Feed(t.Context(), 0) {
			if err != nil {
				t.Error(err)
				return
			}
			fed = append(fed, e)
			select {
			case <-stop:
				if e.Index == total {
					return
				}
			default:
			}
		}
	})

	var mu sync.Mutex
	at := map[int64]string{}
	serial := 0
	write := func() error {
		mu.Lock()
		serial++
		record := ledgertest.Record(fmt.Sprint("id-", serial), "content")
		mu.Unlock()
		r, err := l.Append(t.Context(), record)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if at[r.Index] != "" {
			return fmt.Errorf("two records at %d", r.Index)
		}
		at[r.Index] = string(record)
		return nil
	}
	kill := func(name string, p *fabricnet.Process) {
		t.Helper()
		began := time.Now()
		var wg sync.WaitGroup
		down := make(chan struct{})
		for w := range 8 {
			wg.Go(func() {
				for i := range 4 {
					if w == 0 && i == 1 {
						if err := p.Kill(); err != nil {
							t.Error(err)
						}
						close(down)
					}
					if err := write(); err != nil {
						t.Errorf("%s: %v", name, err)
						return
					}
				}
			})
		}
		<-down
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		wg.Wait()
		t.Logf("%s: written in %v", name, time.Since(began).Round(10*time.Millisecond))
		if err := n.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	kill("chaincode", cc)
	kill("home peer", n.Orgs[0].Peer.Process)
	kill("other peer", n.Orgs[1].Peer.Process)
	leader := n.Leader(t.Context())
	for leader == nil && t.Context().Err() == nil { // one that is too busy to answer is none
		leader = n.Leader(t.Context())
	}
	kill("leader of the orderers", leader.Process)

	h, err := l.Head(t.Context())
	if err != nil || h.Size != int64(len(at)) {
		t.Fatalf("size %d, %v after %d records", h.Size, err, len(at))
	}
	total = h.Size
	close(stop)
	last := ledgertest.Record("last", "")
	if _, err := l.Append(t.Context(), last); err != nil {
		t.Fatal(err)
	}
	feeding.Wait()
	for i, e := range fed {
		if e.Index != int64(i) || i < len(at) && string(e.Record) != at[int64(i)] {
			t.Fatalf("entry %d of the feed is %d, %q", i, e.Index, e.Record)
		}
	}

	all := [][]byte{last}
	for _, record := range at {
		all = append(all, []byte(record))
	}
	everywhere(t, n, "faults", all)
	for e, err := range l.Scan(t.Context(), total, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if at[e.Index] != string(e.Record) {
			t.Errorf("there is %q at %d, want %q", e.Record, e.Index, at[e.Index])
		}
	}
}
