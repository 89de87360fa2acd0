package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/urfave/cli/v2"
	"go.yaml.in/yaml/v3"

	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/durable"
	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/validate"
	"github.com/mmaudit/mmaudit/validate/annotate"
	"github.com/mmaudit/mmaudit/validate/config"
	"github.com/mmaudit/mmaudit/validate/report"
)

func annotateCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "annotate", Usage: "derive the metadata sidecars from native timestamps", ArgsUsage: "DIR...",
		Description: "Shows what would be written below .mm/ of each data set; --write writes it. Files\n" +
			"of the owner are never changed. Where a stamp is missing, nothing is guessed.\n\n" +
			"KITTI object, odometry and SemanticKITTI carry no stamps: --raw names the raw\n" +
			"drives that they were taken from, and for object --mapping the devkit's mapping.\n" +
			"--map relates two data sets of one drive: the second takes the ids of the first.\n\n" +
			"Exit status: 0 written, or nothing to write, or shown; 1 stamps are missing, 2 usage,\n3 could not read or write, 130 interrupted.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "raw", Usage: "KITTI raw `DIR` that has the stamps"},
			&cli.StringFlag{Name: "map", Usage: "relate two data sets by `FILE`; it is built if it does not exist"},
			&cli.BoolFlag{Name: "write", Usage: "write, instead of showing what would be written"},
			&cli.BoolFlag{Name: "learn-windows", Usage: "with --write, put the observed windows of each channel into the configuration"},
			&cli.StringFlag{Name: "mapping", Usage: "`DIR` with the KITTI devkit's train_rand.txt and train_mapping.txt"},
			&cli.StringFlag{Name: "config", Usage: "read settings from `FILE` instead of the nearest " + config.FileName},
			&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "use `N` workers (default: one for each CPU)"},
			&cli.StringFlag{Name: "progress", Usage: "progress bar on stderr `WHEN`: auto, on, off", Value: "auto"},
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Usage: "print the plan as `FORMAT`: text, json", Value: "text"},
		},
		Action: func(c *cli.Context) error { return annotateAction(c, e) },
	}
}

func annotateAction(c *cli.Context, e *env) error {
	if f := c.String("format"); f != "text" && f != "json" {
		return clikit.Usagef("one of text, json", "--format %q is unknown", f)
	}
	j, err := newJob(c, e)
	if err != nil {
		return err
	}
	bar := clikit.NewProgress(e.stderr, j.progress, "reading")
	defer bar.Done()
	j.opts.Progress = bar.Update
	sources, closeSources, err := validate.Open(c.Context, j.folders, j.opts)
	if err != nil {
		return readError(c, err)
	}
	defer closeSources()
	o := annotate.Options{Map: c.String("map"), LearnWindows: c.Bool("learn-windows")}
	if dir := c.String("raw"); dir != "" {
		raws, closeRaw, err := validate.Open(c.Context, []string{filepath.Clean(dir)}, j.opts)
		if err != nil {
			return readError(c, err)
		}
		defer closeRaw()
		for _, s := range raws {
			if raw, ok := s.(annotate.Raw); ok {
				o.Raw = raw
			}
		}
		if o.Raw == nil {
			return clikit.Usagef("give the folder that holds DATE/DATE_drive_NNNN_sync", "--raw %s is not a KITTI raw data set", dir)
		}
	}
	plan, err := annotate.New(c.Context, sources, o)
	if missing := (*annotate.MissingError)(nil); errors.As(err, &missing) {
		return &clikit.Error{Code: clikit.Findings, Err: err, Hint: "--raw DIR gives KITTI object and odometry their stamps; nothing was written"}
	} else if err != nil {
		return readError(c, err)
	}
	bar.Done()
	if err := printPlan(plan, c.String("format"), e); err != nil {
		return err
	}
	if !c.Bool("write") {
		if n := plan.Pending(); n > 0 {
			fmt.Fprintf(e.stderr, "%s: files that would be written: %d; --write writes them\n", name, n)
		}
		return nil
	}
	if err := plan.Write(); err != nil {
		return &clikit.Error{Code: clikit.Failed, Err: err, Hint: "files already written are whole; running again completes the work"}
	}
	if len(plan.Windows) > 0 {
		return learn(j, plan.Windows, e)
	}
	return nil
}

func readError(c *cli.Context, err error) error {
	if c.Context.Err() != nil {
		return &clikit.Error{Code: clikit.Interrupted, Err: errors.New("interrupted; nothing was written")}
	}
	if errors.Is(err, validate.ErrNoDataset) {
		return &clikit.Error{Code: clikit.Usage, Err: err, Hint: "`mmvalidate detect DIR` says what was looked for"}
	}
	return &clikit.Error{Code: clikit.Failed, Err: err, Hint: "`mmvalidate DIR` names what is wrong in the data set"}
}

func printPlan(p *annotate.Plan, format string, e *env) error {
	if format == "json" {
		enc := json.NewEncoder(e.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(p)
	}
	for _, f := range p.Files {
		fmt.Fprintf(e.stdout, "%-9s %s", f.State, report.Visible(f.Name()))
		if f.Records > 0 {
			fmt.Fprintf(e.stdout, " (%d records)", f.Records)
		}
		fmt.Fprintln(e.stdout)
	}
	if b := p.Bridge; b != nil {
		how := "as the map says"
		if b.Built && b.Map != nil {
			how = fmt.Sprintf("clock offset %d ns (%s), residual %s, drift %.3g ppm",
				b.Map.Clock, human.Duration(b.Map.Clock), human.Duration(b.Map.Residual), b.Map.Drift)
		}
		fmt.Fprintf(e.stdout, "related   %s to %s: %d moments, %s\n", report.Visible(b.B), report.Visible(b.A), b.Rows, how)
	}
	for _, s := range p.Skipped {
		fmt.Fprintf(e.stdout, "left out  %s\n", report.Visible(s))
	}
	for _, ch := range slices.Sorted(maps.Keys(p.Windows)) {
		fmt.Fprintf(e.stdout, "window    %s [%.3f, %.3f] ms\n", report.Visible(ch), p.Windows[ch][0], p.Windows[ch][1])
	}
	fmt.Fprintf(e.stdout, "%d records of %d moments in %d files\n", p.Records, p.Moments, len(p.Files))
	return nil
}

// learn puts observed windows into sync.windows of the configuration in use,
// or of a new one in the first folder. What else stands there stays, comments
// too.
func learn(j *job, windows map[string][2]float64, e *env) error {
	file := j.conf.Path
	if file == "" {
		file = filepath.Join(j.folders[0], config.FileName)
	}
	old, err := os.ReadFile(file)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(old, &doc); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if doc.Kind == 0 {
		doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}}
	}
	at := child(child(doc.Content[0], "sync"), "windows")
	for _, ch := range slices.Sorted(maps.Keys(windows)) {
		w := child(at, ch)
		*w = yaml.Node{}
		if err := w.Encode(windows[ch]); err != nil {
			return err
		}
		w.Style = yaml.FlowStyle
	}
	b, err := yaml.Marshal(&doc)
	if err != nil {
		return err
	}
	if err := durable.WriteFile(file, b, 0o644); err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "%s: windows of %d channels written to %s\n", name, len(windows), file)
	return nil
}

// child gives the value of key in mapping n, adding an empty mapping.
func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	if n.Kind != yaml.MappingNode {
		*n = yaml.Node{Kind: yaml.MappingNode}
	}
	v := &yaml.Node{Kind: yaml.MappingNode}
	n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, v)
	return v
}
