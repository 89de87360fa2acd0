package main

import (
	"context"
	"fmt"
	"iter"
	"os"
	"runtime/pprof"
	"sync"
	"time"

	"github.com/hyperledger/fabric-gateway/pkg/client"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/lifecycle/lifetest"
	"github.com/mmaudit/mmaudit/internal/bench/figures"
	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger/fabric"
)

// endless is more records than any run appends.
const endless = 10_000_000

// A contestant appends records to a ledger of its own.
type contestant struct {
	name    string
	append  func(ctx context.Context, record []byte) error
	records func() ([]byte, bool)
	close   func() error
}

// contestants gives the bare loop, and this project's clients.
func (b *bench) contestants(n *fabricnet.Network) (all []*contestant, err error) {
	who, err := writer(n)
	if err != nil {
		return nil, err
	}
	loop, err := n.Orgs[0].Connect(who)
	if err != nil {
		return nil, err
	}
	contract := loop.GetNetwork(n.Channel).GetContract("bare")
	all = append(all, &contestant{
		name: "bare loop",
		append: func(_ context.Context, record []byte) error {
			_, err := contract.Submit("append", client.WithBytesArguments(record))
			return err
		},
		close: loop.Close,
	})
	for _, kind := range []string{"gateway", "sdk"} {
		l, err := b.ledger(n, kind, kind, who)
		if err != nil {
			return nil, err
		}
		all = append(all, &contestant{
			name: "ledger/fabric, " + kind,
			append: func(ctx context.Context, record []byte) error {
				_, err := l.Append(ctx, record)
				return err
			},
			close: l.Close,
		})
	}
	for _, c := range all {
		c.records, _ = iter.Pull(lifetest.Lives(1, endless))
		first, _ := c.records()
		if err := c.append(b.ctx, first); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return all, nil
}

func writer(n *fabricnet.Network) (fabricnet.Identity, error) {
	return n.Orgs[0].Issue("writer", fabricnet.Claims{Role: "writer"})
}

// ledger opens the ledger of a chaincode through a client, "gateway" or "sdk".
func (b *bench) ledger(n *fabricnet.Network, chaincode, client string, who fabricnet.Identity) (*fabric.Ledger, error) {
	p, err := fabric.ParseProfile([]byte(n.Profile(chaincode, who)))
	if err != nil {
		return nil, err
	}
	p.Client, p.SDK = client, b.sdk
	return fabric.Open(p, audit.KeysOf)
}

// outcome is what came of the turns of a contestant.
type outcome struct {
	records int
	took    time.Duration
	cpu     time.Duration // of client and network
	each    []time.Duration
}

// throughput has contestants append in turns.
func (b *bench) throughput(n *fabricnet.Network) error {
	all, err := b.contestants(n)
	if err != nil {
		return err
	}
	fmt.Printf("Blocks of up to %d transactions, cut after %v:\n\n", n.MaxMessages, n.BatchTimeout)
	fmt.Printf("| writers | client | records a second | beside the bare loop | p50, ms | p99, ms | processor time a record, ms |\n|---|---|---|---|---|---|---|\n")
	for _, writers := range b.writers {
		outcomes := make([]outcome, len(all))
		for range b.rounds {
			for i, c := range all {
				if err := b.turn(c, writers, &outcomes[i]); err != nil {
					return fmt.Errorf("%s with %d writers: %w", c.name, writers, err)
				}
			}
		}
		var bare float64
		for i, o := range outcomes {
			rate := float64(o.records) / o.took.Seconds()
			beside := ""
			if i == 0 {
				bare = rate
			} else {
				beside = fmt.Sprintf("%.2fx", rate/bare)
			}
			fmt.Printf("| %d | %s | %s | %s | %s | %s | %s |\n", writers, all[i].name, figures.Digits(rate), beside,
				ms(quantile(o.each, 0.5)), ms(quantile(o.each, 0.99)), ms(o.cpu/time.Duration(max(1, o.records))))
		}
	}
	fmt.Println()
	for _, c := range all {
		if err := c.close(); err != nil {
			return err
		}
	}
	return nil
}

// turn lets a contestant append for some seconds; what is under way then counts,
// and the time that it takes.
func (b *bench) turn(c *contestant, writers int, o *outcome) error {
	var mu sync.Mutex // guards c.records and o, and failed
	var failed error
	began, used := time.Now(), cpuTime()
	end := began.Add(time.Duration(b.seconds) * time.Second)
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for time.Now().Before(end) {
				mu.Lock()
				record, ok := c.records()
				stop := failed != nil || !ok
				mu.Unlock()
				if stop {
					return
				}
				asked := time.Now()
				err := c.append(b.ctx, record)
				mu.Lock()
				if err != nil {
					failed = err
				}
				o.records++
				o.each = append(o.each, time.Since(asked))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	o.took += time.Since(began)
	o.cpu += cpuTime() - used
	return failed
}

// profiled writes a profile of this process until stop is called.
func profiled(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); f.Close() }, nil
}
