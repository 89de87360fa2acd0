package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/collect"
	"github.com/mmaudit/mmaudit/audit/fingerprint"
	"github.com/mmaudit/mmaudit/audit/store"
	"github.com/mmaudit/mmaudit/audit/toolchain"
	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/human"
	"github.com/mmaudit/mmaudit/internal/lazyre"
	"github.com/mmaudit/mmaudit/internal/suggest"
)

// collect fills the draft with what the flags say and the event must have.
func (d *draft) collect(s *store.Store) error {
	d.p.ID = d.c.String("id")
	for _, path := range d.c.StringSlice("output") { // hashed last, which may be hours from now
		if _, err := os.Stat(path); err != nil {
			return fmt.Errorf("--output %s: %w", path, err)
		}
	}
	for _, p := range parts() {
		must := slices.Contains(d.kind.Must, p.member)
		if !p.allows(d.kind) || !must && !p.given(d.c) {
			continue
		}
		if err := p.fill(d); err != nil {
			return err
		}
	}
	if len(d.p.Data) == 1 { // what was measured was measured on it
		for i := range d.p.Metrics {
			d.p.Metrics[i].Data = d.p.Data[0].Fingerprint.Tree.Root.String()
		}
	}
	var err error
	d.p.Prev, err = prev(d.c.Context, s, d.p)
	return err
}

// prev finds the newest record of the version that a record is about.
func prev(ctx context.Context, s *store.Store, p *audit.Predicate) (*audit.Prev, error) {
	if p.Model == "" {
		return nil, nil
	}
	return collect.Prev(ctx, s.Log, p.Model, p.Version)
}

func fillVersion(d *draft) error {
	d.p.Model, d.p.Version = d.c.String("model"), d.c.String("version")
	if (d.p.Model == "") != (d.p.Version == "") {
		return clikit.Usagef("give both", "--model and --version go together")
	}
	return nil
}

func fillRun(d *draft) error {
	d.p.Run = d.c.String("run")
	if d.p.Model == "" {
		return clikit.Usagef("give --model and --version too", "--run %q is of no model", d.p.Run)
	}
	return nil
}

func fillMetrics(d *draft) error {
	for _, word := range d.c.StringSlice("metric") {
		m, err := parseMetric(word)
		if err != nil {
			return err
		}
		d.p.Metrics = append(d.p.Metrics, m)
	}
	return nil
}

// parseMetric reads [STAGE/]NAME=VALUE[ UNIT]. The last = counts: names of
// metrics have all kinds of signs in them.
func parseMetric(word string) (audit.Metric, error) {
	i := strings.LastIndexByte(word, '=')
	if i < 1 || i == len(word)-1 {
		return audit.Metric{}, clikit.Usagef("such as --metric miou=0.61", "--metric %q: want NAME=VALUE", word)
	}
	m := audit.Metric{Name: word[:i]}
	m.Value, m.Unit, _ = strings.Cut(strings.TrimSpace(word[i+1:]), " ")
	m.Unit = strings.TrimSpace(m.Unit)
	if low := strings.ToLower(m.Value); low == "nan" || low == "inf" || low == "-inf" {
		m.Value = low
	}
	if stage, name, found := strings.Cut(m.Name, "/"); found && slices.Contains([]string{"train", "val", "test"}, stage) {
		m.Stage, m.Name = stage, name
	}
	return m, nil
}

var threshold = lazyre.New(`^\s*(.+?)\s*(>=|<=|>|<)\s*([^<>=]+?)\s*$`)

func fillEvaluation(d *draft) (err error) {
	e := &audit.Evaluation{Name: d.c.String("evaluation"), Verdict: d.c.String("verdict")}
	for _, word := range d.c.StringSlice("require") {
		m := threshold().FindStringSubmatch(word)
		if m == nil {
			return clikit.Usagef("such as --require 'miou>=0.6'", "--require %q: want METRIC>=VALUE", word)
		}
		e.Thresholds = append(e.Thresholds, audit.Threshold{Metric: m[1], Op: m[2], Value: m[3]})
	}
	if e.Plan, err = d.document("plan"); err != nil {
		return err
	}
	e.Report, err = d.document("report")
	d.p.Evaluation = e
	return err
}

func fillValidation(d *draft) error {
	path := d.c.String("validation-report")
	v, err := d.Validation(d.c.Context, path)
	if err != nil {
		return usageError(fmt.Errorf("--validation-report: %w", err), "`mmvalidate DIR --format json -o FILE` writes one")
	}
	d.p.Validation = v
	return nil
}

func fillApproval(d *draft) (err error) {
	a := &audit.Approval{Reason: d.c.String("reason"), Expires: d.c.String("expires")}
	a.Document, err = d.document("document")
	d.p.Approval = a
	return err
}

