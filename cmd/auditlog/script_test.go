package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){name: main})
}

// TestScripts runs every command and flag as a user would (testdata/script).
// Keys and marks lie in the script's own folder. UPDATE_SCRIPTS=1 rewrites what
// they compare with.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts hundreds of processes: run without -short")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			top, err := filepath.Abs("../..")
			if err != nil {
				return err
			}
			env.Setenv("TOP", top)
			env.Setenv("NO_COLOR", "1")
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, ".config"))
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, ".state"))
			env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": status},
	})
}

// status N COMMAND... runs the command, which must end with exit status N.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// TestEveryFlagHasAScript makes a command or flag that no script uses fail the
// build. A flag that several commands share is used if one of them has it.
func TestEveryFlagHasAScript(t *testing.T) {
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	var visit func(at string, commands []*cli.Command)
	visit = func(at string, commands []*cli.Command) {
		for _, c := range commands {
			line := at + " " + c.Name
			if !regexp.MustCompile(`auditlog` + line + `\b`).MatchString(all.String()) {
				t.Errorf("no script runs%s", line)
			}
			for _, f := range c.Flags {
				var names []string
				for _, n := range f.Names() {
					names = append(names, strings.Repeat("-", min(2, len(n)))+n)
				}
				uses := `(?m)^\S.*auditlog .* ?(` + strings.Join(names, "|") + `)\b`
				if !regexp.MustCompile(uses).MatchString(all.String()) {
					t.Errorf("no script uses %s of%s", names[0], line)
				}
			}
			visit(line, c.Subcommands)
		}
	}
	visit("", newApp(&env{}).Commands)
}

// TestFlagsTakeValuesAlike: flags are told from arguments before the command is
// known, so that a name takes a value in every command or in none. --version
// alone, without a command, is the exception.
func TestFlagsTakeValuesAlike(t *testing.T) {
	takes := map[string]bool{}
	app := newApp(&env{})
	for _, f := range allFlags(app)[len(app.Flags):] {
		value := f.(cli.DocGenerationFlag).TakesValue()
		for _, n := range f.Names() {
			if had, ok := takes[n]; ok && had != value {
				t.Errorf("--%s takes a value in one command and none in another", n)
			}
			takes[n] = value
		}
	}
}
