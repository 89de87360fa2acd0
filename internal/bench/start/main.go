// Command start measures what small jobs take as whole processes, beside
// what people would use instead where it is installed, in turns in one run, and
// prints medians and ratios:
//
//	go run ./internal/bench/start [-rounds N] [-dir DIR] BIN
//
// BIN is the folder of auditlog and mmvalidate. DIR is on the disk whose waits
// count; what is written below it is deleted at the end.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mmaudit/mmaudit/internal/bench/figures"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "nothing" {
		fmt.Println("nothing")
		return
	}
	figures.Main("bench/start", run)
}

// bench is a run.
type bench struct {
	ctx    context.Context
	rounds int
	dir    string // for what is made; the working folder of the contestants
	bin    string // of auditlog and mmvalidate
	root   string // of the repository, which it is run in
}

func run(ctx context.Context) (err error) {
	b := bench{ctx: ctx}
	flag.IntVar(&b.rounds, "rounds", 21, "turns of each contestant")
	flag.StringVar(&b.dir, "dir", os.TempDir(), "folder on the disk to be measured")
	flag.Parse()
	if flag.NArg() != 1 || b.rounds < 1 {
		return errors.New("usage: go run ./internal/bench/start [-rounds N] [-dir DIR] BIN")
	}
	if b.bin, err = filepath.Abs(flag.Arg(0)); err != nil {
		return err
	}
	if b.root, err = filepath.Abs("."); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp(b.dir, "bench-start-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	for _, v := range []string{"XDG_CONFIG_HOME", "XDG_STATE_HOME"} { // keys and marks
		if err := os.Setenv(v, filepath.Join(b.dir, v)); err != nil {
			return err
		}
	}
	fmt.Printf("%s; load %s\n\n", figures.Machine(b.dir), figures.Load())
	for _, contest := range []func() error{b.starts, b.dataSets, b.tables, b.records} {
		if err := contest(); err != nil {
			return err
		}
	}
	return nil
}

// A contestant is a command; more gives it other words in each round, for #.
type contestant struct {
	name  string
	args  []string
	more  func(round int) []string
	lacks error // why it cannot run here

	ms, cpu []float64
}

// compete lets each have its turn in each round, after one that does not count,
// and prints a row for each. first measures until the first output, else until
// the end. Those that are not installed are left out.
func (b *bench) compete(what string, first bool, all ...*contestant) error {
	var here []*contestant
	for _, c := range all {
		_, err := exec.LookPath(c.args[0])
		if err = errors.Join(err, c.lacks); err != nil {
			fmt.Printf("not run: %s: %v\n\n", c.name, err)
			continue
		}
		here = append(here, c)
	}
	for round := -1; round < b.rounds; round++ {
		for _, c := range here {
			ms, cpu, err := b.turn(c, round, first)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", what, c.name, err)
			}
			if round >= 0 {
				c.ms, c.cpu = append(c.ms, ms), append(c.cpu, cpu)
			}
		}
	}
	t := figures.Table{Head: []string{what, fmt.Sprintf("ms, median of %d (least to most)", b.rounds), "processor time, ms", "beside the first"}}
	for i, c := range here {
		ratio := ""
		if i > 0 {
			ratio = figures.Digits(figures.Median(c.ms)/figures.Median(here[0].ms)) + "x"
		}
		t.Rows = append(t.Rows, []string{
			c.name,
			fmt.Sprintf("%s (%s to %s)", figures.Digits(figures.Median(c.ms)), figures.Digits(slices.Min(c.ms)), figures.Digits(slices.Max(c.ms))),
			figures.Digits(figures.Median(c.cpu)), ratio,
		})
	}
	fmt.Println(t)
	return nil
}

// turn runs a contestant, and gives milliseconds.
func (b *bench) turn(c *contestant, round int, first bool) (ms, cpu float64, err error) {
	args := c.args[1:]
	if c.more != nil {
		args = append(slices.Clone(args), c.more(round)...)
	}
	var stderr strings.Builder
	cmd := exec.CommandContext(b.ctx, c.args[0], args...)
	cmd.Dir, cmd.Stderr = b.dir, &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err
	}
	n, _ := out.Read(make([]byte, 1))
	took := time.Since(begin)
	_, err = io.Copy(io.Discard, out)
	if err = errors.Join(err, cmd.Wait()); err != nil {
		return 0, 0, fmt.Errorf("%w: %s", err, stderr.String())
	}
	switch {
	case !first:
		took = time.Since(begin)
	case n == 0:
		return 0, 0, errors.New("said nothing")
	}
	processor, _ := figures.Used(cmd.ProcessState)
	return 1000 * took.Seconds(), 1000 * processor, nil
}

// do runs what prepares a contest.
func (b *bench) do(name string, args ...string) error {
	cmd := exec.CommandContext(b.ctx, name, args...)
	cmd.Dir = b.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

func (b *bench) program(name string) string { return filepath.Join(b.bin, name) }

// number makes words that differ in each round, for #.
func number(format string) func(int) []string {
	return func(round int) []string { return []string{strings.ReplaceAll(format, "#", strconv.Itoa(round+1))} }
}
