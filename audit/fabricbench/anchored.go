package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/lifecycle/lifetest"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/internal/fabricnet"
)

// anchored appends to a log in a folder at a given rate while `auditlog anchor`
// anchors it every second, and prints how far the anchor is behind.
func (b *bench) anchored(n *fabricnet.Network) error {
	who, err := writer(n)
	if err != nil {
		return err
	}
	profile := filepath.Join(b.dir, "writer.yaml")
	if err := os.WriteFile(profile, []byte(n.Profile("gateway", who)), 0o644); err != nil {
		return err
	}
	folder := filepath.Join(b.dir, "ledger")
	s, err := b.local(folder)
	if err != nil {
		return err
	}
	defer s.Close()

	anchor := exec.CommandContext(b.ctx, filepath.Join(b.dir, "auditlog"), "anchor", "--ledger", folder, "--to", "fabric:"+profile, "--every", "1s", "--json")
	anchor.Stderr = os.Stderr
	out, err := anchor.StdoutPipe()
	if err == nil {
		err = anchor.Start()
	}
	if err != nil {
		return err
	}
	h := reached{sizes: []int64{1}, times: []time.Time{time.Now()}}
	var behind []time.Duration
	said := make(chan struct{})
	go func() {
		defer close(said)
		var last int64
		for lines := bufio.NewScanner(out); lines.Scan(); {
			var a struct{ Size int64 }
			if json.Unmarshal(lines.Bytes(), &a) != nil || a.Size <= last {
				continue
			}
			// Until now the anchor before it was the newest: it is furthest behind.
			if last > 0 {
				behind = append(behind, time.Since(h.passed(last)))
			}
			last = a.Size
		}
	}()

	records, stop := iter.Pull(lifetest.Lives(1, endless))
	defer stop()
	records() // the log has a first record of its own
	var failed atomic.Pointer[error]
	var written, waiting atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	const step = 10 * time.Millisecond
	length := time.Duration(max(b.seconds, 10)) * time.Second
	for now := range ticks(step, length) {
		due := int64(float64(b.rate) * now.Sub(began).Seconds())
		for waiting.Load()+written.Load() < due && waiting.Load() < 1024 && failed.Load() == nil {
			record, _ := records()
			waiting.Add(1)
			wg.Go(func() {
				r, err := s.Log.Append(b.ctx, record)
				if err != nil {
					failed.Store(&err)
				}
				h.has(r.Size)
				waiting.Add(-1)
				written.Add(1)
			})
		}
	}
	wg.Wait()
	took := time.Since(began)
	if err := anchor.Process.Signal(syscall.SIGINT); err != nil {
		return err
	}
	<-said
	if err := anchor.Wait(); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() > 0 {
			return fmt.Errorf("auditlog anchor: %w", err)
		}
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	if len(behind) == 0 {
		return errors.New("nothing was anchored twice")
	}
	fmt.Printf("A log in a folder, anchored every second; %d records a second were to be appended:\n\n", b.rate)
	fmt.Printf("| durable records a second | anchors | furthest behind, just before the next anchor: median | most |\n|---|---|---|---|\n")
	fmt.Printf("| %s | %d | %v | %v |\n\n", digits(float64(written.Load())/took.Seconds()), len(behind)+1,
		quantile(behind, 0.5).Round(time.Millisecond), quantile(behind, 1).Round(time.Millisecond))
	return nil
}

// local makes a ledger in a folder.
func (b *bench) local(folder string) (*store.Store, error) {
	key, err := keys.Generate("ed25519")
	if err != nil {
		return nil, err
	}
	public := key.Public()
	return store.Init(b.ctx, folder, store.InitOptions{Origin: audittest.Origin, Genesis: func(origin, logKey string) ([]byte, error) {
		g := audittest.Event(audit.LedgerCreated, "", "", "", 0)
		g.Actor.KeyID = public.ID()
		g.Ledger = &audit.Genesis{Origin: origin, Log: logKey, Keys: []audit.SignerKey{{
			ID: public.ID(), Algorithm: string(public.Algorithm()), Public: public.DER(), Name: "root", Roles: audit.Roles(),
		}}}
		return audit.Seal(g, key)
	}})
}

// reached knows when a ledger passed which size.
type reached struct {
	mu    sync.Mutex // guards both
	sizes []int64    // ascending
	times []time.Time
}

func (r *reached) has(size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if size > r.sizes[len(r.sizes)-1] {
		r.sizes, r.times = append(r.sizes, size), append(r.times, time.Now())
	}
}

// passed is when the ledger got larger than a size, or now.
func (r *reached) passed(size int64) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, s := range r.sizes {
		if s > size {
			return r.times[i]
		}
	}
	return time.Now()
}

// ticks yields the time at every step for some length.
func ticks(step, length time.Duration) func(func(time.Time) bool) {
	return func(yield func(time.Time) bool) {
		t := time.NewTicker(step)
		defer t.Stop()
		for end := time.Now().Add(length); ; {
			now := <-t.C
			if now.After(end) || !yield(now) {
				return
			}
		}
	}
}
