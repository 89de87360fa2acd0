package fabric

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/internal/fabricnet/nettest"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode/cctest"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// The test program is also the chaincode, and a client that gets killed.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(victimDoes) != "":
		fmt.Println(victim(os.Getenv(victimDoes)))
		os.Exit(1)
	case os.Getenv("CHAINCODE_ID") == "":
		os.Exit(m.Run())
	}
	fmt.Println(cctest.Serve(chaincode.New(chaincode.Options{KeysOf: ledgertest.KeysOf})))
	os.Exit(1)
}

// network starts a network with one chaincode for each name.
func network(t *testing.T, o fabricnet.Options, names ...string) (*fabricnet.Network, *fabricnet.Process) {
	t.Helper()
	t.Parallel() // they wait more than they work
	n := nettest.Start(t, o)
	return n, deploy(t, n, "", names...)
}

// deploy deploys the contract under names, for a policy of the channel.
func deploy(t *testing.T, n *fabricnet.Network, policy string, names ...string) *fabricnet.Process {
	t.Helper()
	return nettest.Deploy(t, n, fabricnet.Chaincode{Policy: policy}, names...)
}

// profileOf gives the profile of a client, with times for tests.
func profileOf(t *testing.T, n *fabricnet.Network, name string, who fabricnet.Identity) *Profile {
	t.Helper()
	p, err := ParseProfile([]byte(n.Profile(name, who) + "timeouts: {commit: 3s}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func issue(t *testing.T, n *fabricnet.Network, org int, name string, role string) fabricnet.Identity {
	t.Helper()
	return nettest.Issue(t, n.Orgs[org], name, role)
}

func open(t *testing.T, p *Profile) *Ledger {
	t.Helper()
	l, err := Open(p, ledgertest.KeysOf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// TestContract holds the engine to the contract, on a ledger for each test.
func TestContract(t *testing.T) {
	var names []string
	for i := range ledgertest.Ledgers {
		names = append(names, fmt.Sprintf("ledger%02d", i))
	}
	n, _ := network(t, fabricnet.Options{BatchTimeout: 10 * time.Millisecond}, names...)
	writer := issue(t, n, 0, "writer", chaincode.Writer)
	ledgertest.Run(t, func(t *testing.T) ledger.Ledger {
		name := names[0]
		names = names[1:]
		return open(t, profileOf(t, n, name, writer))
	})
}

// TestManyWriters appends from many goroutines and two clients: every record once, where its receipt says, for either organisation.
func TestManyWriters(t *testing.T) {
	n, _ := network(t, fabricnet.Options{}, "many")
	const writers, each = 32, 4
	clients := []*Ledger{
		open(t, profileOf(t, n, "many", issue(t, n, 0, "a", chaincode.Writer))),
		open(t, profileOf(t, n, "many", issue(t, n, 1, "b", chaincode.Writer))),
	}
	var mu sync.Mutex
	at := map[int64]string{}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				record := ledgertest.Record(fmt.Sprintf("%d-%d", w, i), "")
				r, err := clients[w%2].Append(t.Context(), record)
				if err != nil {
					t.Error(err)
					return
				}
				// What was acknowledged through one peer is seen through the other.
				h, err := clients[(w+1)%2].Head(t.Context())
				if err != nil || h.Size <= r.Index {
					t.Errorf("head %d, %v after record %d", h.Size, err, r.Index)
				}
				mu.Lock()
				at[r.Index] = string(record)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(at) != writers*each {
		t.Fatalf("%d places", len(at))
	}
	for _, c := range clients {
		seen := 0
		for e, err := range c.Scan(t.Context(), writers*each, 0) {
			if err != nil {
				t.Fatal(err)
			}
			if at[e.Index] != string(e.Record) {
				t.Errorf("record %d is %q, want %q", e.Index, e.Record, at[e.Index])
			}
			seen++
		}
		if seen != writers*each {
			t.Errorf("%d records", seen)
		}
	}
}
