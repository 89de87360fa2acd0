package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/suggest"
	"github.com/mmaudit/mmaudit/validate"
	"github.com/mmaudit/mmaudit/validate/config"
	"github.com/mmaudit/mmaudit/validate/dataset"
	"github.com/mmaudit/mmaudit/validate/nuscenes"
	"github.com/mmaudit/mmaudit/validate/report"
	"github.com/mmaudit/mmaudit/validate/rule"
	"github.com/mmaudit/mmaudit/validate/rules"
)

// commonFlags choose rules and say where settings come from: every command
// that runs rules has them.
func commonFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Usage: "read settings from `FILE` instead of the nearest " + config.FileName},
		&cli.StringSliceFlag{Name: "select", Usage: "run these rules alone: `RULE` is an id, a group or a slug; repeatable"},
		&cli.StringSliceFlag{Name: "ignore", Usage: "leave `RULE` out: an id, a group or a slug; repeatable"},
		&cli.StringFlag{Name: "mapping", Usage: "`DIR` with the KITTI devkit's train_rand.txt and train_mapping.txt"},
		&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "use `N` workers (default: one for each CPU)"},
		&cli.StringFlag{Name: "progress", Usage: "progress bar on stderr `WHEN`: auto, on, off", Value: "auto"},
		&cli.DurationFlag{Name: "timeout", Usage: "give up after `TIME` (90s, 10m)"},
	}
}

// A job is one call of validate.Run, made from flags and configuration.
type job struct {
	folders  []string
	conf     *config.Config
	baseline *config.Baseline // nil without one
	opts     validate.Options
	timeout  time.Duration
	progress string
}

// newJob reads what the flags say; those that a command lacks are as if not
// given.
func newJob(c *cli.Context, e *env) (*job, error) {
	folders, err := folders(c)
	if err != nil {
		return nil, err
	}
	conf, err := loadConfig(c, folders[0])
	if err != nil {
		return nil, err
	}
	policy, err := config.NewPolicy(conf, rules.Catalogue(), folders)
	if err != nil {
		return nil, settingsError(conf, err)
	}
	j := &job{folders: folders, conf: conf, timeout: c.Duration("timeout"), progress: c.String("progress")}
	if conf.Baseline != "" {
		if j.baseline, err = readBaseline(conf.Baseline); err != nil {
			return nil, &clikit.Error{Code: clikit.Usage, Err: err, Hint: "`mmvalidate baseline DIR -o FILE` writes one"}
		}
		policy.Baselines = append(policy.Baselines, j.baseline)
	}
	if known := conf.KnownAnomalies; (known == nil || *known) && !c.Bool("no-known-anomalies") {
		anomalies, err := config.LoadKnown()
		if err != nil {
			return nil, err
		}
		policy.Baselines = append(policy.Baselines, anomalies)
	}
	j.opts = validate.Options{
		Params: &conf.Params, Policy: policy, Jobs: c.Int("jobs"), Version: clikit.Version(),
		Selected: func(r *rule.Rule) bool {
			return (len(conf.Select) == 0 || slices.ContainsFunc(conf.Select, r.Matches)) &&
				!slices.ContainsFunc(conf.Ignore, r.Matches)
		},
	}
	if j.opts.Jobs < 0 {
		return nil, clikit.Usagef("a number of workers, or 0 for one for each CPU", "--jobs %d is negative", j.opts.Jobs)
	}
	if j.timeout < 0 {
		return nil, clikit.Usagef("a time such as 90s or 10m", "--timeout %s is negative", j.timeout)
	}
	if !slices.Contains([]string{"auto", "on", "off"}, j.progress) {
		return nil, clikit.Usagef("one of auto, on, off", "--progress %q is unknown", j.progress)
	}
	if s := c.String("sample"); s != "" {
		n, ok := strings.CutPrefix(s, "1/")
		if j.opts.Sample, err = strconv.Atoi(n); !ok || err != nil || j.opts.Sample < 1 {
			return nil, clikit.Usagef("1/N, such as 1/100", "--sample %q is not a fraction", s)
		}
	}
	j.opts.Only, err = onlyFiles(c, e, folders)
	return j, err
}

// folders gives the arguments, each of which must be a folder.
func folders(c *cli.Context) ([]string, error) {
	out := c.Args().Slice()
	if len(out) == 0 {
		return nil, clikit.Usagef("mmvalidate DIR, where DIR holds training/ (KITTI object), DATE/ (KITTI raw) or v1.0-*/ (nuScenes); `mmvalidate --help` says more", "no folder given")
	}
	for i, f := range out {
		info, err := os.Stat(f)
		if err == nil && !info.IsDir() {
			err = errors.New("is a file, not a folder")
		}
		if err != nil {
			return nil, folderError(c.App, f, err)
		}
		out[i] = filepath.Clean(f)
	}
	return out, nil
}

func folderError(app *cli.App, folder string, err error) error {
	hint := "give the folder of a data set"
	var names []string
	for _, c := range app.Commands {
		names = append(names, c.Name)
	}
	if near := suggest.Nearest(folder, names); near != "" {
		hint = fmt.Sprintf("did you mean the command `%s %s`?", name, near)
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		err = pe.Err
	}
	return &clikit.Error{Code: clikit.Usage, Err: fmt.Errorf("%s: %w", folder, err), Hint: hint}
}

