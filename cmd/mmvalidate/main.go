// Mmvalidate proves that a multimodal driving data set is what it claims to
// be. See README.md, or `mmvalidate --help`.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit"
)

const name = "mmvalidate"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	// The tables of a data set live long and little else does: collecting often
	// costs nothing and saves a third of the memory (docs/performance.md).
	clikit.CollectLate(10)
	os.Exit(clikit.Main(name, os.Args[1:], os.Stderr, func(args []string) int {
		return run(ctx, args, os.Stdin, os.Stdout, os.Stderr)
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
	err := app.RunContext(ctx, append([]string{name}, arrange(app, args)...))
	return clikit.Finish(name, err, stderr)
}

// An env is what the commands have of the outside.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
}

const description = `mmvalidate validates KITTI, nuScenes, Lyft L5 and Autoware T4 data sets, the
metadata fields sensor_sync_id, temporal_offset_ns and modality_schema on every
annotated sample, and that data sets of one drive tell one story.

Exit status:
   0  clean: no finding at or above --fail-on
   1  findings at or above --fail-on
   2  wrong flags, arguments or configuration
   3  could not finish; the report says what is missing
 130  interrupted; the partial report says so`

func newApp(e *env) *cli.App {
	app := clikit.NewApp(name, []*cli.Command{
		checkCommand(e), annotateCommand(e), detectCommand(e),
		rulesCommand(e), explainCommand(e),
		baselineCommand(e), fixCommand(e), schemaCommand(e), clikit.CompletionCommand(name, e.stdout),
	})
	app.Usage = "validate multimodal driving data sets"
	app.UsageText = "mmvalidate [flags] DIR...\nmmvalidate COMMAND [flags] ..."
	app.Description = description
	app.Reader, app.Writer, app.ErrWriter = e.stdin, e.stdout, e.stderr
	app.HideVersion = true // the library's flag would take -v
	app.Flags = clikit.Named(append(checkFlags(), &cli.BoolFlag{Name: "version", Usage: "print the version"}))
	app.Action = func(c *cli.Context) error {
		if c.Bool("version") {
			_, err := fmt.Fprintln(e.stdout, name, clikit.Version())
			return err
		}
		return check(c, e)
	}
	return app
}

// arrange puts the command first and flags before arguments, wherever they
// were written. Without a command, the root's action validates.
func arrange(app *cli.App, args []string) []string {
	flags, arguments, open := clikit.Separate(allFlags(app), args)
	if len(arguments) > 0 && arguments[0] == "help" { // many commands have it
		flags, arguments = []string{"--help"}, arguments[1:]
	}
	var out []string
	if len(arguments) > 0 {
		if c := app.Command(arguments[0]); c != nil {
			out, arguments = []string{c.Name}, arguments[1:]
		}
	}
	out = append(out, flags...)
	if len(arguments) > 0 && !open { // else they would be taken for the missing value
		out = append(append(out, "--"), arguments...)
	}
	return out
}
