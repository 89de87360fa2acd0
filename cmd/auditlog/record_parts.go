package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/internal/clikit"
)

// A part of a record is what some flags say. The table of parts makes the flags
// of `record`, what `explain` prints, and which event takes which flag.
type part struct {
	member string // of the predicate
	// heading in the help; "" is for the flags that come first.
	heading string
	// own says that the part belongs to events that must have the member;
	// otherwise any event may have it.
	own   bool
	needs [][]string // of each of these lists, one flag must be given
	flags []cli.Flag
	fill  func(*draft) error
}

// parts in the order in which they are filled: what is cheap and may be wrong
// comes before what takes hours.
func parts() []part {
	return []part{
		{member: "modelId", needs: [][]string{{"model"}, {"version"}}, fill: fillVersion, flags: []cli.Flag{
			&cli.StringFlag{Name: "model", Usage: "the model's `NAME`"},
			&cli.StringFlag{Name: "version", Usage: "the version `V` of the model"},
		}},
		{member: "runId", needs: [][]string{{"run"}}, fill: fillRun, flags: []cli.Flag{
			&cli.StringFlag{Name: "run", Usage: "the `ID` of the training run"},
		}},
		{member: "metrics", heading: "Evaluation", needs: [][]string{{"metric"}}, fill: fillMetrics, flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "metric", Usage: "a figure `[STAGE/]NAME=VALUE[ UNIT]`, such as val/miou=0.61 or 'latency=12.5 ms'; STAGE is train, val or test; repeatable"},
		}},
		{member: "evaluation", heading: "Evaluation", own: true, needs: [][]string{{"evaluation"}}, fill: fillEvaluation, flags: []cli.Flag{
			&cli.StringFlag{Name: "evaluation", Usage: "`NAME` of the evaluation"},
			&cli.StringFlag{Name: "plan", Usage: "keep its plan, `FILE`"},
			&cli.StringFlag{Name: "report", Usage: "keep its report, `FILE`"},
			&cli.StringSliceFlag{Name: "require", Usage: "a threshold `METRIC>=VALUE` (also >, <=, <); repeatable"},
			&cli.StringFlag{Name: "verdict", Usage: "`pass` or fail"},
		}},
		{member: "validation", heading: "Data", own: true, needs: [][]string{{"validation-report"}}, fill: fillValidation, flags: []cli.Flag{
			&cli.StringFlag{Name: "validation-report", Usage: "`FILE` that `mmvalidate DIR --format json` wrote: verdict and counts are read from it, and it is kept"},
		}},
		{member: "approval", heading: "Reasons, notes and retention", own: true, fill: fillApproval, flags: []cli.Flag{
			reasonFlag(), documentFlag(),
			&cli.StringFlag{Name: "expires", Usage: "the approval ends at `TIME`, such as 2027-01-31T00:00:00Z"},
		}},
		{member: "export", heading: "Export and bridge", own: true, needs: [][]string{{"export-format"}}, fill: fillExport, flags: []cli.Flag{
			&cli.StringFlag{Name: "export-format", Usage: "the form, such as `onnx`"},
			&cli.IntFlag{Name: "ir-version", Usage: "`N`, version of ONNX's representation"},
			&cli.StringSliceFlag{Name: "opset", Usage: "version of a set of operators, `[DOMAIN=]N`; without DOMAIN that of ai.onnx; repeatable"},
			&cli.StringFlag{Name: "from", Usage: "the file or folder `PATH` that was converted"},
			&cli.StringFlag{Name: "tool", Usage: "`NAME` and version of the converter"},
		}},
		{member: "bridge", heading: "Export and bridge", own: true, needs: [][]string{{"bridge-config"}}, fill: fillBridge, flags: []cli.Flag{
			&cli.StringFlag{Name: "bridge-config", Usage: "keep `FILE`, which maps operators to the target"},
			&cli.StringFlag{Name: "target", Usage: "`NAME` of what they were mapped to"},
		}},
		{member: "deployment", heading: "Devices and incidents", own: true, needs: [][]string{{"device", "device-type"}}, fill: fillDeployment, flags: []cli.Flag{
			deviceFlag(),
			&cli.StringFlag{Name: "device-type", Usage: "`NAME` of the type of device"},
			&cli.StringFlag{Name: "environment", Usage: "`NAME` of the environment, such as fleet or bench"},
			&cli.StringFlag{Name: "before", Usage: "version or configuration `V` before"},
			&cli.StringFlag{Name: "after", Usage: "version or configuration `V` after"},
			&cli.StringFlag{Name: "swin", Usage: "software identification `NUMBER` (RXSWIN, UN R156)"},
			&cli.StringFlag{Name: "result", Usage: "`ok`, failed or partial"},
		}},
		{member: "incident", heading: "Devices and incidents", own: true, needs: [][]string{{"severity"}, {"summary"}}, fill: fillIncident, flags: []cli.Flag{
			&cli.StringFlag{Name: "severity", Usage: "`LEVEL`: low, medium, high, critical"},
			&cli.StringFlag{Name: "summary", Usage: "what happened, in a `SENTENCE`"},
			documentFlag(), deviceFlag(),
		}},
		{member: "policy", heading: "Policy", own: true, needs: [][]string{{"signatures", "separate"}}, fill: fillPolicy, flags: []cli.Flag{
			signaturesFlag(), separateFlag(),
		}},
		{member: "retention", heading: "Reasons, notes and retention", fill: fillRetention, flags: []cli.Flag{
			&cli.StringFlag{Name: "retention", Usage: "keep the record by `REGIME[=DATE]`, such as eu-ai-act=2036-08-02"},
			&cli.BoolFlag{Name: "hold", Usage: "keep it until further notice (legal hold)"},
		}},
		{member: "labels", heading: "Reasons, notes and retention", fill: fillLabels, flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "label", Usage: "a label `NAME=VALUE`; repeatable"},
		}},
		{member: "note", heading: "Reasons, notes and retention", fill: fillNote, flags: []cli.Flag{
			&cli.StringFlag{Name: "note", Usage: "a `SENTENCE` for people"}, reasonFlag(),
		}},
		{member: "attachments", heading: "Reasons, notes and retention", fill: fillAttachments, flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "attach", Usage: "keep `FILE` with the ledger, as it is; repeatable"},
		}},
		{member: "params", heading: "Hyper-parameters", needs: [][]string{{"params", "hook", "param"}}, fill: fillParams, flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "params", Usage: "hyper-parameters from `FILE`: .yaml, .json, .toml; repeatable, later ones override"},
			&cli.StringSliceFlag{Name: "hook", Usage: "hyper-parameters that the trainer used, from `FILE` that a hook dumped (docs/formats.md); repeatable"},
			&cli.StringSliceFlag{Name: "param", Usage: "one hyper-parameter `K=V`, over all files; repeatable"},
		}},
		{member: "toolchain", heading: "Toolchain", fill: fillToolchain, flags: []cli.Flag{
			&cli.BoolFlag{Name: "toolchain", Usage: "capture the toolchain (train.started always does)"},
			&cli.IntFlag{Name: "pid", Usage: "look at the libraries that process `N` has mapped"},
			&cli.StringFlag{Name: "code", Usage: "`DIR` with the source code", Value: "."},
			&cli.BoolFlag{Name: "toolkit", Usage: "hash the installed CUDA toolkit too (seconds for each GB)"},
			&cli.BoolFlag{Name: "drift", Usage: "compare packages and libraries with what their managers installed (seconds)"},
			&cli.StringSliceFlag{Name: "declare", Usage: "say of the toolchain what cannot be observed, `FIELD=VALUE`; repeatable"},
		}},
		{member: "data", heading: "Data", needs: [][]string{{"data"}}, fill: fillData, flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "data", Usage: "fingerprint the data in `[ROLE=]DIR`, such as train=/data/nuscenes; repeatable"},
			&cli.StringSliceFlag{Name: "parts", Usage: "take the digests of --data from the shards in `FOLDER`, of each --data in turn; recorded as from a cache (docs/scale.md)"},
			&cli.BoolFlag{Name: "no-listing", Usage: "do not keep the list of files: nothing can be proved of one of them then"},
			&cli.StringFlag{Name: "data-source", Usage: "where the data come from, a `SENTENCE`"},
			&cli.StringFlag{Name: "acquired", Usage: "when they were acquired, `TIME`, such as 2026-01-31T00:00:00Z"},
			&cli.StringFlag{Name: "medium", Usage: "`ID` of the medium that they are on"},
			&cli.StringFlag{Name: "sampling", Usage: "how they were sampled, a `SENTENCE`"},
			&cli.StringFlag{Name: "licence", Usage: "their `LICENCE`"},
			&cli.StringFlag{Name: "classification", Usage: "their `CLASS` of protection"},
		}},
		{member: "outputs", needs: [][]string{{"output"}}, fill: fillOutputs, flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "output", Usage: "hash the artefact `PATH`, a file or a folder; repeatable"},
		}},
	}
}

