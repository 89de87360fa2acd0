package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
	"github.com/mmaudit/mmaudit/ledger/tlog"
)

// contestant is what this program does when it is a contestant.
func contestant(ctx context.Context, args []string) error {
	what, args := args[0], args[1:]
	if what == "nothing" {
		return nil
	}
	if len(args) < 2 {
		return errors.New("a contestant needs a folder and a number")
	}
	dir := args[0]
	n, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil && what != "verify" {
		return err
	}
	switch {
	case what == "fill":
		return fill(ctx, dir, n)
	case what == "one":
		return one(ctx, dir, n)
	case what == "load" && len(args) == 3:
		return load(ctx, dir, int(n), args[2])
	case what == "verify":
		return verify(ctx, dir, args[1] == "true")
	case what == "find" && len(args) == 3:
		return find(ctx, dir, n, args[2] == "cold")
	}
	return fmt.Errorf("unknown contestant %q", what)
}

// record has 1 KB and the keys that a life-cycle record has.
func record(i int64) []byte {
	return ledgertest.Record(fmt.Sprint("id-", i), strings.Repeat("x", 860),
		ledger.Key{Name: "model", Value: fmt.Sprint("m", i/100)},
		ledger.Key{Name: "version", Value: fmt.Sprint(i / 10)},
		ledger.Key{Name: "run", Value: fmt.Sprint(i / 4)},
		ledger.Key{Name: "event", Value: "train.started"},
		ledger.Key{Name: "subject", Value: fmt.Sprint("digest", i)})
}

// open opens or makes a log, by a key that is no secret.
func open(ctx context.Context, dir string) (*tlog.Log, error) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	s, v, err := tlog.NewKey("example.com/bench", key)
	if err != nil {
		return nil, err
	}
	o := tlog.Options{Verifiers: []note.Verifier{v}, Signer: s, KeysOf: ledgertest.KeysOf, Pins: dir + ".pins"}
	l, err := tlog.Open(ctx, dir, o)
	if errors.Is(err, ledger.ErrNoLedger) {
		vkey, err := note.NewEd25519VerifierKey(v.Name(), key.Public().(ed25519.PublicKey))
		if err == nil {
			err = os.WriteFile(dir+".vkey", []byte(vkey), 0o600)
		}
		if err != nil {
			return nil, err
		}
		return tlog.Init(ctx, dir, o)
	}
	return l, err
}

// fill makes a log of so many records, as fast as appending goes.
func fill(ctx context.Context, dir string, n int64) (err error) {
	l, err := open(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	// In order, so that the records of a version are neighbours.
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2048)
	for i := range n {
		g.Go(func() error {
			_, err := l.Append(ctx, record(i))
			return err
		})
	}
	return g.Wait()
}

func one(ctx context.Context, dir string, i int64) error {
	l, err := open(ctx, dir)
	if err != nil {
		return err
	}
	_, err = l.Append(ctx, record(i))
	return errors.Join(err, l.Close())
}

func load(ctx context.Context, dir string, goroutines int, seconds string) (err error) {
	n, err := strconv.Atoi(seconds)
	if err != nil {
		return err
	}
	l, err := open(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	var next, done atomic.Int64
	begin := time.Now()
	var g errgroup.Group
	for range goroutines {
		g.Go(func() error {
			for time.Since(begin) < time.Duration(n)*time.Second {
				if _, err := l.Append(ctx, record(next.Add(1))); err != nil {
					return err
				}
				done.Add(1)
			}
			return nil
		})
	}
	err = g.Wait()
	fmt.Printf("%.0f\n", float64(done.Load())/time.Since(begin).Seconds())
	return err
}

// verify prints seconds, and on stderr what memory it took.
func verify(ctx context.Context, dir string, index bool) error {
	begin := time.Now()
	l, err := open(ctx, dir)
	if err != nil {
		return err
	}
	r, err := l.Verify(ctx, tlog.VerifyOptions{SkipIndex: !index})
	if err != nil || len(r.Faults) > 0 {
		return fmt.Errorf("%w: %v", err, r.Faults)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(os.Stderr, "%d MB from the system\n", m.Sys>>20)
	fmt.Println(time.Since(begin).Seconds())
	return l.Close()
}

// find prints milliseconds from opening the log to the last record of a version.
func find(ctx context.Context, dir string, version int64, cold bool) error {
	if cold {
		if err := forget(dir); err != nil {
			return err
		}
	}
	begin := time.Now()
	l, err := open(ctx, dir)
	if err != nil {
		return err
	}
	h, err := l.Head(ctx)
	if err != nil {
		return err
	}
	n := 0
	for _, err := range l.Find(ctx, h.Size, 0, ledger.Key{Name: "version", Value: fmt.Sprint(version)}) {
		if err != nil {
			return err
		}
		n++
	}
	if n != 10 {
		return fmt.Errorf("found %d records of version %d", n, version)
	}
	fmt.Println(float64(time.Since(begin).Microseconds()) / 1000)
	return l.Close()
}

// forget has the system drop what it holds of the files of a folder in memory.
func forget(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), dontNeed(f), f.Close())
	})
}
