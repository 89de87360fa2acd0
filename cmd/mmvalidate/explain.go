package main

import (
	"errors"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/validate/config"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/rules"
)

func rulesCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "rules", Usage: "list the rules with severity, cost and formats", ArgsUsage: "[ID|GROUP|SLUG...]",
		Description: "Exit status: 0 listed, 2 usage.",
		Flags:       []cli.Flag{&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "print as `FORMAT`: text, json, md", Value: "text"}},
		Action: func(c *cli.Context) error {
			chosen, err := choose(c)
			if err != nil {
				return err
			}
			return report.List(e.stdout, c.String("format"), chosen)
		},
	}
}

func explainCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "explain", Usage: "say what a rule demands, why, and how to repair", ArgsUsage: "ID|GROUP|SLUG...",
		Description: "Exit status: 0 explained, 2 usage.",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "all", Usage: "every rule"},
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "print as `FORMAT`: text, json, md", Value: "text"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 && !c.Bool("all") {
				return clikit.Usagef("mmvalidate explain LAY015, or --all; `mmvalidate rules` lists them", "no rule given")
			}
			chosen, err := choose(c)
			if err != nil {
				return err
			}
			return report.Explain(e.stdout, c.String("format"), chosen...)
		},
	}
}

// choose gives the rules that the arguments select; all where there is none.
// It checks the format too.
func choose(c *cli.Context) ([]*rule.Rule, error) {
	if f := c.String("format"); f != "text" && f != "json" && f != "md" {
		return nil, clikit.Usagef("one of text, json, md", "--format %q is unknown", f)
	}
	catalogue := rules.Catalogue()
	names := split(c.Args().Slice())
	if len(names) == 0 {
		return catalogue, nil
	}
	var errs []error
	for _, n := range names {
		errs = append(errs, config.CheckNames([]string{n}, catalogue, "rules"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, &clikit.Error{Code: clikit.Usage, Err: err, Hint: "`mmvalidate rules` lists them"}
	}
	return slices.DeleteFunc(catalogue, func(r *rule.Rule) bool {
		return !slices.ContainsFunc(names, r.Matches)
	}), nil
}