func reasonFlag() cli.Flag { return &cli.StringFlag{Name: "reason", Usage: "why, a `SENTENCE`"} }

func documentFlag() cli.Flag {
	return &cli.StringFlag{Name: "document", Usage: "keep `FILE` that says more"}
}

func deviceFlag() cli.Flag { return &cli.StringFlag{Name: "device", Usage: "`NAME` of the device"} }

// recordFlags are the flags of all parts and those about recording itself.
func recordFlags() []cli.Flag {
	var all []cli.Flag
	seen := map[string]bool{}
	for _, p := range parts() {
		for _, f := range clikit.Under(p.heading, p.flags) {
			if n := f.Names()[0]; !seen[n] {
				seen[n] = true
				all = append(all, f)
			}
		}
	}
	all = append(all, clikit.Under("Data", hashFlags())...)
	all = append(all, clikit.Under("Recording", append([]cli.Flag{
		&cli.StringFlag{Name: "id", Usage: "idempotency `KEY`: the same record under it is recorded once"},
	}, finishFlags()...))...)
	return all
}

// allows reports whether a record of the event may have the part.
func (p *part) allows(k audit.Kind) bool {
	if slices.Contains(k.Must, p.member) {
		return true
	}
	switch {
	case p.own:
		return false
	case p.member == "modelId":
		return k.Scope != audit.OfLedger
	case p.member == "runId":
		return k.Scope == audit.OfRun || k.Scope == audit.OfVersion
	case k.Scope == audit.OfLedger:
		return p.member == "note" || p.member == "labels" || p.member == "attachments"
	case k.Event == audit.TrainHeartbeat:
		return p.member != "data" && p.member != "outputs"
	}
	return true
}

