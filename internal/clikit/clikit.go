// Package clikit is what both commands share at the terminal: how they speak
// of errors, which exit statuses they have, where flags may stand, and when a
// progress bar is shown.
package clikit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/lazyre"
	"github.com/mmaudit/mmaudit/internal/suggest"
)

// Exit statuses of both commands.
const (
	OK          = 0   // nothing wrong
	Findings    = 1   // findings at or above --fail-on; verification failed
	Usage       = 2   // wrong flags, arguments or configuration
	Failed      = 3   // could not finish: the answer is incomplete
	Interrupted = 130 // ended by Ctrl-C or SIGTERM
)

// An Error ends a command with an exit status, a message and a hint.
// Err may be nil: the status says it all.
type Error struct {
	Code int
	Err  error
	Hint string
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit status %d", e.Code)
	}
	return e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Usagef makes an error about how the command was called.
func Usagef(hint, format string, args ...any) error {
	return &Error{Code: Usage, Err: fmt.Errorf(format, args...), Hint: hint}
}

// Finish prints err as `name: error: …` and `hint: …`, and gives the exit
// status that it stands for.
func Finish(name string, err error, stderr io.Writer) int {
	if err == nil {
		return OK
	}
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Code: Failed, Err: err}
		if errors.Is(err, context.Canceled) {
			e.Code = Interrupted
		}
	}
	if e.Err != nil {
		fmt.Fprintf(stderr, "%s: error: %s\n", name, oneLine(e.Err.Error()))
		if e.Hint != "" {
			fmt.Fprintf(stderr, "hint: %s\n", e.Hint)
		}
	}
	return e.Code
}

// oneLine keeps what comes from file names from forging further lines, also
// such as a runner of workflows obeys ("::error::"), and from steering the
// terminal.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  - "))
}

// NewApp gives an app whose errors come back to the caller instead of ending
// the process, and whose every command refuses unknown flags in our words.
func NewApp(name string, commands []*cli.Command) *cli.App {
	onUsage := func(c *cli.Context, err error, _ bool) error {
		at := name
		if c.Command != nil && c.Command.Name != "" && c.Command.Name != name {
			at += " " + c.Command.Name
		}
		msg, hint := flagError(err, c)
		return Usagef(cmp.Or(hint, fmt.Sprintf("`%s --help` lists the flags", at)), "%s", msg)
	}
	prepare(commands, onUsage)
	cli.FlagStringer = flagLine // the library keeps it in a variable of its own
	for _, t := range []*string{&cli.CommandHelpTemplate, &cli.SubcommandHelpTemplate} {
		before, _, _ := strings.Cut(*t, "{{if .VisibleFlagCategories}}")
		*t = before + options
	}
	return &cli.App{
		Name: name, HelpName: name, Commands: commands,
		OnUsageError:           onUsage,
		ExitErrHandler:         func(*cli.Context, error) {},
		HideHelpCommand:        true,
		UseShortOptionHandling: true,
	}
}

// options lists flags in the order of the command, under their headings. The
// library would sort them by their letters.
const options = `{{$at := ""}}{{if .VisibleFlags}}

OPTIONS:{{range $i, $f := .VisibleFlags}}{{if and .GetCategory (ne .GetCategory $at)}}{{$at = .GetCategory}}{{if $i}}
{{end}}
  {{$at}}:{{end}}
   {{.String}}{{end}}
{{end}}`

// byHeading keeps the flags of a heading together: first those without one, then
// the headings in the order in which they are met.
func byHeading(flags []cli.Flag) {
	met := []string{""}
	at := func(f cli.Flag) int {
		heading := ""
		if c, ok := f.(cli.CategorizableFlag); ok {
			heading = c.GetCategory()
		}
		if !slices.Contains(met, heading) {
			met = append(met, heading)
		}
		return slices.Index(met, heading)
	}
	for _, f := range flags {
		at(f)
	}
	slices.SortStableFunc(flags, func(a, b cli.Flag) int { return cmp.Compare(at(a), at(b)) })
}

func prepare(commands []*cli.Command, onUsage cli.OnUsageErrorFunc) {
	for _, cmd := range commands {
		cmd.OnUsageError = onUsage
		cmd.HideHelpCommand = true
		cmd.UseShortOptionHandling = true
		byHeading(cmd.Flags)
		Named(cmd.Flags)
		prepare(cmd.Subcommands, onUsage)
	}
}

// Named has flags know their names, in place: those of commands do, by NewApp.
func Named(flags []cli.Flag) []cli.Flag {
	for i, f := range flags {
		switch d := f.(type) {
		case *cli.StringSliceFlag:
			flags[i] = namedSlice{d, namesOf(d.Name, d.Aliases)}
		case *cli.StringFlag:
			flags[i] = named{d, namesOf(d.Name, d.Aliases)}
		case *cli.BoolFlag:
			flags[i] = named{d, namesOf(d.Name, d.Aliases)}
		case cli.DocGenerationFlag:
			flags[i] = named{d, f.Names()}
		}
	}
	return flags
}

func namesOf(name string, aliases []string) []string {
	return append([]string{name}, aliases...)
}

