package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/ledger/fabric"
)

func fabricCheckCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "say whether a profile and its network work", ArgsUsage: "PROFILE",
		Description: "Looks at the certificate and key of the client, at each peer (reachable, TLS, channel,\n" +
			"chaincode, history), whether all peers have one chain, what is committed, and whether\n" +
			"the organisations that must can endorse. It changes nothing, so that orderers are not\n" +
			"looked at: a record shows whether they work. A line says ok, failed or skipped, and\n" +
			"what to do; --json prints one document. A peer that does not answer may take a minute.\n\n" +
			"Exit status: 0 nothing failed, 1 something did, 2 usage, 3 could not run to the end.",
		Action: func(c *cli.Context) error { return fabricCheck(c, e) },
	}
}

func fabricCheck(c *cli.Context, e *env) error {
	file, err := oneArgument(c, "auditlog fabric check audit.yaml")
	if err != nil {
		return err
	}
	p, err := fabric.LoadProfile(strings.TrimPrefix(file, "fabric:"))
	if err != nil {
		return usageError(err, "`auditlog fabric profile` prints one to fill in, --from a connection profile of Fabric")
	}
	type report struct {
		V       int            `json:"v"`
		Profile string         `json:"profile"`
		Outcome fabric.Status  `json:"outcome"`
		Checks  []fabric.Check `json:"checks"`
	}
	r := report{1, p.File(), fabric.OK, nil}
	err = fabric.Diagnose(c.Context, p, func(k fabric.Check) {
		if k.Status == fabric.Failed {
			r.Outcome = fabric.Failed
		}
		r.Checks = append(r.Checks, k)
		if !c.Bool("json") {
			printFabricCheck(e.stdout, k) // one may take long
		}
	})
	if err != nil {
		return err
	}
	if err := e.result(c, r, func(io.Writer) error { return nil }); err != nil {
		return err
	}
	if r.Outcome == fabric.Failed {
		return &clikit.Error{Code: clikit.Findings}
	}
	return nil
}

func printFabricCheck(w io.Writer, k fabric.Check) {
	of := ""
	if k.Of != "" {
		of = k.Of + ": "
	}
	fmt.Fprintf(w, "%-8s %-13s %s\n", k.Status, k.Name, printable(of+k.Says))
	if k.Hint != "" {
		fmt.Fprintf(w, "%23shint: %s\n", "", printable(k.Hint))
	}
}
