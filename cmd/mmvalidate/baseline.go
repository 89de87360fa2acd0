package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate/config"
)

func baselineCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "baseline", Usage: "write today's findings as a baseline", ArgsUsage: "DIR...",
		Description: "Findings in a baseline do not count in later runs (--baseline FILE). Reasons and\n" +
			"expiry dates of an existing FILE are kept.\n\nExit status: 0 written, 2 usage, 3 incomplete, 130 interrupted.",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE` instead of standard output"},
		}, commonFlags()...),
		Action: func(c *cli.Context) error {
			j, err := newJob(c, e)
			if err != nil {
				return err
			}
			file := c.String("output")
			if file != "" {
				if err := writable(file); err != nil {
					return err
				}
			}
			j.opts.Keep = math.MaxInt32 // every finding, not the first of each rule
			rep, err := j.run(c.Context, e)
			if err != nil {
				return err // a partial baseline would hide what was not looked at
			}
			var old *config.Baseline
			if file != "" {
				if old, err = readBaseline(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
					return &clikit.Error{Code: clikit.Usage, Err: err, Hint: "remove the file to begin anew; its reasons are then lost"}
				}
			}
			var b bytes.Buffer
			n, err := config.WriteBaseline(&b, rep, old)
			if err != nil {
				return err
			}
			if file == "" {
				_, err := e.stdout.Write(b.Bytes())
				return err
			}
			if err := durable.WriteFile(file, b.Bytes(), 0o644); err != nil {
				return err
			}
			fmt.Fprintf(e.stderr, "%s: %s written to %s\n", name, human.Count(n, "finding"), file)
			return nil
		},
	}
}

func readBaseline(name string) (*config.Baseline, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return config.LoadBaseline(f, name)
}
