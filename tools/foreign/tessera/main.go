// Command tessera appends to a log of Tessera's POSIX storage, for comparison
// with ours.
//
//	tessera one DIR SIZE
//		opens or makes a log, appends a record of so many bytes, waits for a
//		checkpoint that has it, and ends
//	tessera load DIR SIZE GOROUTINES SECONDS sequenced|published
//		appends from so many goroutines for so long, each waiting for the
//		index of its record, or for a checkpoint that has it; prints the number
//		of records a second
//
// The key lies beside the log, in DIR.key. Batches and checkpoints come as
// often as Tessera allows; it does not look for duplicates.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "tessera:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var n [3]int
	for i := range n {
		if len(args) > i+2 {
			var err error
			if n[i], err = strconv.Atoi(args[i+2]); err != nil {
				return err
			}
		}
	}
	switch {
	case len(args) == 3 && args[0] == "one":
		return load(args[1], n[0], 1, 0, true)
	case len(args) == 6 && args[0] == "load":
		return load(args[1], n[0], n[1], time.Duration(n[2])*time.Second, args[5] == "published")
	}
	return errors.New("usage: see the comment of the program")
}

func signer(dir string) (note.Signer, error) {
	name := dir + ".key"
	skey, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		var s string
		if s, _, err = note.GenerateKey(rand.Reader, "example.com/tessera"); err == nil {
			skey, err = []byte(s), os.WriteFile(name, []byte(s), 0o600)
		}
	}
	if err != nil {
		return nil, err
	}
	return note.NewSigner(string(skey))
}

// load appends for some time, or once from each goroutine.
func load(dir string, size, goroutines int, how time.Duration, published bool) error {
	ctx := context.Background()
	s, err := signer(dir)
	if err != nil {
		return err
	}
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return err
	}
	appender, shutdown, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().
		WithCheckpointSigner(s).
		WithCheckpointInterval(100*time.Millisecond). // its least
		WithBatching(uint(goroutines), 5*time.Millisecond))
	if err != nil {
		return err
	}
	awaiter := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, time.Millisecond)
	var count atomic.Int64
	var wg sync.WaitGroup
	var failed atomic.Value
	begin := time.Now()
	for range goroutines {
		wg.Go(func() {
			record := make([]byte, size)
			for first := true; first || time.Since(begin) < how; first = false {
				rand.Read(record)
				future := appender.Add(ctx, tessera.NewEntry(record))
				var err error
				if published {
					_, _, err = awaiter.Await(ctx, future)
				} else {
					_, err = future()
				}
				if err != nil {
					failed.Store(err)
					return
				}
				count.Add(1)
			}
		})
	}
	wg.Wait()
	took := time.Since(begin)
	if err, ok := failed.Load().(error); ok {
		return err
	}
	fmt.Printf("%.0f\n", float64(count.Load())/took.Seconds())
	if how == 0 {
		return nil // what was published is durable: there is nothing to wait for
	}
	return shutdown(ctx)
}
