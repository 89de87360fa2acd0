package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/report"
)

func detectCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "detect", Usage: "say what data sets lie in a folder, and why", ArgsUsage: "DIR...",
		Description: "A data set is recognised by what its files hold, never by a folder's name\nalone.\n\nExit status: 0 recognised, 1 something was not, 2 usage, 3 could not read.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "print as `FORMAT`: text, json", Value: "text"},
		},
		Action: func(c *cli.Context) error { return detect(c, e) },
	}
}

// detected is the JSON form of one folder.
type detected struct {
	Folder     string         `json:"folder"`
	Datasets   []foundDataset `json:"datasets"`
	Unknown    []string       `json:"seen,omitempty"` // names in a folder without data set
	Recognised string         `json:"recognised,omitempty"`
	Reason     string         `json:"reason,omitempty"`
}

type foundDataset struct {
	Root     string         `json:"root"`
	Schema   dataset.Schema `json:"schema"`
	Tables   string         `json:"tables,omitempty"`
	Files    int            `json:"files"`
	Evidence []string       `json:"evidence"`
}

func detect(c *cli.Context, e *env) error {
	dirs, err := folders(c)
	if err != nil {
		return err
	}
	format := c.String("format")
	if format != "text" && format != "json" {
		return clikit.Usagef("one of text, json", "--format %q is unknown", format)
	}
	all, unknown := []detected{}, false
	for _, dir := range dirs {
		det, err := dataset.Detect(c.Context, dir, nil)
		if err != nil {
			return &clikit.Error{Code: clikit.Failed, Err: fmt.Errorf("%s: %w", dir, err)}
		}
		d := detected{Folder: dir, Datasets: []foundDataset{}}
		for _, ds := range det.Datasets {
			d.Datasets = append(d.Datasets, foundDataset{ds.Root, ds.Schema, ds.Tables, ds.Tree.Files, ds.Evidence})
			ds.Close()
		}
		if u := det.Undetected; u != nil {
			d.Unknown, d.Recognised, d.Reason = u.Seen, u.Other, u.Reason
			unknown = true
		}
		all = append(all, d)
	}
	if format == "json" {
		enc := json.NewEncoder(e.stdout)
		enc.SetIndent("", "  ")
		if err := enc.Encode(all); err != nil {
			return err
		}
	} else {
		for _, d := range all {
			d.print(e)
		}
	}
	if unknown {
		return &clikit.Error{Code: clikit.Findings}
	}
	return nil
}

func (d detected) print(e *env) {
	all := func(names []string) string { return report.Visible(strings.Join(names, ", ")) }
	folder := report.Visible(d.Folder)
	for _, s := range d.Datasets {
		where := s.Root
		if s.Tables != "" {
			where += " (" + s.Tables + ")"
		}
		fmt.Fprintf(e.stdout, "%s: %s, %d files\n  because of %s\n", report.Visible(where), s.Schema, s.Files, all(s.Evidence))
	}
	switch {
	case len(d.Datasets) > 0:
	case d.Recognised != "":
		fmt.Fprintf(e.stdout, "%s: %s, which mmvalidate does not read\n  %s\n", folder, d.Recognised, report.Visible(d.Reason))
	case len(d.Unknown) == 0:
		fmt.Fprintf(e.stdout, "%s: nothing known; the folder is empty\n", folder)
	default:
		fmt.Fprintf(e.stdout, "%s: nothing known; seen: %s\n", folder, all(d.Unknown))
	}
}
