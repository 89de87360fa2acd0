// Command ledger measures the local ledger beside sqlite3 and Tessera, in
// one run, in turns, and prints a table of medians and ratios:
//
//	go run ./internal/bench/ledger [-dir DIR] [-records N] [-rounds N] [-seconds N]
//
// Contestants are processes of their own. The folder is to be on the disk whose
// waits are to be measured; what is written there is deleted at the end.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mmaudit/mmaudit/internal/bench/figures"
)

func main() {
	figures.Main("bench/ledger", run)
}

// bench is a run.
type bench struct {
	ctx     context.Context
	dir     string
	self    string
	tools   map[string]string // programs of tools/go.mod, as far as there are
	records int
	rounds  int
	seconds int
}

func run(ctx context.Context) error {
	if len(os.Args) > 2 && os.Args[1] == "contestant" {
		return contestant(ctx, os.Args[2:])
	}
	b := bench{ctx: ctx, tools: map[string]string{}}
	flag.StringVar(&b.dir, "dir", os.TempDir(), "folder on the disk to be measured")
	flag.IntVar(&b.records, "records", 1_000_000, "records in the large log")
	flag.IntVar(&b.rounds, "rounds", 15, "rounds of one-shot contests; others have a fifth")
	flag.IntVar(&b.seconds, "seconds", 5, "of each round with 256 goroutines")
	flag.Parse()
	var err error
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(b.dir, "bench-ledger-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	for _, name := range []string{"tessera", "fsck"} {
		path, err := figures.Tool(ctx, name)
		if err != nil {
			fmt.Printf("not run: Tessera: %v\n\n", err)
			continue
		}
		b.tools[name] = path
	}
	fmt.Printf("%s; load %s\n\n", figures.Machine(b.dir), figures.Load())
	for _, contest := range []func() error{b.oneShot, b.load, b.large} {
		if err := contest(); err != nil {
			return err
		}
	}
	return nil
}

// entry is who takes part, and what came of it in each round.
type entry struct {
	name string
	tool string // without which it does not
	do   func(round int) (float64, error)
	got  []float64
}

// compete lets each contestant have its turn in each round, and prints medians
// and how they compare with the first: above 1 the first is better.
func (b *bench) compete(what, unit string, rounds int, more bool, entries ...*entry) error {
	entries = slices.DeleteFunc(entries, func(e *entry) bool { return e.tool != "" && b.tools[e.tool] == "" })
	for round := range rounds {
		for _, e := range entries {
			x, err := e.do(round)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", what, e.name, err)
			}
			e.got = append(e.got, x)
		}
	}
	fmt.Printf("| %s | %s, median of %d (least to most) | first is better by |\n|---|---|---|\n", what, unit, rounds)
	for i, e := range entries {
		ratio := ""
		if i > 0 {
			r := figures.Median(e.got) / figures.Median(entries[0].got)
			if more {
				r = 1 / r
			}
			ratio = fmt.Sprintf("%.2f", r)
		}
		fmt.Printf("| %s | %s (%s to %s) | %s |\n", e.name, figures.Digits(figures.Median(e.got)), figures.Digits(slices.Min(e.got)), figures.Digits(slices.Max(e.got)), ratio)
	}
	fmt.Println()
	return nil
}

// timed is how many milliseconds a process takes.
func (b *bench) timed(name string, args ...string) func(int) (float64, error) {
	return func(int) (float64, error) {
		begin := time.Now()
		_, err := b.output(name, args...)
		return float64(time.Since(begin).Microseconds()) / 1000, err
	}
}

// told is the number that a process prints.
func (b *bench) told(name string, args ...string) (x float64, err error) {
	out, err := b.output(name, args...)
	if err == nil {
		_, err = fmt.Sscan(out, &x)
	}
	return x, err
}

func (b *bench) output(name string, args ...string) (string, error) {
	var stderr strings.Builder
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(name), strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out), err
}