// loadConfig reads the configuration and lays the flags over it.
func loadConfig(c *cli.Context, dir string) (*config.Config, error) {
	conf, err := func() (*config.Config, error) {
		if f := c.String("config"); f != "" {
			return config.Load(f)
		}
		return config.Find(dir)
	}()
	if err != nil {
		return nil, &clikit.Error{Code: clikit.Usage, Err: err, Hint: "`mmvalidate schema config` prints the schema of " + config.FileName}
	}
	catalogue := rules.Catalogue()
	if err := config.CheckNames(append(slices.Clone(conf.Select), conf.Ignore...), catalogue, "select, ignore"); err != nil {
		return nil, settingsError(conf, err)
	}
	selected, ignored := split(c.StringSlice("select")), split(c.StringSlice("ignore"))
	if err := errors.Join(config.CheckNames(selected, catalogue, "--select"), config.CheckNames(ignored, catalogue, "--ignore")); err != nil {
		return nil, settingsError(&config.Config{}, err)
	}
	if len(selected) > 0 {
		conf.Select = selected
	}
	conf.Ignore = append(conf.Ignore, ignored...)
	for _, s := range split(c.StringSlice("severity")) {
		name, value, ok := strings.Cut(s, "=")
		sev, err := rule.ParseSeverity(value)
		if !ok || err != nil {
			return nil, clikit.Usagef("RULE=error|warning|info|off, such as LAY010=off", "--severity %q cannot be read", s)
		}
		if err := config.CheckNames([]string{name}, catalogue, "--severity"); err != nil {
			return nil, settingsError(&config.Config{}, err)
		}
		if conf.Severity == nil {
			conf.Severity = map[string]rule.Severity{}
		}
		conf.Severity[name] = sev
	}
	if b := c.String("baseline"); b != "" {
		conf.Baseline = b
	}
	if m := c.String("mapping"); m != "" {
		conf.Mapping = m
	}
	conf.Strict = conf.StrictMode || c.Bool("strict")
	conf.Deep = c.Bool("deep") && !c.Bool("headers-only")
	return conf, nil
}

func split(in []string) []string {
	var out []string
	for _, s := range in {
		for _, p := range strings.Split(s, ",") {
			if p = strings.TrimSpace(p); p != "" {
				out = append(out, p)
			}
		}
	}
	return out
}

func settingsError(conf *config.Config, err error) error {
	if conf.Path != "" {
		err = fmt.Errorf("%s: %w", conf.Path, err)
	}
	return &clikit.Error{Code: clikit.Usage, Err: err, Hint: "`mmvalidate rules` lists ids, slugs and groups"}
}

// run validates, with a progress bar and a time limit.
func (j *job) run(ctx context.Context, e *env) (rep *report.Report, err error) {
	err = j.limited(ctx, e, func(ctx context.Context) (err error) {
		rep, err = validate.Run(ctx, j.folders, j.opts)
		return err
	})
	if err != nil {
		err = j.failed(ctx, err, "the report holds what was found until then; it is no clean bill", "interrupted; the report is partial")
	}
	return rep, err
}

// limited calls do with the progress bar and the time limit of the job.
func (j *job) limited(ctx context.Context, e *env, do func(context.Context) error) error {
	if j.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, j.timeout, fmt.Errorf("the time limit of %s has passed", j.timeout))
		defer cancel()
	}
	bar := clikit.NewProgress(e.stderr, j.progress, "validating")
	defer bar.Done()
	j.opts.Progress = bar.Update
	return do(ctx)
}

// failed gives an error its exit status. ctx is the one of the user, whom it
// tells what is left.
func (j *job) failed(ctx context.Context, err error, hint, interrupted string) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &clikit.Error{Code: clikit.Interrupted, Err: errors.New(interrupted)}
	}
	return &clikit.Error{Code: clikit.Failed, Err: err, Hint: hint}
}

// describe says on stderr what was validated, and by which settings.
func (j *job) describe(rep *report.Report, e *env) {
	where := j.conf.Path
	if where == "" {
		where = "defaults (no " + config.FileName + ")"
	}
	fmt.Fprintf(e.stderr, "%s: settings: %s\n", name, where)
	for _, d := range rep.Datasets {
		fmt.Fprintf(e.stderr, "%s: %s: %s, %d files, %d samples\n", name, report.Visible(d.Root), d.Schema, d.Files, d.Samples)
	}
	formats := map[dataset.Schema]bool{}
	for _, d := range rep.Datasets {
		if formats[d.Schema] {
			continue
		}
		formats[d.Schema] = true
		tables, err := nuscenes.Beyond(d.Schema)
		if err != nil {
			fmt.Fprintf(e.stderr, "%s: %v\n", name, err)
		}
		for _, why := range tables {
			fmt.Fprintf(e.stderr, "%s: %s: the JSON Schema library judges, at its speed, %s\n", name, d.Schema, why)
		}
	}
	if j.conf.Deep && !slices.ContainsFunc(rules.Catalogue(), func(r *rule.Rule) bool { return r.Deep }) {
		fmt.Fprintf(e.stderr, "%s: --deep: no rule of this version reads payload bodies\n", name)
	}
}