func (p *part) has(flag string) bool {
	return slices.ContainsFunc(p.flags, func(f cli.Flag) bool { return f.Names()[0] == flag })
}

// given reports whether one of the part's flags was given.
func (p *part) given(c *cli.Context) bool {
	return slices.ContainsFunc(c.LocalFlagNames(), p.has)
}

// checkFlags refuses flags that say nothing about the event, and the lack of
// those that it needs.
func checkFlags(c *cli.Context, kind audit.Kind) error {
	all, given := parts(), c.LocalFlagNames()
	for _, n := range given {
		has := func(q part) bool { return q.has(n) }
		if slices.ContainsFunc(all, has) && !slices.ContainsFunc(all, func(q part) bool { return has(q) && q.allows(kind) }) {
			return clikit.Usagef("--"+n+" belongs to "+eventsOf(n), "--%s says nothing about %s", n, kind.Event)
		}
	}
	var missing []string
	for _, p := range all {
		if !slices.Contains(kind.Must, p.member) {
			continue
		}
		for _, oneOf := range p.needs {
			if !slices.ContainsFunc(oneOf, func(n string) bool { return slices.Contains(given, n) }) {
				missing = append(missing, "--"+strings.Join(oneOf, " or --"))
			}
		}
	}
	if len(missing) > 0 {
		return clikit.Usagef(fmt.Sprintf("`auditlog explain %s` says what each means", kind.Event), "%s needs %s", kind.Event, strings.Join(missing, ", "))
	}
	return nil
}

// eventsOf names the events that take a flag.
func eventsOf(flag string) string {
	var names []string
	for _, k := range recordable() {
		if slices.ContainsFunc(parts(), func(p part) bool { return p.has(flag) && p.allows(k) }) {
			names = append(names, string(k.Event))
		}
	}
	return strings.Join(names, ", ")
}
