// Command all runs what this project measures, each part beside the peers that
// are installed, and gathers the figures in one table:
//
//	go run ./internal/bench/all [-smoke] [-write FILE] [PART…]
//
// A part is a command of its own, such as `make bench-ledger`, and prints tables
// in Markdown; parts.go names the cells that are read from them. A peer that is
// not installed is listed as not run. A part that fails does not keep the others
// from running, and the command fails at the end. No figure makes it fail: what
// was asked stands beside what was seen.
//
// With -write, the table goes into FILE between the markers of [marker]; what
// parts left out have written there stays. With -smoke everything runs at a size
// that shows only that it works, and nothing is written.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/mmaudit/mmaudit/internal/bench/figures"
)

// marker names the part of the document that this program writes.
const marker = "make bench"

func main() {
	figures.Main("bench/all", func(ctx context.Context) error {
		return run(ctx, parts, os.Args[1:], os.Stdout, os.Stderr)
	})
}

func run(ctx context.Context, parts []part, args []string, stdout, stderr io.Writer) error {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	smoke := f.Bool("smoke", false, "show only that it works")
	file := f.String("write", "", "put the table into `FILE`")
	if err := f.Parse(args); err != nil {
		return err
	}
	chosen, err := choose(parts, f.Args())
	if err != nil {
		return err
	}
	if *smoke && *file != "" {
		return errors.New("-smoke gives no figures to write")
	}
	before := ""
	if *file != "" { // first, so that no hour of measuring is lost at its end
		doc, err := os.ReadFile(*file)
		if err == nil {
			before, err = figures.Between(string(doc), marker)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", *file, err)
		}
	}
	machine := figures.Machine(os.TempDir())
	fmt.Fprintf(stdout, "%s\n", machine)
	var done []outcome
	var failed []string
	for _, p := range chosen {
		if *smoke && p.smoke == nil {
			fmt.Fprintf(stdout, "\n== %s: not run: %s\n", p.name, p.apart)
			continue
		}
		o := measure(ctx, p, *smoke, stdout, stderr)
		if o.err != nil {
			fmt.Fprintf(stderr, "bench/all: error: %s: %v\n", p.name, o.err)
			failed = append(failed, p.name)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		o.machine = machine
		done = append(done, o)
	}
	if *smoke {
		fmt.Fprintf(stdout, "\n%d parts work\n", len(done)-len(failed))
	} else {
		table := merge(parts, before, done)
		fmt.Fprintf(stdout, "\n%s", table)
		if *file != "" {
			if err := figures.ReplaceIn(*file, marker, table); err != nil {
				return err
			}
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("these parts failed: %s", strings.Join(failed, ", "))
	}
	return nil
}

// choose gives the parts of these names, in the order of all; all without names.
func choose(parts []part, names []string) ([]part, error) {
	for _, name := range names {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.name == name }) {
			var all []string
			for _, p := range parts {
				all = append(all, p.name)
			}
			return nil, fmt.Errorf("no part %q; there are %s", name, strings.Join(all, ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return len(names) > 0 && !slices.Contains(names, p.name) }), nil
}

// An outcome is what came of a part.
type outcome struct {
	part    part
	rows    [][]string // of the table
	note    string     // when, and with what
	machine string
	err     error
}

// measure runs a part and reads its figures.
func measure(ctx context.Context, p part, smoke bool, stdout, stderr io.Writer) outcome {
	command := p.full
	if smoke {
		command = p.smoke
	}
	fmt.Fprintf(stdout, "\n== %s: %s\n", p.name, line(command))
	began, load := time.Now(), figures.Load()
	var printed strings.Builder
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = io.MultiWriter(stdout, &printed), stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	o := outcome{part: p, err: err}
	if err != nil {
		o.rows = [][]string{{p.name, "", "", "", "not run: " + err.Error()}}
		return o
	}
	o.rows, o.err = read(p, printed.String(), smoke)
	o.note = figures.When(began)
	if load != "" {
		o.note += ", load " + load + " at the beginning"
	}
	fmt.Fprintf(stdout, "-- %s: %d figures, %.0f s\n", p.name, len(o.rows), time.Since(began).Seconds())
	return o
}

// line writes a command as it is typed.
func line(command []string) string {
	words := slices.Clone(command)
	for i, w := range words {
		if w == "" || strings.ContainsAny(w, " \t\"'$^*;&|<>()\\") {
			words[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}

// version asks a peer; empty if it does not answer.
func (p peer) version() string {
	out, err := exec.Command(p.command[0], p.command[1:]...).Output()
	words := strings.Fields(string(out))
	if err != nil || len(words) <= p.word {
		return ""
	}
	return p.name + " " + words[p.word]
}
