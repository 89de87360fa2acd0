package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/lifecycle/lifetest"
	"github.com/mmaudit/mmaudit/audit/query"
	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric"
)

// samples is how often each question is asked.
const samples = 60

// reading fills a ledger and asks it.
func (b *bench) reading(n *fabricnet.Network) error {
	who, err := writer(n)
	if err != nil {
		return err
	}
	l, err := b.ledger(n, "gateway", "gateway", who)
	if err != nil {
		return err
	}
	defer l.Close()
	began := time.Now()
	first, err := fill(b.ctx, l, b.records)
	if err != nil {
		return err
	}
	fmt.Printf("%d records, appended by 256 goroutines in %v; %d samples each:\n\n", b.records, time.Since(began).Round(time.Second), samples)

	loop, err := n.Orgs[0].Connect(who)
	if err != nil {
		return err
	}
	defer loop.Close()
	contract := loop.GetNetwork(n.Channel).GetContract("gateway")
	key, err := audit.KeysOf(first)
	if err != nil {
		return err
	}
	name := sha256.Sum256([]byte(key.ID))

	sdk, err := b.ledger(n, "gateway", "sdk", who)
	if err != nil {
		return err
	}
	defer sdk.Close()

	head, err := l.Head(b.ctx)
	if err != nil {
		return err
	}
	found := 0
	life := func(l ledger.Ledger, i int) error {
		v, err := query.Open(b.ctx, l, query.Options{})
		if err != nil {
			return err
		}
		model, version := lifetest.VersionName(i * 7919 % max(1, b.records/16))
		t, err := v.Version(b.ctx, model, version)
		if err == nil {
			found += len(t.Events)
		}
		return err
	}
	fmt.Printf("| | p50, ms | p99, ms | above evaluate, p50 |\n|---|---|---|---|\n")
	var evaluate time.Duration
	for _, question := range []struct {
		name string
		ask  func(i int) error
	}{
		{"the network's own evaluate: one record by its name", func(int) error {
			_, err := contract.EvaluateTransaction("get", hex.EncodeToString(name[:]))
			return err
		}},
		{"`Head` (linearizable)", func(int) error { _, err := l.Head(b.ctx); return err }},
		{"the same, through the SDK", func(int) error { _, err := sdk.Head(b.ctx); return err }},
		{"`Get`, the first record", func(int) error { _, err := l.Get(b.ctx, 0); return err }},
		{"the same, through the SDK", func(int) error { _, err := sdk.Get(b.ctx, 0); return err }},
		{"`Seen` (eventual)", func(int) error { _, err := l.Seen(b.ctx); return err }},
		{"`Find` the records of one version, read and check them", func(i int) error {
			model, version := lifetest.VersionName(i * 7919 % max(1, b.records/16))
			for _, err := range l.Find(b.ctx, head.Size, 0, audit.VersionKey(model, version)) {
				if err != nil {
					return err
				}
				found++
			}
			return nil
		}},
		{"the whole life of one version, by a client that is open", func(i int) error { return life(l, i) }},
		{"open a client, and its head", func(int) error {
			l, err := b.ledger(n, "gateway", "gateway", who)
			if err != nil {
				return err
			}
			defer l.Close()
			_, err = l.Head(b.ctx)
			return err
		}},
		{"the whole life of one version, by a new client", func(i int) error {
			l, err := b.ledger(n, "gateway", "gateway", who)
			if err != nil {
				return err
			}
			defer l.Close()
			return life(l, i)
		}},
	} {
		var each []time.Duration
		for i := range samples {
			began := time.Now()
			if err := question.ask(i); err != nil {
				return fmt.Errorf("%s: %w", question.name, err)
			}
			each = append(each, time.Since(began))
		}
		p50 := quantile(each, 0.5)
		above := ""
		if evaluate == 0 {
			evaluate = p50
		} else if p50 > evaluate {
			above = ms(p50 - evaluate)
		}
		fmt.Printf("| %s | %s | %s | %s |\n", question.name, ms(p50), ms(quantile(each, 0.99)), above)
	}
	if found == 0 {
		return fmt.Errorf("no version was found")
	}
	fmt.Println()
	return nil
}

// fill appends the first n records of lives, and gives the first.
func fill(ctx context.Context, l *fabric.Ledger, n int) (first []byte, err error) {
	var mu sync.Mutex // guards err
	var wg sync.WaitGroup
	free := make(chan struct{}, 256)
	for record := range lifetest.Lives(1, n) {
		if first == nil {
			first = record
			if _, err := l.Append(ctx, record); err != nil {
				return nil, err
			}
			continue
		}
		free <- struct{}{}
		mu.Lock()
		stop := err != nil
		mu.Unlock()
		if stop {
			break
		}
		wg.Go(func() {
			defer func() { <-free }()
			if _, appendErr := l.Append(ctx, record); appendErr != nil {
				mu.Lock()
				err = appendErr
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return first, err
}
