package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/validate/config"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
)

const exits = "\n\nExit status: 0 clean, 1 findings, 2 usage, 3 incomplete, 130 interrupted."

func checkCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "validate data sets (the default command)", ArgsUsage: "DIR...",
		Description: "Several folders, and several data sets below one, are validated together and\nrelated to one another by sensor_sync_id." + exits,
		Flags:       checkFlags(),
		Action:      func(c *cli.Context) error { return check(c, e) },
	}
}

func checkFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringSliceFlag{Name: "format", Aliases: []string{"f"}, Usage: "print as `FORMAT`, repeatable: " + strings.Join(report.FormatNames(), ", ") + " (default: text)"},
		&cli.StringSliceFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE`, repeatable; .json .jsonl .sarif .xml .html .txt name the format"},
		&cli.StringFlag{Name: "fail-on", Usage: "exit 1 from `SEVERITY` on: error, warning, info, never (default: error)"},
		&cli.StringFlag{Name: "min-severity", Usage: "report nothing below `SEVERITY`: error, warning, info", Value: "info"},
		&cli.IntFlag{Name: "max-findings", Usage: "report at most `N` findings; all are counted"},
		&cli.IntFlag{Name: "max-per-rule", Usage: "report at most `N` findings of a rule; all are counted (default: 20 in text, 1000 elsewhere)"},
		&cli.BoolFlag{Name: "strict-baseline", Usage: "entries of the baseline that no longer occur are failures"},
		&cli.StringFlag{Name: "color", Usage: "colours `WHEN`: auto, always, never", Value: "auto"},
		&cli.StringSliceFlag{Name: "severity", Usage: "weigh a rule: `RULE=SEVERITY`, one of error, warning, info, off; repeatable"},
		&cli.BoolFlag{Name: "strict", Usage: "undocumented fields are warnings, and warnings fail"},
		&cli.StringFlag{Name: "baseline", Usage: "findings listed in `FILE` do not count"},
		&cli.BoolFlag{Name: "no-known-anomalies", Usage: "report the faults that the owners' releases are known to have"},
		&cli.BoolFlag{Name: "deep", Usage: "run the rules that read payload bodies too"},
		&cli.BoolFlag{Name: "headers-only", Usage: "never read payload bodies: overrides --deep"},
		&cli.StringFlag{Name: "sample", Usage: "inspect `1/N` of the payload files, the same ones every time"},
		&cli.StringFlag{Name: "since", Usage: "report about files that changed since the git commit `REF`"},
		&cli.StringFlag{Name: "files-from", Usage: "report about the files listed in `FILE` (- for standard input), one a line"},
		&cli.BoolFlag{Name: "watch", Usage: "validate again whenever a file changes; for small folders"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print findings alone: no hints, no summary"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "say more: settings, facts about the data, every skipped rule"},
	}, append(shardFlags(), commonFlags()...)...)
}

// check is the default command.
func check(c *cli.Context, e *env) error {
	outs, err := newOutputs(c.StringSlice("format"), split(c.StringSlice("output")))
	if err != nil {
		return err
	}
	j, err := newJob(c, e)
	if err != nil {
		return err
	}
	if c.IsSet("shard") {
		return j.shareOf(c, e)
	}
	failOn, err := failOn(c, j.conf)
	if err != nil {
		return err
	}
	v, err := newView(c, e, failOn)
	if err != nil {
		return err
	}
	if n := c.Int("max-per-rule"); n > 0 {
		j.opts.Keep = n
	}
	closeParts, err := j.withParts(c.String("parts"))
	if err != nil {
		return err
	}
	defer closeParts()
	once := func(ctx context.Context) error {
		rep, runErr := j.run(ctx, e)
		j.missed(e)
		if c.Bool("verbose") {
			j.describe(rep, e)
		}
		v.trim(rep)
		if err := outs.write(rep, v, e); err != nil {
			return err
		}
		if runErr != nil {
			return runErr
		}
		return j.verdict(rep, failOn, c.Bool("strict-baseline"), e)
	}
	if c.Bool("watch") {
		return watch(c.Context, j, e, once)
	}
	return once(c.Context)
}

// verdict turns a complete report into the exit status.
func (j *job) verdict(rep *report.Report, failOn rule.Severity, strictBaseline bool, e *env) error {
	if j.baseline != nil {
		stale := j.baseline.Stale(rep)
		for _, s := range stale {
			fmt.Fprintf(e.stderr, "%s: stale: %s at %s in %s no longer occurs\n", name, s.Rule, report.Visible(s.Path), j.conf.Baseline)
		}
		if len(stale) > 0 && strictBaseline {
			return &clikit.Error{
				Code: clikit.Findings, Err: fmt.Errorf("%d stale entries in %s", len(stale), j.conf.Baseline),
				Hint: "`mmvalidate baseline DIR -o FILE` writes it anew and keeps the reasons",
			}
		}
	}
	if failOn != rule.Off && rep.Totals.AtLeast(failOn) > 0 {
		return &clikit.Error{Code: clikit.Findings}
	}
	return nil
}

// failOn gives the mildest severity that fails; rule.Off for never.
func failOn(c *cli.Context, conf *config.Config) (rule.Severity, error) {
	s := c.String("fail-on")
	if s == "" {
		s = conf.FailOn
	}
	switch s {
	case "":
		if conf.Strict {
			return rule.Warning, nil
		}
		return rule.Error, nil
	case "never":
		return rule.Off, nil
	}
	return severity("--fail-on", s, "error, warning, info, never")
}

func severity(flag, s, known string) (rule.Severity, error) {
	sev, err := rule.ParseSeverity(s)
	if err != nil || sev == rule.Off {
		return 0, clikit.Usagef("one of "+known, "%s %q is unknown", flag, s)
	}
	return sev, nil
}

// A view is how much of a report is shown.
type view struct {
	report.Options
	min rule.Severity
}

func newView(c *cli.Context, e *env, failOn rule.Severity) (*view, error) {
	v := &view{Options: report.Options{FailOn: failOn, MaxPerRule: c.Int("max-per-rule"), MaxFindings: c.Int("max-findings"), Quiet: c.Bool("quiet"), Verbose: c.Bool("verbose")}}
	if v.MaxFindings < 0 || v.MaxPerRule < 0 {
		return nil, clikit.Usagef("a number of findings", "--max-findings and --max-per-rule cannot be negative")
	}
	var err error
	if v.min, err = severity("--min-severity", c.String("min-severity"), "error, warning, info"); err != nil {
		return nil, err
	}
	if v.Dir, err = os.Getwd(); err != nil {
		return nil, err
	}
	switch when := c.String("color"); when {
	case "always":
		v.Color = true
	case "never":
	case "auto":
		v.Color = colorful(e.stdout)
	default:
		return nil, clikit.Usagef("one of auto, always, never", "--color %q is unknown", when)
	}
	return v, nil
}

// trim leaves out of the report what the user does not want to see; the counts
// stay.
func (v *view) trim(rep *report.Report) {
	rep.Findings = slices.DeleteFunc(rep.Findings, func(f rule.Finding) bool { return f.Severity < v.min })
	if v.MaxFindings > 0 && len(rep.Findings) > v.MaxFindings {
		rep.Findings = rep.Findings[:v.MaxFindings]
	}
}
