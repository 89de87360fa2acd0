package main

import (
	"github.com/urfave/cli/v2"
)

func fabricCommand(e *env) *cli.Command {
	c := &cli.Command{
		Name: "fabric", Usage: "set up a ledger on Hyperledger Fabric",
		Description: "What an operator needs beside the tools of Fabric; docs/fabric.md says how it goes together.\n\n" +
			"Exit status: that of the subcommand.",
		Subcommands: []*cli.Command{fabricPackageCommand(e), fabricProfileCommand(e), fabricCheckCommand(e)},
	}
	c.Action = func(ctx *cli.Context) error { return unknownCommand(ctx, c.Subcommands) }
	return c
}
