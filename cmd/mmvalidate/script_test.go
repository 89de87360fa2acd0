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
// UPDATE_SCRIPTS=1 rewrites what they compare with.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("starts hundreds of processes: run without -short")
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, prints, _ := strings.Cut(string(readme), "prints:\n\n```\n")
	prints, _, _ = strings.Cut(prints, "```\n")
	tools := t.TempDir()
	build := exec.Command("go", "build", "-o", tools, "github.com/mmaudit/mmaudit/internal/datagen/mmgen")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			env.Setenv("PATH", tools+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			return os.WriteFile(filepath.Join(env.WorkDir, "readme-prints"), []byte(prints), 0o644)
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
	app := newApp(&env{})
	for _, c := range append(app.Commands, &cli.Command{Name: "check", Flags: app.Flags}) {
		if !regexp.MustCompile(`mmvalidate ` + c.Name + `\b`).MatchString(all.String()) {
			t.Errorf("no script runs %s", c.Name)
		}
		for _, f := range c.Flags {
			var names []string
			for _, n := range f.Names() {
				names = append(names, strings.Repeat("-", min(2, len(n)))+n)
			}
			line := `(?m)^\S.*mmvalidate .* ?(` + strings.Join(names, "|") + `)\b`
			if !regexp.MustCompile(line).MatchString(all.String()) {
				t.Errorf("no script uses %s of %s", names[0], c.Name)
			}
		}
	}
}