// named knows the names of a flag. The library computes them, by a regular
// expression, for each flag whenever it looks one up: with sixty flags that
// took longer than what the command does.
type named struct {
	cli.DocGenerationFlag
	names []string
}

func (n named) Names() []string { return n.names }

// String is the flag's line in the help. The library makes those of all flags
// of all commands before it knows which one is run.
func (n named) String() string { return flagLine(n) }

func (n named) IsVisible() bool {
	v, ok := n.DocGenerationFlag.(cli.VisibleFlag)
	return ok && v.IsVisible()
}

// GetCategory gives the heading under which the help lists the flag.
func (n named) GetCategory() string {
	c, ok := n.DocGenerationFlag.(cli.CategorizableFlag)
	if !ok {
		return ""
	}
	return c.GetCategory()
}

// Under puts flags under a heading of the help.
func Under(heading string, flags []cli.Flag) []cli.Flag {
	for _, f := range flags {
		switch f := f.(type) {
		case *cli.StringFlag:
			f.Category = heading
		case *cli.StringSliceFlag:
			f.Category = heading
		case *cli.BoolFlag:
			f.Category = heading
		case *cli.IntFlag:
			f.Category = heading
		case *cli.DurationFlag:
			f.Category = heading
		}
	}
	return flags
}

// namedSlice is the same, and keeps the method by which the library tells the
// flag whether commas separate values.
type namedSlice struct {
	*cli.StringSliceFlag
	names []string
}

func (n namedSlice) Names() []string { return n.names }

func (n namedSlice) String() string { return flagLine(n) }

// flagLine is a flag's line in the help: "-o, --output FILE<TAB>write to FILE".
// The placeholder is what stands in backquotes in the usage. Defaults that are
// a flag's zero value say nothing and are left out.
func flagLine(f cli.Flag) string {
	d, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return ""
	}
	var names []string
	for _, n := range f.Names() {
		if len(n) == 1 {
			names = append([]string{dashed(n)}, names...)
		} else {
			names = append(names, dashed(n))
		}
	}
	usage, value := d.GetUsage(), ""
	if before, rest, found := strings.Cut(usage, "`"); found {
		if word, after, closed := strings.Cut(rest, "`"); closed {
			usage, value = before+word+after, " "+word
		}
	}
	if v := strings.Trim(d.GetDefaultText(), `"`); d.TakesValue() && v != "" && v != "0" && v != "0s" {
		usage += " (default: " + v + ")"
	}
	if v := d.GetEnvVars(); len(v) > 0 {
		usage += " (or " + v[0] + ")"
	}
	return strings.Join(names, ", ") + value + "\t" + usage
}

var badValue = lazyre.New(`^invalid (?:boolean )?value "(.*)" for (?:flag )?-(\S+): `)

// flagError puts the flag package's errors into our words: "unknown flag --foo
// (did you mean --format?)". hint may be "".
func flagError(err error, c *cli.Context) (msg, hint string) {
	flags := c.App.Flags
	if c.Command != nil && c.Command.Name != c.App.Name {
		flags = c.Command.Flags
	}
	if given, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		given = strings.TrimLeft(given, "-")
		var known []string
		for _, f := range flags {
			known = append(known, f.Names()...)
		}
		msg = "unknown flag " + dashed(given)
		if near := suggest.Nearest(given, known); len(near) > 1 {
			msg += " (did you mean " + dashed(near) + "?)"
		}
		return msg, ""
	}
	if given, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
		return dashed(strings.TrimLeft(given, "-")) + " wants a value", ""
	}
	if m := badValue().FindStringSubmatch(err.Error()); m != nil {
		for _, f := range flags {
			if !slices.Contains(f.Names(), m[2]) {
				continue
			}
			if n, ok := f.(named); ok {
				f = n.DocGenerationFlag
			}
			switch f.(type) {
			case *cli.IntFlag, *cli.Int64Flag:
				hint = "a whole number"
			case *cli.DurationFlag:
				hint = "a number with a unit, such as 90s, 10m or 1h30m"
			case *cli.BoolFlag:
				hint = "the flag stands alone"
			}
		}
		return fmt.Sprintf("%s %q cannot be read", dashed(m[2]), m[1]), hint
	}
	return err.Error(), ""
}

// dashed writes a flag's name as it is typed.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// Separate tells flags, with their values, from arguments, so that flags may
// stand anywhere: `mmvalidate DIR --format json` means what it says. Every
// word after "--" is an argument. open says that the last flag wants a value
// and no word is left for it.
func Separate(flags []cli.Flag, args []string) (flagWords, arguments []string, open bool) {
	takesValue := map[string]bool{}
	for _, f := range flags {
		d, ok := f.(cli.DocGenerationFlag)
		for _, n := range f.Names() {
			takesValue[n] = ok && d.TakesValue()
		}
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return flagWords, append(arguments, args[i+1:]...), false
		}
		if len(a) < 2 || a[0] != '-' {
			arguments = append(arguments, a)
			continue
		}
		flagWords = append(flagWords, a)
		name, _, inline := strings.Cut(strings.TrimLeft(a, "-"), "=")
		if !inline && takesValue[name] {
			if i++; i == len(args) {
				return flagWords, arguments, true
			}
			flagWords = append(flagWords, args[i])
		}
	}
	return flagWords, arguments, false
}