func fillExport(d *draft) error {
	e := &audit.Export{Format: d.c.String("export-format"), IRVersion: d.c.Int("ir-version"), Tool: d.c.String("tool")}
	for _, word := range d.c.StringSlice("opset") {
		domain, version, found := strings.Cut(word, "=")
		if !found {
			domain, version = "ai.onnx", word
		}
		n, err := strconv.ParseInt(version, 10, 32)
		if err != nil || n < 1 {
			return clikit.Usagef("such as --opset 20 or --opset com.microsoft=1", "--opset %q: want [DOMAIN=]N", word)
		}
		if e.Opsets == nil {
			e.Opsets = map[string]int64{}
		}
		e.Opsets[domain] = n
	}
	if path := d.c.String("from"); path != "" {
		from, err := d.Artifact(d.c.Context, path)
		if err != nil {
			return err
		}
		e.From = &from
	}
	d.p.Export = e
	return nil
}

func fillBridge(d *draft) (err error) {
	b := &audit.Bridge{Target: d.c.String("target")}
	b.Config, err = d.document("bridge-config")
	d.p.Bridge = b
	return err
}

func fillDeployment(d *draft) error {
	c := d.c
	d.p.Deployment = &audit.Deployment{
		Device: c.String("device"), DeviceType: c.String("device-type"), Environment: c.String("environment"),
		Before: c.String("before"), After: c.String("after"), SWIN: c.String("swin"), Result: c.String("result"),
	}
	return nil
}

func fillIncident(d *draft) (err error) {
	c := d.c
	r := &audit.Report{Severity: c.String("severity"), Summary: c.String("summary"), Device: c.String("device")}
	r.Document, err = d.document("document")
	d.p.Incident = r
	return err
}

func fillPolicy(d *draft) error {
	p, err := policyOf(d.c)
	d.p.Policy = &p
	return err
}

func fillRetention(d *draft) error {
	regime, until, _ := strings.Cut(d.c.String("retention"), "=")
	if regime == "" {
		return clikit.Usagef("--retention REGIME --hold", "--hold without --retention")
	}
	d.p.Retention = &audit.Retention{Regime: regime, Until: until, Hold: d.c.Bool("hold")}
	return nil
}

func fillLabels(d *draft) error {
	labels, err := pairs("label", d.c.StringSlice("label"))
	d.p.Labels = labels
	return err
}

func fillNote(d *draft) error {
	d.p.Note = d.c.String("note")
	if reason := d.c.String("reason"); d.p.Approval == nil && reason != "" {
		d.p.Note = strings.TrimSpace(reason + "\n" + d.p.Note)
	}
	return nil
}

func fillAttachments(d *draft) error {
	for _, path := range d.c.StringSlice("attach") {
		a, err := d.Document(d.c.Context, path)
		if err != nil {
			return keepError("--attach", err)
		}
		d.p.Attachments = append(d.p.Attachments, *a)
	}
	return nil
}

func fillParams(d *draft) error {
	return d.params(d.c.StringSlice("params"), d.c.StringSlice("hook"), d.c.StringSlice("param"))
}

func (d *draft) params(files, hooks, args []string) error {
	p, err := d.Params(d.c.Context, collect.ParamsSource{Files: files, Hooks: hooks, Args: args})
	if err != nil {
		return usageError(fmt.Errorf("hyper-parameters: %w", err), "")
	}
	d.p.Params = p
	return nil
}

func fillToolchain(d *draft) error {
	digests, save := d.env.libraryDigests(d.c)
	defer save()
	o := toolchain.Options{PID: d.c.Int("pid"), Toolkit: d.c.Bool("toolkit"), Drift: d.c.Bool("drift"), Digests: digests}
	if d.p.Process != nil { // exec: it says which Python, and so which packages
		o.Argv = d.p.Process.Argv
	}
	return d.toolchain(o)
}

func (d *draft) toolchain(o toolchain.Options) error {
	declared, err := pairs("declare", d.c.StringSlice("declare"))
	if err != nil {
		return err
	}
	for _, n := range slices.Sorted(maps.Keys(declared)) {
		if err := checkField(n); err != nil {
			return err
		}
	}
	if code := d.c.String("code"); code != "" {
		if o.Dir, err = filepath.Abs(code); err != nil {
			return err
		}
	}
	o.Env, o.Declared = os.Environ(), declared
	d.p.Toolchain, err = d.Toolchain(d.c.Context, o)
	return err
}

var fieldName = lazyre.New(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)

// checkField takes fields of the toolchain and others of that form, such as
// fpga.bitstream, but not what is a slip of the pen.
func checkField(field string) error {
	var names []string
	for _, f := range toolchain.Fields() {
		names = append(names, f.Name)
	}
	if slices.Contains(names, field) {
		return nil
	}
	if near := suggest.Nearest(field, names); near != "" {
		return clikit.Usagef(fmt.Sprintf("did you mean %s? `auditlog explain toolchain` lists the fields", near), "--declare: the toolchain has no field %q", field)
	}
	if !fieldName().MatchString(field) {
		return clikit.Usagef("`auditlog explain toolchain` lists the fields; others are called as fpga.bitstream is", "--declare: no field can be called %q", field)
	}
	return nil
}

