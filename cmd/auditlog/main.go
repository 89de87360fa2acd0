// Auditlog makes the training of models accountable: it records the events of a
// model version's life in a ledger that nobody can change unseen. See README.md,
// or `auditlog --help`.
//
// A command is a file: a function that gives a *cli.Command, listed in newApp.
// What every command has (--ledger, --key, --json, --quiet, …) is in common.go,
// with what opens the ledger and the keys.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
	"github.com/mmaudit/mmaudit/internal/suggest"
)

const name = "auditlog"

func main() {
	clikit.CollectLate(100)
	os.Exit(clikit.Main(name, os.Args[1:], os.Stderr, func(args []string) int {
		return run(context.Background(), args, os.Stdin, os.Stdout, os.Stderr)
	}))
}

// run is the whole command: it gives the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	e := &env{stdin: stdin, stdout: stdout, stderr: stderr}
	app := newApp(e)
	if len(args) > 0 && args[0] == clikit.CompleteWord {
		for _, w := range complete(app, args[1:]) {
			fmt.Fprintln(stdout, w)
		}
		return clikit.OK
	}
	if err := forgotDashes(app, args); err != nil {
		return clikit.Finish(name, sayError(err), stderr)
	}
	words := arrange(app, args)
	if len(words) == 0 || words[0] != "exec" {
		// A watched command has the signals of this process for itself.
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	}
	err := app.RunContext(ctx, append([]string{name}, words...))
	return clikit.Finish(name, sayError(err), stderr)
}

// An env is what the commands have of the outside.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

const description = `auditlog records the events of a model version's life, from the registration of
its data to its retirement, in a ledger that nobody can change unseen. Data are
named by SHA3-512, records are signed, and proofs verify without the ledger.

The ledger is --ledger DIR, or AUDITLOG_LEDGER, or the nearest folder .auditlog
in the working folder or above; fabric:PROFILE.yaml in the place of DIR is one on
a channel of Hyperledger Fabric. The signing key is --key FILE, or AUDITLOG_KEY,
or auditlog/key.pem in the user's folder of configurations.

Exit status:
   0  done; verified
   1  verification failed, or is incomplete
   2  wrong flags, arguments, or no ledger there
   3  could not run to the end; nothing was recorded unless the message says so
 130  interrupted; nothing was recorded unless the message says so`

func newApp(e *env) *cli.App {
	commands := []*cli.Command{
		initCommand(e), keysCommand(e), fingerprintCommand(e),
		recordCommand(e), execCommand(e), signCommand(e), appendCommand(e),
		statusCommand(e), queryCommand(e), verifyCommand(e), bundleCommand(e), checkpointCommand(e), explainCommand(e),
		exportCommand(e), anchorCommand(e), copyCommand(e), fabricCommand(e),
		clikit.CompletionCommand(name, e.stdout), versionCommand(e),
	}
	shareFlags(commands)
	app := clikit.NewApp(name, commands)
	app.Usage = "record, query and prove the life of model versions"
	app.UsageText = "auditlog COMMAND [flags] ..."
	app.Description = description
	app.Reader, app.Writer, app.ErrWriter = e.stdin, e.stdout, e.stderr
	app.HideVersion = true
	app.DisableSliceFlagSeparator = true // commas are part of values
	app.Flags = clikit.Named([]cli.Flag{&cli.BoolFlag{Name: "version", Usage: "print the version"}})
	app.Action = func(c *cli.Context) error {
		if c.Bool("version") {
			return printVersion(e)
		}
		return unknownCommand(c, app.Commands)
	}
	return app
}

// unknownCommand is the action of what has subcommands.
func unknownCommand(c *cli.Context, commands []*cli.Command) error {
	at := name
	if c.Command != nil && c.Command.Name != name && c.Command.Name != "" {
		at += " " + c.Command.Name
	}
	hint := fmt.Sprintf("`%s --help` lists the commands", at)
	if c.NArg() == 0 {
		return clikit.Usagef(hint, "no command given")
	}
	var names []string
	for _, k := range commands {
		names = append(names, k.Name)
	}
	given := c.Args().First()
	if near := suggest.Nearest(given, names); near != "" {
		hint = fmt.Sprintf("did you mean `%s %s`?", at, near)
	}
	return clikit.Usagef(hint, "unknown command %q", given)
}

// arrange puts the command first and flags before arguments, wherever they
// were written.
func arrange(app *cli.App, args []string) []string {
	flags, arguments, open := clikit.Separate(allFlags(app), args)
	if len(arguments) > 0 && arguments[0] == "help" { // many commands have it
		flags, arguments = []string{"--help"}, arguments[1:]
	}
	var out []string
	command, arguments := descend(app, arguments)
	if command == nil && len(arguments) > 0 && !slices.Contains(flags, "--help") && !slices.Contains(flags, "-h") {
		return []string{"--", arguments[0]} // no flag matters before the command is known
	}
	for ; command != nil; command = command.sub {
		out = append(out, command.Name)
	}
	out = append(out, flags...)
	if len(arguments) > 0 && !open { // else they would be taken for the missing value
		out = append(append(out, "--"), arguments...)
	}
	return out
}

// path is a command and the one below it that was named.
type path struct {
	*cli.Command
	sub *path
}

// descend takes the names of a command and its subcommands off the arguments.
func descend(app *cli.App, arguments []string) (*path, []string) {
	var first *path
	next, commands := &first, app.Commands
	for len(arguments) > 0 {
		i := find(commands, arguments[0])
		if i < 0 {
			break
		}
		*next = &path{Command: commands[i]}
		next, commands, arguments = &(*next).sub, commands[i].Subcommands, arguments[1:]
	}
	return first, arguments
}

func find(commands []*cli.Command, name string) int {
	for i, c := range commands {
		if c.HasName(name) {
			return i
		}
	}
	return -1
}

func versionCommand(e *env) *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version",
		Description: "Exit status: 0 printed.",
		Action: func(c *cli.Context) error {
			type printed struct {
				V       int    `json:"v"`
				Name    string `json:"name"`
				Version string `json:"version"`
			}
			return e.result(c, printed{1, name, clikit.Version()}, func(io.Writer) error { return printVersion(e) })
		},
	}
}

func printVersion(e *env) error {
	_, err := fmt.Fprintln(e.stdout, name, clikit.Version())
	return err
}
