package fabric

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// BenchmarkNetwork compares this engine with a bare loop over the gateway, on
// one network with the same chaincode: each goroutine of the loop submits one
// record in a transaction and waits for its commit.
func BenchmarkNetwork(b *testing.B) {
	n, err := fabricnet.Start(b.Context(), fabricnet.Options{BatchTimeout: 50 * time.Millisecond})
	if err != nil {
		b.Fatal(err)
	}
	defer n.Stop()
	path, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := n.Deploy(b.Context(), fabricnet.Chaincode{Path: path}, "engine", "bare"); err != nil {
		b.Fatal(err)
	}
	who, err := n.Orgs[0].Issue("writer", fabricnet.Claims{Attributes: map[string]string{chaincode.Role: chaincode.Writer}})
	if err != nil {
		b.Fatal(err)
	}
	p, err := ParseProfile([]byte(n.Profile("engine", who)))
	if err != nil {
		b.Fatal(err)
	}
	l, err := Open(p, ledgertest.KeysOf)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	c, err := n.Orgs[0].Connect(who)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	contract := c.GetNetwork(n.Channel).GetContract("bare")

	var serial atomic.Int64
	next := func() []byte { // the size of a record and its keys are those of audit
		var keys []ledger.Key
		for i := range 20 {
			keys = append(keys, ledger.Key{Name: "tool", Value: fmt.Sprint("library ", i)})
		}
		return ledgertest.Record(fmt.Sprint("id-", serial.Add(1)), strings.Repeat("x", 2500), keys...)
	}
	loop := func(b *testing.B, writers int, write func([]byte) error) {
		var left atomic.Int64
		left.Store(int64(b.N))
		b.ResetTimer()
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for left.Add(-1) >= 0 {
					if err := write(next()); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
	}
	for _, writers := range []int{64, 256} {
		b.Run(fmt.Sprintf("bare/writers=%d", writers), func(b *testing.B) {
			loop(b, writers, func(r []byte) error {
				_, err := contract.Submit(wire.Append, client.WithBytesArguments(r))
				return err
			})
		})
		b.Run(fmt.Sprintf("engine/writers=%d", writers), func(b *testing.B) {
			loop(b, writers, func(r []byte) error {
				_, err := l.Append(b.Context(), r)
				return err
			})
		})
	}
	b.Run("head", func(b *testing.B) {
		for b.Loop() {
			if _, err := l.Head(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("evaluate", func(b *testing.B) { // what the network itself takes
		for b.Loop() {
			if _, err := contract.EvaluateTransaction(wire.Get, strings.Repeat("0", 64)); !strings.Contains(explain(err).Error(), "no record") {
				b.Fatal(err)
			}
		}
	})
	for _, of := range []string{"engine", "bare"} {
		b.Run("open/"+of, func(b *testing.B) { // a new client reads the whole log
			p, err := ParseProfile([]byte(n.Profile(of, who)))
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				l, err := Open(p, ledgertest.KeysOf)
				if err != nil {
					b.Fatal(err)
				}
				h, err := l.Head(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(h.Size), "records")
				l.Close()
			}
		})
	}
}
