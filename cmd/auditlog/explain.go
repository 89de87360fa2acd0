package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/lifecycle"
	"github.com/mmaudit/mmaudit/audit/toolchain"
	"github.com/mmaudit/mmaudit/internal/clikit"
)

func explainCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "explain", Usage: "say what an event, or a problem that was found, means", ArgsUsage: "[EVENT|CODE|problems|toolchain]",
		Description: "Of an event: what it needs, what must come before it, and the flags of `auditlog record`.\n" +
			"Of the code of a problem, as `auditlog query` and `auditlog verify` print it: why it matters and what\nto do. Without argument it lists the events.\n\nExit status: 0 explained, 2 usage.",
		Action: func(c *cli.Context) error { return explainAction(c, e) },
	}
}

// An explanation is what `explain` says of an event.
type explanation struct {
	Event   audit.Event     `json:"event"`
	Summary string          `json:"summary"`
	Scope   audit.Scope     `json:"scope"`
	Role    audit.Role      `json:"role,omitempty"`
	Must    []string        `json:"must"`
	After   []audit.Event   `json:"after"`
	Should  []audit.Event   `json:"should"`
	Flags   []explainedFlag `json:"flags"`
}

// explainedFlag is a flag as explained: it is needed, or one of those in Or is.
type explainedFlag struct {
	Flag   string   `json:"flag"`
	Usage  string   `json:"usage"`
	Needed bool     `json:"needed"`
	Or     []string `json:"or,omitempty"`
}

func explainAction(c *cli.Context, e *env) error {
	if c.NArg() > 1 {
		return clikit.Usagef("auditlog explain EVENT", "want one name, got %d", c.NArg())
	}
	switch word := c.Args().First(); word {
	case "":
		return explainAll(c, e)
	case "toolchain":
		return explainToolchain(c, e)
	case "problems":
		return explainProblems(c, e)
	default:
		if check, ok := lifecycle.Lookup(word); ok {
			return explainProblem(c, e, check)
		}
		return explainEvent(c, e, word)
	}
}

func explainAll(c *cli.Context, e *env) error {
	type list struct {
		V      int           `json:"v"`
		Events []explanation `json:"events"`
	}
	out := list{V: 1}
	for _, k := range audit.Kinds() {
		out.Events = append(out.Events, explain(k))
	}
	return e.result(c, out, func(w io.Writer) error {
		for _, x := range out.Events {
			fmt.Fprintf(w, "%-19s %s\n", x.Event, x.Summary)
		}
		return nil
	})
}

func explainEvent(c *cli.Context, e *env, word string) error {
	kind, err := kindOf(word)
	if err != nil {
		return err
	}
	type one struct {
		V int `json:"v"`
		explanation
	}
	x := explain(kind)
	return e.result(c, one{1, x}, func(w io.Writer) error {
		fmt.Fprintf(w, "%s: %s\n\n", x.Event, x.Summary)
		fmt.Fprintf(w, "about     %s\n", map[audit.Scope]string{
			audit.OfLedger: "the ledger", audit.OfData: "each data set that it names", audit.OfRun: "a run of training",
			audit.OfVersion: "a version of a model", audit.OfDevice: "a version on a device",
		}[x.Scope])
		who := "a key of the role " + string(x.Role)
		if x.Role == audit.AnyRole {
			who = "any key of the ledger"
		}
		fmt.Fprintf(w, "signed by %s\n", who)
		if len(x.After) > 0 {
			fmt.Fprintf(w, "after     %s\n", join(x.After, ", "))
		}
		if len(x.Should) > 0 {
			fmt.Fprintf(w, "and best  %s\n", join(x.Should, ", "))
		}
		if !isRecordable(kind) {
			fmt.Fprintf(w, "\n%s\n", otherMaker(kind.Event))
			return nil
		}
		fmt.Fprintf(w, "\nauditlog record %s\n", x.Event)
		for _, f := range x.Flags {
			mark := "  "
			if f.Needed {
				mark = "! "
			}
			fmt.Fprintf(w, "%s--%-18s %s\n", mark, f.Flag, f.Usage)
		}
		_, err := fmt.Fprintln(w, "\n! is needed, or one of its neighbours that say so")
		return err
	})
}

// otherMaker says which command records an event that `record` does not.
func otherMaker(e audit.Event) string {
	if e == audit.LedgerCreated {
		return "`auditlog init` records it"
	}
	return "`auditlog keys` records it"
}

func isRecordable(k audit.Kind) bool {
	return slices.ContainsFunc(recordable(), func(r audit.Kind) bool { return r.Event == k.Event })
}

func explain(k audit.Kind) explanation {
	x := explanation{
		Event: k.Event, Summary: k.Summary, Scope: k.Scope, Role: k.Role, Must: append([]string{}, k.Must...),
		After: append([]audit.Event{}, k.After...), Should: append([]audit.Event{}, k.Should...), Flags: []explainedFlag{},
	}
	if !isRecordable(k) {
		return x
	}
	seen := map[string]bool{}
	var optional []explainedFlag
	for _, p := range parts() {
		if !p.allows(k) {
			continue
		}
		for _, f := range p.flags {
			n := f.Names()[0]
			if seen[n] {
				continue
			}
			seen[n] = true
			w := explainedFlag{Flag: n, Usage: strings.ReplaceAll(f.(cli.DocGenerationFlag).GetUsage(), "`", "")}
			for _, oneOf := range p.needs {
				if slices.Contains(k.Must, p.member) && slices.Contains(oneOf, n) {
					w.Needed = true
					w.Or = slices.DeleteFunc(slices.Clone(oneOf), func(other string) bool { return other == n })
				}
			}
			if len(w.Or) > 0 {
				w.Usage += " (or --" + strings.Join(w.Or, ", --") + ")"
			}
			if w.Needed {
				x.Flags = append(x.Flags, w)
			} else {
				optional = append(optional, w)
			}
		}
	}
	x.Flags = append(x.Flags, optional...)
	return x
}

func explainProblems(c *cli.Context, e *env) error {
	type list struct {
		V        int               `json:"v"`
		Problems []lifecycle.Check `json:"problems"`
	}
	out := list{1, lifecycle.Catalogue()}
	return e.result(c, out, func(w io.Writer) error {
		for _, p := range out.Problems {
			fmt.Fprintf(w, "%-22s %-8s %s\n", p.Code, p.Severity, p.Summary)
		}
		return nil
	})
}

func explainProblem(c *cli.Context, e *env, p lifecycle.Check) error {
	type one struct {
		V int `json:"v"`
		lifecycle.Check
	}
	return e.result(c, one{1, p}, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s (%s): %s\n\nwhy   %s\nhint  %s\n", p.Code, p.Severity, p.Summary, p.Why, p.Hint)
		return err
	})
}

func explainToolchain(c *cli.Context, e *env) error {
	type field struct {
		Name    string `json:"name"`
		Summary string `json:"summary"`
	}
	type list struct {
		V      int     `json:"v"`
		Fields []field `json:"fields"`
	}
	out := list{V: 1}
	for _, f := range toolchain.Fields() {
		out.Fields = append(out.Fields, field{f.Name, f.Summary})
	}
	return e.result(c, out, func(w io.Writer) error {
		for _, f := range out.Fields {
			fmt.Fprintf(w, "%-24s %s\n", f.Name, f.Summary)
		}
		return nil
	})
}
