package main

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/internal/clikit"
)

// hashFlags say how folders are hashed: every command that does it has them.
func hashFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "cache", Usage: "do not read again what is unchanged since it was read with the same cache `DIR`; recorded as such. An interrupted run goes on from there"},
		&cli.BoolFlag{Name: "allow-unreadable", Usage: "take files that cannot be read as such; the record says so, and no absence can be proved"},
		&cli.BoolFlag{Name: "cross-mounts", Usage: "read other file systems that are mounted below the folder"},
		&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "read with `N` workers (default: one for each CPU)"},
		&cli.StringFlag{Name: "progress", Usage: "progress bar on stderr `WHEN`: auto, on, off", Value: "auto"},
	}
}

// hashOptions reads hashFlags.
func (e *env) hashOptions(c *cli.Context) (fingerprint.Options, error) {
	o := fingerprint.Options{
		Workers: c.Int("jobs"), Cache: c.String("cache"),
		AllowUnreadable: c.Bool("allow-unreadable"), CrossMounts: c.Bool("cross-mounts"),
	}
	if o.Workers < 0 {
		return o, clikit.Usagef("a number of workers, or 0 for one for each CPU", "--jobs %d is negative", o.Workers)
	}
	mode := c.String("progress")
	if !slices.Contains([]string{"auto", "on", "off"}, mode) {
		return o, clikit.Usagef("one of auto, on, off", "--progress %q is unknown", mode)
	}
	if c.Bool("quiet") {
		mode = "off"
	}
	o.Progress = e.hashProgress(mode)
	return o, nil
}

// hashProgress shows how far a fingerprint is: phase, files, bytes, speed and
// the time that is left.
func (e *env) hashProgress(mode string) func(fingerprint.Progress) {
	bar := clikit.NewBytesProgress(e.stderr, mode)
	return func(p fingerprint.Progress) {
		what := fmt.Sprintf("%s %d of %d files", p.Phase, p.Files, p.TotalFiles)
		bar.Update(what, int64(p.Bytes), int64(p.TotalBytes), p.Phase == fingerprint.Sealing)
	}
}
