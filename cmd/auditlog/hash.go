package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/human"
)

// hashFlags say how folders are hashed: every command that does it has them.
func hashFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "cache", Usage: "do not read again what is unchanged since it was read with the same cache `DIR`; recorded as such. An interrupted run goes on from there"},
		&cli.BoolFlag{Name: "allow-unreadable", Usage: "take files that cannot be read as such; the record says so, and no absence can be proved"},
		crossMountsFlag(),
		jobsFlag(), progressFlag(),
	}
}

func crossMountsFlag() cli.Flag {
	return &cli.BoolFlag{Name: "cross-mounts", Usage: "read other file systems that are mounted below the folder"}
}

func jobsFlag() cli.Flag {
	return &cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "read with `N` workers (default: one for each CPU)"}
}

func progressFlag() cli.Flag {
	return &cli.StringFlag{Name: "progress", Usage: "progress bar on stderr `WHEN`: auto, on, off", Value: "auto"}
}

// jobs reads jobsFlag; 0 is one for each CPU.
func jobs(c *cli.Context) (int, error) {
	n := c.Int("jobs")
	if n < 0 {
		return 0, clikit.Usagef("a number of workers, or 0 for one for each CPU", "--jobs %d is negative", n)
	}
	return n, nil
}

// progressMode reads progressFlag.
func progressMode(c *cli.Context) (string, error) {
	mode := c.String("progress")
	if !slices.Contains([]string{"auto", "on", "off"}, mode) {
		return "", clikit.Usagef("one of auto, on, off", "--progress %q is unknown", mode)
	}
	if c.Bool("quiet") {
		mode = "off"
	}
	return mode, nil
}

// hashOptions reads hashFlags.
func (e *env) hashOptions(c *cli.Context) (fingerprint.Options, error) {
	o := fingerprint.Options{
		Cache: c.String("cache"), AllowUnreadable: c.Bool("allow-unreadable"), CrossMounts: c.Bool("cross-mounts"),
	}
	var err error
	if o.Workers, err = jobs(c); err != nil {
		return o, err
	}
	mode, err := progressMode(c)
	if err != nil {
		return o, err
	}
	o.Progress = e.hashProgress(mode)
	return o, nil
}

// hashProgress shows how far a fingerprint is: phase, files, bytes, speed and
// the time that is left.
func (e *env) hashProgress(mode string) func(fingerprint.Progress) {
	bar := clikit.NewBytesProgress(e.stderr, mode)
	lines := mode == "auto" && !clikit.IsTerminal(e.stderr) // where there is no bar
	var last lone
	return func(p fingerprint.Progress) {
		what := fmt.Sprintf("%s %d of %d files, %s of %s", p.Phase, p.Files, p.TotalFiles, size(p.Bytes), size(p.TotalBytes))
		if p.Alone >= fingerprint.ChunkSize {
			what += "; one large file, whose hash is serial"
		}
		if line := last.note(p, time.Now()); lines && line != "" {
			fmt.Fprintln(e.stderr, "auditlog: "+line)
		}
		bar.Update(what, int64(p.Bytes), int64(p.TotalBytes), p.Phase == fingerprint.Sealing)
	}
}

// A lone says once what bounds a run of which one file is hashed alone.
type lone struct {
	since time.Time // when it was first seen so
	from  uint64    // bytes that were done then
	told  bool
}

// note is the line, with the speed of some seconds, if the rest takes a minute
// or more; else "".
func (l *lone) note(p fingerprint.Progress, now time.Time) string {
	if p.Alone == 0 {
		l.since = time.Time{}
		return ""
	}
	if l.since.IsZero() {
		l.since, l.from = now, p.Bytes
	}
	took := now.Sub(l.since).Seconds()
	if l.told || took < 5 || p.Bytes <= l.from || p.TotalBytes < p.Bytes {
		return ""
	}
	rate := float64(p.Bytes-l.from) / took
	minutes := float64(p.TotalBytes-p.Bytes) / rate / 60
	if minutes < 1 {
		return ""
	}
	l.told = true
	return fmt.Sprintf("one file of %s: SHA3-512 of one file is serial, about %.0f min at %.0f MB/s", size(p.Alone), minutes, rate/1e6)
}

// warnAlike tells of names that another file system may take for one.
func (e *env) warnAlike(c *cli.Context, what string, alike fingerprint.Names) {
	if alike.Count == 0 {
		return
	}
	first, more := alike.First[:min(3, len(alike.First))], ""
	if n := alike.Count - uint64(len(first)); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	e.remark(c, "warning: %s: names that differ from another in case or Unicode normal form alone, so that a copy may lose files: %q%s", what, first, more)
}

func size(bytes uint64) string { return human.Bytes(int64(min(bytes, math.MaxInt64))) }

// hashed gives the digests of a file.
func hashed(ctx context.Context, file string) (fingerprint.FileDigest, error) {
	return fingerprint.File(ctx, file, fingerprint.Options{})
}
