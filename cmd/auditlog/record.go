package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/collect"
	"github.com/mmaudit/mmaudit/internal/clikit"
)

func recordCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "record", Usage: "record an event", ArgsUsage: "EVENT",
		Description: "Collects what the event must say, signs it, and appends it to the ledger. The time is\n" +
			"observed, never given. `auditlog explain EVENT` says which flags belong to an event:\n\n" +
			eventList() + "\n" +
			"Data are hashed, parameters and toolchain captured, secrets taken out; --dry-run shows\n" +
			"exactly what would be logged.\n\n" +
			"Exit status: 0 recorded, 1 the ledger is damaged, 2 usage, 3 could not run, 130 interrupted;\n" +
			"with 3 and 130 nothing was recorded, unless the message names a file: a network may have\ntaken that record, and `auditlog append FILE` says so or records it.",
		Flags:  recordFlags(),
		Action: func(c *cli.Context) error { return recordAction(c, e) },
	}
}

// eventList names the events with what they mean.
func eventList() string {
	var b strings.Builder
	for _, k := range recordable() {
		fmt.Fprintf(&b, "  %-19s %s\n", k.Event, k.Summary)
	}
	return b.String()
}

// recordable lists the events that `record` makes: those about keys have
// commands of their own.
func recordable() []audit.Kind {
	return slices.DeleteFunc(audit.Kinds(), func(k audit.Kind) bool {
		return k.Scope == audit.OfLedger && k.Event != audit.PolicyChanged
	})
}

// A draft is a record in the making.
type draft struct {
	*collect.Collector
	c      *cli.Context
	kind   audit.Kind
	p      *audit.Predicate
	env    *env
	ledger string // its folder
}

func recordAction(c *cli.Context, e *env) error {
	kind, err := eventArgument(c)
	if err != nil {
		return err
	}
	if err := checkFlags(c, kind); err != nil {
		return err
	}
	x, err := e.begin(c, kind)
	if err != nil {
		return err
	}
	defer x.Close()
	d, err := x.draft(e, c, kind)
	if err != nil {
		return err
	}
	if err := d.collect(x.Store); err != nil {
		return err
	}
	if (kind.Scope == audit.OfVersion || kind.Scope == audit.OfDevice) && len(kind.After) > 0 && d.p.Prev == nil {
		e.remark(c, "warning: this is the first record of version %q of model %q, and %s wants %s before it: is the name right?", d.p.Version, d.p.Model, kind.Event, join(kind.After, ", "))
	}
	return e.finish(c, x, d.p)
}

func eventArgument(c *cli.Context) (audit.Kind, error) {
	switch c.NArg() {
	case 0:
		return audit.Kind{}, clikit.Usagef("auditlog record train.started …; `auditlog explain` lists the events", "no event given")
	case 1:
	default:
		return audit.Kind{}, clikit.Usagef("values of flags follow the flag, as in --data DIR", "unexpected argument %q", c.Args().Get(1))
	}
	kind, err := kindOf(c.Args().First())
	if err != nil {
		return kind, err
	}
	if !isRecordable(kind) {
		return kind, clikit.Usagef(otherMaker(kind.Event), "%s has a command of its own", kind.Event)
	}
	return kind, nil
}
