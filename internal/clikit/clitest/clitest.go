// Package clitest is what the scripts of the commands share.
package clitest

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

// Cmds are the words of scripts.
var Cmds = map[string]func(*testscript.TestScript, bool, []string){"status": status}

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

// EveryFlagHasAScript fails for a command or flag of a program that no script in
// testdata/script uses. A flag that several commands share is used if one of them
// has it.
func EveryFlagHasAScript(t *testing.T, program string, commands []*cli.Command) {
	t.Helper()
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
			if !regexp.MustCompile(line + `\b`).MatchString(all.String()) {
				t.Errorf("no script runs %s", line)
			}
			for _, f := range c.Flags {
				var names []string
				for _, n := range f.Names() {
					names = append(names, strings.Repeat("-", min(2, len(n)))+n)
				}
				uses := `(?m)^\S.*` + program + ` .* ?(` + strings.Join(names, "|") + `)\b`
				if !regexp.MustCompile(uses).MatchString(all.String()) {
					t.Errorf("no script uses %s of %s", names[0], line)
				}
			}
			visit(line, c.Subcommands)
		}
	}
	visit(program, commands)
}
