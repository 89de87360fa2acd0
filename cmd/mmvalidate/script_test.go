package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit/clitest"
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
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
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
			env.Setenv("TOP", top)
			env.Setenv("NO_COLOR", "1")
			env.Setenv("PATH", tools+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
			return os.WriteFile(filepath.Join(env.WorkDir, "readme-prints"), []byte(prints), 0o644)
		},
		Cmds: clitest.Cmds,
	})
}

func TestEveryFlagHasAScript(t *testing.T) {
	app := newApp(&env{})
	clitest.EveryFlagHasAScript(t, name, append(app.Commands, &cli.Command{Name: "check", Flags: app.Flags}))
}
