package fabric

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/internal/fabricnet/nettest"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/fabric/internal/wire"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

var benchRecords = flag.Int("records", 100_000, "how many records BenchmarkQuery puts on the chain")

// BenchmarkQuery asks a channel of many sealed records for those of one version,
// by a client that is open and by one that begins, and compares it with what the
// network itself takes to answer anything. Times are medians.
func BenchmarkQuery(b *testing.B) {
	n := nettest.Start(b, fabricnet.Options{BatchTimeout: 50 * time.Millisecond})
	nettest.Deploy(b, n, fabricnet.Chaincode{}, "query")
	who := nettest.Issue(b, n.Orgs[0], "writer", chaincode.Writer)
	dial := func() *Ledger {
		p, err := ParseProfile([]byte(n.Profile("query", who)))
		if err != nil {
			b.Fatal(err)
		}
		l, err := Open(p, ledgertest.KeysOf)
		if err != nil {
			b.Fatal(err)
		}
		return l
	}

	// Ten records of a version, among keys that most records have.
	const each = 10
	version := func(i int) ledger.Key { return ledger.Key{Name: "version", Value: fmt.Sprint(i)} }
	record := func(at int) []byte {
		keys := []ledger.Key{version(at / each), {Name: "run", Value: fmt.Sprint(at / 5)}}
		for i := range 18 {
			keys = append(keys, ledger.Key{Name: "tool", Value: fmt.Sprint("library ", i)})
		}
		return ledgertest.Record(fmt.Sprint("id-", at), strings.Repeat("x", 500), keys...)
	}
	writer := dial()
	began := time.Now()
	const singly = 500 // of the last, as many writers append them
	for at := 0; at < *benchRecords-singly; {
		var records [][]byte
		for ; len(records) < 16*mostTogether && at < *benchRecords-singly; at++ {
			records = append(records, record(at))
		}
		if _, err := writer.AppendAll(b.Context(), records); err != nil {
			b.Fatal(err)
		}
	}
	var g errgroup.Group
	g.SetLimit(16)
	for at := *benchRecords - singly; at < *benchRecords; at++ {
		g.Go(func() error { _, err := writer.Append(b.Context(), record(at)); return err })
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	written := time.Since(began)
	for {
		if _, due := writer.unsealed(); !due {
			break
		}
		writer.seal()
		time.Sleep(10 * time.Millisecond)
	}
	b.Logf("%d records written in %v, and sealed after %v", *benchRecords, written.Round(time.Second), time.Since(began).Round(time.Second))
	if err := writer.Close(); err != nil {
		b.Fatal(err)
	}

	open := dial()
	defer open.Close()
	head, err := open.Head(b.Context())
	if err != nil || head.Size != int64(*benchRecords) {
		b.Fatal(head, err)
	}
	query := func(l *Ledger, size int64) error {
		n := 0
		for _, err := range l.Find(b.Context(), size, 0, version(rand.IntN(*benchRecords/each))) {
			if err != nil {
				return err
			}
			n++
		}
		if n != each {
			return fmt.Errorf("%d records of a version", n)
		}
		return nil
	}
	get := func(l *Ledger, size int64) error {
		_, err := l.Get(b.Context(), rand.Int64N(size))
		return err
	}
	var network time.Duration // the median of the first
	median := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				began := time.Now()
				if err := f(); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(began))
			}
			slices.Sort(times)
			p50 := times[len(times)/2]
			if network == 0 {
				network = p50
			}
			ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
			b.ReportMetric(ms(p50), "p50-ms")
			b.ReportMetric(ms(p50-network), "over-evaluate-ms")
		})
	}
	begins := func(f func(*Ledger, ledger.Head) error) func() error {
		return func() error {
			l := dial()
			defer l.Close()
			h, err := l.Head(b.Context())
			if err != nil {
				return err
			}
			return f(l, h)
		}
	}
	one := []byte(wire.IDOf("id-1"))
	median("evaluate", func() error {
		_, err := open.evaluate(b.Context(), open.peers[0], wire.Get, one)
		return err
	})
	median("query/open", func() error { return query(open, head.Size) })
	median("query-get/open", func() error { return errors.Join(query(open, head.Size), get(open, head.Size)) })
	median("get/open", func() error { return get(open, head.Size) })
	median("head/open", func() error { _, err := open.Head(b.Context()); return err })
	median("proof/open", func() error {
		_, err := open.ProveInclusion(b.Context(), head.Size, rand.Int64N(head.Size))
		return err
	})
	median("head/cold", begins(func(*Ledger, ledger.Head) error { return nil }))
	median("query/cold", begins(func(l *Ledger, h ledger.Head) error { return query(l, h.Size) }))
	median("proof/cold", begins(func(l *Ledger, h ledger.Head) error {
		_, err := l.ProveInclusion(b.Context(), h.Size, rand.Int64N(h.Size))
		return err
	}))
}