func fillData(d *draft) error {
	sources, err := d.sources()
	if err != nil {
		return err
	}
	if err := collect.Foresee(d.c.Context, d.p, sources, d.c.StringSlice("output")); err != nil {
		return err
	}
	return d.hash(sources)
}

// hash fingerprints the data sets of --data.
func (d *draft) hash(sources []collect.DataSource) error {
	for i, word := range d.c.StringSlice("data") {
		set, err := d.Data(d.c.Context, sources[i])
		if err != nil {
			o := d.Fingerprint
			o.Parts = sources[i].Parts
			return hashError(d.c.Context, o, fmt.Errorf("--data %s: %w", word, err))
		}
		d.env.warnAlike(d.c, "--data "+word, set.Fingerprint.Alike)
		if n := set.Fingerprint.Tree.Unreadable; n > 0 {
			d.p.Gaps = append(d.p.Gaps, audit.Gap{What: "data " + set.Name, Reason: human.Count(int(min(n, math.MaxInt32)), "unreadable entry") + ", allowed by the caller"})
		}
		d.p.Data = append(d.p.Data, set)
	}
	return nil
}

// sources are the data sets that the flags name.
func (d *draft) sources() ([]collect.DataSource, error) {
	c := d.c
	var all []collect.DataSource
	parts := c.StringSlice("parts")
	if n := len(c.StringSlice("data")); len(parts) > 0 && len(parts) != n {
		return nil, clikit.Usagef("one --parts for each --data, in the same order", "%d --parts for %d --data", len(parts), n)
	}
	for i, word := range c.StringSlice("data") {
		src := collect.DataSource{
			NoListing: c.Bool("no-listing"), Source: c.String("data-source"), AcquiredAt: c.String("acquired"),
			Medium: c.String("medium"), Sampling: c.String("sampling"), Licence: c.String("licence"), Classification: c.String("classification"),
		}
		src.Role, src.Path = roleAndPath(word)
		if len(parts) > 0 {
			src.Parts = parts[i]
		}
		if _, err := os.Stat(src.Path); errors.Is(err, fs.ErrNotExist) {
			return nil, usageError(fmt.Errorf("--data %s: %w", word, err), "--data DIR or --data ROLE=DIR, such as --data train=/data/nuscenes")
		} else if err != nil {
			return nil, fmt.Errorf("--data %s: %w", word, err)
		}
		if in, err := fingerprint.Inside(src.Path, d.ledger); err != nil {
			return nil, fmt.Errorf("--data %s: %w", word, err)
		} else if in {
			return nil, clikit.Usagef("name the folder of the data alone, or keep the ledger elsewhere (--ledger DIR)", "--data %s: the ledger %s lies in it, and changes with every record", word, d.ledger)
		}
		all = append(all, src)
	}
	return all, nil
}

var role = lazyre.New(`^[A-Za-z][A-Za-z0-9_-]*$`)

// roleAndPath reads [ROLE=]PATH. What lies on disk under the whole word is meant
// as it stands.
func roleAndPath(word string) (string, string) {
	before, after, found := strings.Cut(word, "=")
	if !found || !role().MatchString(before) || after == "" {
		return "", word
	}
	if _, err := os.Lstat(word); err == nil {
		return "", word
	}
	return before, after
}

func fillOutputs(d *draft) error {
	for _, path := range d.c.StringSlice("output") {
		a, err := d.Artifact(d.c.Context, path)
		if err != nil {
			return hashError(d.c.Context, d.Fingerprint, fmt.Errorf("--output %s: %w", path, err))
		}
		d.p.Outputs = append(d.p.Outputs, a)
	}
	return nil
}

// document keeps the file that a flag names; nil if it names none.
func (d *draft) document(flag string) (*audit.Attachment, error) {
	path := d.c.String(flag)
	if path == "" {
		return nil, nil
	}
	a, err := d.Document(d.c.Context, path)
	if err != nil {
		return nil, keepError("--"+flag, err)
	}
	return a, nil
}

// keepError is about a document that could not be kept: either the file that
// was named, or the ledger, may not be there for this user.
func keepError(at string, err error) error {
	err = fmt.Errorf("%s: %w", at, err)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return usageError(err, "")
}

// pairs reads NAME=VALUE words, each name once.
func pairs(flag string, words []string) (map[string]string, error) {
	if len(words) == 0 {
		return nil, nil
	}
	out := map[string]string{}
	for _, word := range words {
		n, value, found := strings.Cut(word, "=")
		if _, twice := out[n]; n == "" || !found || twice {
			// Not quoted: the value may be a secret.
			return nil, clikit.Usagef("such as --"+flag+" name=value", "--%s %q: want NAME=VALUE, each name once", flag, n)
		}
		out[n] = value
	}
	return out, nil
}
