package lifecycle

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mmaudit/mmaudit/internal/human"
)

// The flags of toolchain.Report that have a check of their own; for that of the
// clock it is time-unsynced.
const (
	driverFlag = "driver-mismatch"
	sourceFlag = "source-dirty"
	clockFlag  = "clock-free"
)

func toolchainChecks() []Check {
	return []Check{
		{
			Code: driverFlag, Severity: Warning,
			Summary: "the GPU driver in the kernel is the one that programs link to",
			Why:     "With two drivers at work, results cannot be repeated by installing one, and CUDA may fail in odd ways.",
			Hint:    "restart the machine after an update of the driver; in a container mount the driver of the host",
			find:    func(b *life, say say) { b.flags(say, func(code string) bool { return code == driverFlag }) },
		},
		{
			Code: sourceFlag, Severity: Warning,
			Summary: "the source code is that of a commit",
			Why:     "What ran is not what the repository has; only the digest of the difference was kept.",
			Hint:    "commit before training, or keep the patch",
			find:    func(b *life, say say) { b.flags(say, func(code string) bool { return code == sourceFlag }) },
		},
		{
			Code: "toolchain-flag", Severity: Note,
			Summary: "nothing about the toolchain needs a second look",
			Why:     "The capture of the toolchain found something that a reader should know.",
			Hint:    "see the toolchain report",
			find: func(b *life, say say) {
				b.flags(say, func(code string) bool { return code != driverFlag && code != sourceFlag && code != clockFlag })
			},
		},
		{
			Code: "toolchain-changed", Severity: Warning,
			Summary: "a run ends with the versions that it started with",
			Why:     "What was installed when it started is not what the process loaded: the record of the start does not describe the run.",
			Hint:    "take the versions at the end, which were seen in the process, for the true ones; fix versions in the image or environment",
			find: func(b *life, say say) {
				b.ends(func(r *run, start, end *entry) {
					if end.p.Toolchain == nil {
						return
					}
					var diff []string
					for _, name := range slices.Sorted(maps.Keys(end.p.Toolchain.Versions)) {
						if was, is := start.p.Toolchain.Versions[name], end.p.Toolchain.Versions[name]; was != "" && was != is {
							diff = append(diff, fmt.Sprintf("%s %s became %s", name, was, is))
						}
					}
					if len(diff) > 0 {
						say(end, "run %q: %s", r.ID, list(diff, strings.Clone))
					}
				})
			},
		},
		{
			Code: "params-changed", Severity: Warning,
			Summary: "a run ends with the hyper-parameters that it started with",
			Why:     "What the training itself reported differs from what was declared at its start.",
			Hint:    "compare both documents (auditlog query --diff); declare what the training uses, or record its own dump at the start",
			find: func(b *life, say say) {
				b.ends(func(r *run, start, end *entry) {
					if q := end.p.Params; q != nil && q.Hash != start.p.Params.Hash {
						say(end, "run %q started with parameters %s (record %d) and ended with %s", r.ID, human.Digest(start.p.Params.Hash.String()), start.Index, human.Digest(q.Hash.String()))
					}
				})
			},
		},
		{
			Code: "params-flag", Severity: Note,
			Summary: "every hyper-parameter means one thing to all readers",
			Why:     "A value that YAML libraries read differently, or that a later source replaced, may not be what its author meant.",
			Hint:    "quote the value, or write it in one place",
			find: func(b *life, say say) {
				for _, e := range b.main {
					if e.p.Params != nil {
						for _, f := range e.p.Params.Flags {
							say(e, "%s: %s (%s)", f.Key, f.Message, f.Code)
						}
					}
				}
			},
		},
	}
}

// flags reports those of a code, each once.
func (b *life) flags(say say, of func(code string) bool) {
	told := map[string]bool{}
	for _, e := range b.main {
		if e.p.Toolchain == nil || e.p.Toolchain.Summary == nil {
			continue
		}
		for _, f := range e.p.Toolchain.Summary.Flags {
			if id := f.Code + "\n" + f.Message; of(f.Code) && !told[id] {
				told[id] = true
				say(e, "%s (%s)", f.Message, f.Code)
			}
		}
	}
}

// ends gives each end of a run with its first start.
func (b *life) ends(each func(r *run, start, end *entry)) {
	for _, r := range b.runs {
		for _, e := range r.ends {
			if len(r.starts) > 0 {
				each(r, r.starts[0], e)
			}
		}
	}
}
