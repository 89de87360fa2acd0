// Command growth shows how cost grows with data: it makes data sets from small to
// as large as the largest in use, runs this project's commands on them, and
// writes time, processor time and peak memory as CSV, with a plot of it as SVG:
//
//	go run ./internal/bench/growth [-dir DIR] [-keep] [-turns N] [-sizes N]
//	    [-out FOLDER] [-write FILE] [-draw] [SET…]
//
// A set is tables or files (sets.go). With -draw nothing is measured, and the
// plots are drawn from the CSV that is there. -turns 0 -keep makes the data sets
// alone, for a later run with the same DIR. FILE gets the figures as tables
// between the markers of [marker].
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mmaudit/mmaudit/internal/bench/figures"
	"github.com/mmaudit/mmaudit/internal/durable"
)

// marker names the part of the document that this program writes.
const marker = "make plots"

func main() {
	figures.Main("bench/growth", func(ctx context.Context) error {
		return grow(ctx, os.Args[1:], os.Stdout, os.Stderr)
	})
}

func grow(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	f := flag.NewFlagSet("growth", flag.ContinueOnError)
	f.SetOutput(stderr)
	r := run{ctx: ctx, stderr: stderr}
	f.StringVar(&r.dir, "dir", os.TempDir(), "`folder` for data sets, up to 6 GB")
	f.BoolVar(&r.keep, "keep", false, "leave the data sets there")
	f.IntVar(&r.turns, "turns", 3, "runs at each size, of which the median counts")
	sizes := f.Int("sizes", len(sets[0].frames), "how many sizes, from the smallest")
	out := f.String("out", "docs/plots", "`folder` of CSV and SVG; empty: write none")
	file := f.String("write", "", "put the tables into `FILE`")
	draw := f.Bool("draw", false, "draw what was measured before")
	if err := f.Parse(args); err != nil {
		return err
	}
	chosen := slices.DeleteFunc(slices.Clone(sets), func(s set) bool { return f.NArg() > 0 && !slices.Contains(f.Args(), s.name) })
	if len(chosen) < f.NArg() || *sizes < 1 || r.turns < 0 || *draw && *out == "" {
		return fmt.Errorf("want sets of tables and files, and numbers: growth %s", strings.Join(args, " "))
	}
	if !*draw {
		if r.bin, err = os.MkdirTemp("", "bench-growth-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(r.bin)) }()
		if err := r.build(); err != nil {
			return err
		}
	}
	for _, s := range chosen {
		if !*draw {
			machine := fmt.Sprintf("%s; load %s; %s", figures.Machine(r.dir), figures.Load(), figures.When(time.Now()))
			points, err := r.measure(s, *sizes)
			if err != nil {
				return err
			}
			if r.turns == 0 {
				continue
			}
			fmt.Fprintf(stdout, "%s\n\n%s", machine, s.table(points))
			if *out == "" {
				continue
			}
			var b strings.Builder
			if err := writePoints(&b, machine, points); err != nil {
				return err
			}
			if err := durable.WriteFile(filepath.Join(*out, s.name+".csv"), []byte(b.String()), 0o644); err != nil {
				return err
			}
		}
		machine, points, err := readPointsOf(filepath.Join(*out, s.name+".csv"))
		if err != nil {
			return err
		}
		if err := durable.WriteFile(filepath.Join(*out, s.name+".svg"), []byte(s.draw(machine, points)), 0o644); err != nil {
			return err
		}
	}
	if *file == "" || *out == "" {
		return nil
	}
	return write(*file, *out)
}

// write puts the tables of all sets into a document, from what is in the folder.
func write(file, out string) error {
	var b strings.Builder
	for _, s := range sets {
		machine, points, err := readPointsOf(filepath.Join(out, s.name+".csv"))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s\n(%s)\n\n![%s](plots/%s.svg)\n\n%s", s.title, machine, s.title, s.name, s.table(points))
	}
	return figures.ReplaceIn(file, marker, b.String())
}
