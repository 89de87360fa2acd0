package fabric

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// BenchmarkClients compares the two clients on one network, each on a ledger of
// its own with the same chaincode.
func BenchmarkClients(b *testing.B) {
	n, err := fabricnet.Start(b.Context(), fabricnet.Options{BatchTimeout: 50 * time.Millisecond})
	if err != nil {
		b.Fatal(err)
	}
	defer n.Stop()
	path, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	clients := []string{"gateway", "sdk"}
	if _, err := n.Deploy(b.Context(), fabricnet.Chaincode{Path: path}, clients...); err != nil {
		b.Fatal(err)
	}
	who, err := n.Orgs[0].Issue("writer", fabricnet.Claims{Role: chaincode.Writer})
	if err != nil {
		b.Fatal(err)
	}
	sdk, err := fabricnet.SDK(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	var serial atomic.Int64
	ledgers := map[string]*Ledger{}
	for _, name := range clients {
		p, err := ParseProfile([]byte(n.Profile(name, who)))
		if err != nil {
			b.Fatal(err)
		}
		p.Client, p.SDK = name, sdk
		l, err := Open(p, ledgertest.KeysOf)
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		ledgers[name] = l
	}
	record := func() []byte {
		return ledgertest.Record(fmt.Sprint("id-", serial.Add(1)), strings.Repeat("x", 2500))
	}
	for _, writers := range []int{1, 64} {
		for _, name := range clients {
			b.Run(fmt.Sprintf("append/writers=%d/%s", writers, name), func(b *testing.B) {
				var left atomic.Int64
				left.Store(int64(b.N))
				var wg sync.WaitGroup
				for range writers {
					wg.Go(func() {
						for left.Add(-1) >= 0 {
							if _, err := ledgers[name].Append(b.Context(), record()); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
	for _, name := range clients {
		b.Run("head/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := ledgers[name].Head(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, name := range clients {
		b.Run("get/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := ledgers[name].Get(b.Context(), 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
