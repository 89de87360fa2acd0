// Command fingerprint measures auditlog fingerprint beside openssl, which makes
// a list of digests and no more, and BLAKE3, the upper bound, on files in the
// page cache. All run in turns, in one run; it prints medians as a table:
//
//	go run ./internal/bench/fingerprint -auditlog bin/auditlog [-sets kitti,nuscenes]
//	    [-scale N] [-rounds N] [-dir DIR]
//
// Data sets are generated, always the same for a scale. Digests of all of
// auditlog's engines are held against openssl's; another one is an error.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/mmaudit/mmaudit/internal/bench/figures"
)

func main() {
	figures.Main("bench/fingerprint", run)
}

// bench is a run.
type bench struct {
	ctx      context.Context
	auditlog string
	blake3   string // program of tools/go.mod; "" if there is none
	dir      string // for data sets
	scale    int
	rounds   int
	jobs     int
	engines  []string
	table    figures.Table // of what was measured
}

func run(ctx context.Context) error {
	b := bench{ctx: ctx}
	names := flag.String("sets", "kitti,nuscenes,tiny,large", "which data sets; million is for peak memory")
	flag.StringVar(&b.auditlog, "auditlog", "auditlog", "the program")
	flag.StringVar(&b.dir, "dir", "", "folder for data sets, which are kept there; default: a temporary one in /var/tmp")
	flag.IntVar(&b.scale, "scale", 1, "divide the number of files by this, and the size of large ones")
	flag.IntVar(&b.rounds, "rounds", 5, "turns of each program")
	flag.IntVar(&b.jobs, "jobs", runtime.NumCPU(), "workers, and processes of openssl at once")
	engines := flag.String("engines", "avx512,avx2,scalar", "engines of auditlog, as far as the processor has them")
	flag.Parse()
	if b.scale < 1 || b.rounds < 1 {
		return fmt.Errorf("-scale %d and -rounds %d: at least 1", b.scale, b.rounds)
	}
	var err error
	if b.blake3, err = figures.Tool(ctx, "blake3"); err != nil {
		fmt.Printf("not run: BLAKE3: %v\n\n", err)
	}
	if b.auditlog, err = exec.LookPath(b.auditlog); err != nil {
		return err
	}
	if b.auditlog, err = filepath.Abs(b.auditlog); err != nil {
		return err
	}
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("/var/tmp", "bench-fingerprint-"); err != nil {
			return err
		}
		defer os.RemoveAll(b.dir)
	}
	for _, engine := range strings.Split(*engines, ",") {
		if b.has(engine) {
			b.engines = append(b.engines, engine)
		} else {
			fmt.Printf("not run: %s: this processor does not have it\n\n", engine)
		}
	}
	fmt.Printf("%s; load %s; %d workers; medians of %d rounds\n\n", figures.Machine(b.dir), figures.Load(), b.jobs, b.rounds)
	b.table.Head = []string{"data", "program", "wall, s", "MB/s", "processor, s", "peak memory, MB", "times openssl"}
	defer func() { fmt.Print(b.table) }()
	for _, name := range strings.Split(*names, ",") {
		if err := b.set(name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (b *bench) has(engine string) bool {
	empty, err := os.MkdirTemp("", "bench-fingerprint-")
	if err != nil {
		return false
	}
	defer os.RemoveAll(empty)
	return b.fingerprint(engine, empty).Run() == nil
}

// fingerprint is the command that is measured.
func (b *bench) fingerprint(engine, dir string, more ...string) *exec.Cmd {
	args := append([]string{"fingerprint", dir, "--progress", "off", "--jobs", fmt.Sprint(b.jobs)}, more...)
	cmd := exec.CommandContext(b.ctx, b.auditlog, args...)
	cmd.Env = append(os.Environ(), "AUDITLOG_SHA3="+engine)
	return cmd
}

// openssl is what is in use today. Processes get 64 files each, less of few:
// with more, some processors would have nothing to do in the end.
func (b *bench) openssl(s set, jobs int) *exec.Cmd {
	each := max(1, min(64, s.files/jobs/8))
	return exec.CommandContext(b.ctx, "sh", "-c", `cd "$1" && find . -type f -print0 | xargs -0 -r -n "$3" -P "$2" openssl dgst -sha3-512 -r`, "sh", s.dir, fmt.Sprint(jobs), fmt.Sprint(each))
}

// A contestant is a program that goes over a data set.
type contestant struct {
	name      string
	command   func() *exec.Cmd
	wall      []float64 // s
	processor []float64 // s
	peak      float64   // MB
}

// set measures with one data set.
func (b *bench) set(name string) error {
	s, err := b.generate(name)
	if err != nil {
		return err
	}
	if err := warm(s.dir); err != nil {
		return err
	}
	peers := name != "million" // which is there for its peak memory
	if peers {
		if err := b.compare(s); err != nil {
			return err
		}
	}
	var all []*contestant
	if peers {
		all = append(all, &contestant{name: fmt.Sprintf("`find \\| xargs -P%d openssl`", b.jobs), command: func() *exec.Cmd { return b.openssl(s, b.jobs) }})
	}
	for _, engine := range b.engines {
		all = append(all, &contestant{name: "auditlog, " + engine, command: func() *exec.Cmd { return b.fingerprint(engine, s.dir) }})
	}
	if peers && b.blake3 != "" {
		all = append(all, &contestant{name: "BLAKE3 (read and hash)", command: func() *exec.Cmd {
			return exec.CommandContext(b.ctx, b.blake3, s.dir, strconv.Itoa(b.jobs))
		}})
	}
	for range b.rounds {
		for _, c := range all {
			if err := c.measure(); err != nil {
				return err
			}
		}
	}
	for _, c := range all {
		wall := figures.Median(c.wall)
		times := "-"
		if peers {
			times = figures.Digits(figures.Median(all[0].wall) / wall)
		}
		b.table.Rows = append(b.table.Rows, []string{
			s.text, c.name, figures.Digits(wall), figures.Digits(float64(s.bytes) / wall / 1e6),
			figures.Digits(figures.Median(c.processor)), figures.Digits(c.peak), times,
		})
	}
	return nil
}

// measure runs once.
func (c *contestant) measure() error {
	cmd := c.command()
	var stderr strings.Builder
	cmd.Stderr = &stderr
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", c.name, err, &stderr)
	}
	c.wall = append(c.wall, time.Since(start).Seconds())
	processor, peak := figures.Used(cmd.ProcessState)
	c.processor, c.peak = append(c.processor, processor), max(c.peak, peak)
	return nil
}
