package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"
	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/rules"
)

// backupDir keeps files as they were before fix changed them, below the data
// set's root. Validation leaves it out.
const backupDir = ".mm/backup"

func fixCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "fix", Usage: "repair what rules marked fixable found", ArgsUsage: "DIR...",
		Description: "Shows the changes as a diff. With --write, they are applied: each file is\n" +
			"replaced whole, and what it was is kept below " + backupDir + ".\n\n" +
			"Exit status: 0 nothing (left) to repair, 1 changes were shown but not written,\n2 usage, 3 incomplete, 130 interrupted.",
		Flags: append([]cli.Flag{
			&cli.BoolFlag{Name: "diff", Usage: "show the changes (the default)"},
			&cli.BoolFlag{Name: "write", Usage: "apply the changes"},
			&cli.BoolFlag{Name: "no-backup", Usage: "keep nothing below " + backupDir},
		}, commonFlags()...),
		Action: func(c *cli.Context) error { return fix(c, e) },
	}
}

func fix(c *cli.Context, e *env) error {
	j, err := newJob(c, e)
	if err != nil {
		return err
	}
	selected := j.opts.Selected
	j.opts.Selected = func(r *rule.Rule) bool { return r.Fix != nil && selected(r) }
	j.opts.Keep = 1 << 30
	rep, err := j.run(c.Context, e)
	if err != nil {
		return err
	}
	roots := roots{}
	defer roots.close()
	repairs, err := plan(rep, roots)
	if err != nil {
		return err
	}
	for _, r := range repairs {
		if c.Bool("diff") || !c.Bool("write") {
			r.show(e.stdout)
		}
		if c.Bool("write") {
			if err := r.apply(!c.Bool("no-backup")); err != nil {
				return err
			}
			fmt.Fprintf(e.stderr, "%s: repaired %s (%s)\n", name, report.Visible(r.file), strings.Join(r.rules, ", "))
		}
	}
	switch {
	case len(repairs) == 0:
		fmt.Fprintf(e.stderr, "%s: nothing to repair\n", name)
	case !c.Bool("write"):
		fmt.Fprintf(e.stderr, "%s: files that would change: %d; --write applies\n", name, len(repairs))
		return &clikit.Error{Code: clikit.Findings}
	}
	return nil
}

// A repair is what fix would do to one file.
type repair struct {
	root     *os.Root // of the data set: no link leads a repair out of it
	path     string   // below root
	file     string   // for messages
	old, new []byte
	mode     os.FileMode
	rules    []string
}

// roots are the handles of data sets, by the name of their root.
type roots map[string]*os.Root

func (r roots) open(name string) (*os.Root, error) {
	if r[name] != nil {
		return r[name], nil
	}
	root, err := os.OpenRoot(name)
	if err == nil {
		r[name] = root
	}
	return root, err
}

func (r roots) close() {
	for _, root := range r {
		root.Close()
	}
}

// plan applies the repairs of every finding's rule to the content of its file.
func plan(rep *report.Report, roots roots) ([]repair, error) {
	byID := map[string]*rule.Rule{}
	for _, r := range rules.Catalogue() {
		byID[r.ID] = r
	}
	type key struct{ root, path string }
	wants := map[key][]string{}
	var order []key
	for _, f := range rep.Findings {
		k := key{f.Dataset, f.Path}
		if f.Path == "" || f.Suppressed != "" || slices.Contains(wants[k], f.Rule) {
			continue
		}
		if wants[k] == nil {
			order = append(order, k)
		}
		wants[k] = append(wants[k], f.Rule)
	}
	var out []repair
	for _, k := range order {
		file := filepath.Join(k.root, filepath.FromSlash(k.path))
		root, err := roots.open(k.root)
		if err != nil {
			return nil, err
		}
		info, err := root.Lstat(filepath.FromSlash(k.path))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.root, err)
		}
		if !info.Mode().IsRegular() { // replacing a link would leave its target as it is
			return nil, fmt.Errorf("%s is not a regular file; repair what it points to", file)
		}
		old, err := root.ReadFile(filepath.FromSlash(k.path))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.root, err)
		}
		r := repair{root: root, path: filepath.FromSlash(k.path), file: file, old: old, new: old, mode: info.Mode().Perm()}
		for _, id := range wants[k] {
			b, err := byID[id].Fix(k.path, bytes.Clone(r.new))
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", file, id, err)
			}
			if !bytes.Equal(b, r.new) {
				r.new, r.rules = b, append(r.rules, id)
			}
		}
		if len(r.rules) > 0 {
			out = append(out, r)
		}
	}
	return out, nil
}

func (r *repair) show(w io.Writer) {
	file := report.Visible(r.file)
	if bytes.IndexByte(r.old, 0) >= 0 || bytes.IndexByte(r.new, 0) >= 0 {
		fmt.Fprintf(w, "--- %s\n+++ %s\nbinary: %d bytes become %d\n", file, file, len(r.old), len(r.new))
		return
	}
	w.Write(diff.Diff(file, r.old, file+" (repaired)", r.new))
}

func (r *repair) apply(backup bool) error {
	if err := r.write(backup); err != nil {
		return durable.Failed(r.file, err)
	}
	return nil
}

func (r *repair) write(backup bool) error {
	if backup {
		kept := filepath.Join(filepath.FromSlash(backupDir), r.path)
		if err := durable.MkdirIn(r.root, filepath.Dir(kept), 0o755); err != nil {
			return err
		}
		if err := durable.WriteIn(r.root, kept, r.old, r.mode); err != nil {
			return err
		}
	}
	return durable.WriteIn(r.root, r.path, r.new, r.mode)
}
