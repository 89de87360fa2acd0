package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mmaudit/mmaudit/internal/bench/figures"
)

// A run has the programs, and a folder for data.
type run struct {
	ctx    context.Context
	bin    string
	dir    string
	turns  int  // of each command at each size
	keep   bool // data sets, for the next time
	stderr io.Writer
}

// enough is for how long a command is run again at one size.
const enough = 6 * time.Second

// build builds the programs as they are released.
func (r *run) build() error {
	cmd := exec.CommandContext(r.ctx, "go", "build", "-trimpath", "-tags", "urfave_cli_no_docs", "-o", r.bin+"/",
		"./cmd/mmvalidate", "./cmd/auditlog", "./internal/datagen/mmgen")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("run this in the root of the repository: %w\n%s", err, out)
	}
	return nil
}

// measure runs the commands of a set at its sizes.
func (r *run) measure(s set, sizes int) (points []point, err error) {
	for _, frames := range s.frames[:min(sizes, len(s.frames))] {
		more, err := r.size(s, frames)
		if err != nil {
			return nil, fmt.Errorf("%s, %d frames: %w", s.name, frames, err)
		}
		points = append(points, more...)
	}
	return points, nil
}

func (r *run) size(s set, frames int) (points []point, err error) {
	dir := filepath.Join(r.dir, fmt.Sprintf("%s-%d", s.name, frames))
	if !r.keep {
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	if _, err := os.Stat(dir); err != nil {
		// The name is there when the data set is whole.
		making := dir + ".part"
		if err := os.RemoveAll(making); err != nil {
			return nil, err
		}
		if _, err := r.do("mmgen", "new", "-format", s.format, "-frames", fmt.Sprint(frames), making); err != nil {
			return nil, errors.Join(err, os.RemoveAll(making))
		}
		if err := os.Rename(making, dir); err != nil {
			return nil, err
		}
		syscall.Sync() // or the disk would be busy with it meanwhile
	}
	if r.turns == 0 {
		return nil, nil
	}
	n, err := s.count(dir)
	if err != nil {
		return nil, err
	}
	for _, c := range s.commands {
		var wall, processor, peak []float64
		for began := time.Now(); len(wall) < r.turns && (len(wall) == 0 || time.Since(began) < enough); {
			p, err := r.do(c.words[0], append(c.words[1:len(c.words):len(c.words)], dir)...)
			if err != nil {
				return nil, err
			}
			wall, processor, peak = append(wall, p.wall), append(processor, p.processor), append(peak, p.peak)
		}
		p := point{strings.Join(c.words, " "), n, figures.Median(wall), figures.Median(processor), figures.Median(peak)}
		fmt.Fprintf(r.stderr, "%s: %d %s, %d turns: %.2f s, %.2f s of processor time, %.0f MB\n", c.words[0], n, s.unit, len(wall), p.wall, p.processor, p.peak)
		points = append(points, p)
	}
	return points, nil
}

// do runs a program to its end and tells what it cost. It must exit with 0:
// what was not done whole has no cost.
func (r *run) do(program string, args ...string) (point, error) {
	cmd := exec.CommandContext(r.ctx, filepath.Join(r.bin, program), args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	began := time.Now()
	err := cmd.Run()
	wall := time.Since(began)
	if err != nil {
		return point{}, fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), err, stderr.String())
	}
	p := point{wall: wall.Seconds()}
	p.processor, p.peak = figures.Used(cmd.ProcessState)
	return p, nil
}
