package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/urfave/cli/v2"

	"github.com/mmaudit/mmaudit/internal/clikit/clitest"
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
		Setup:               setUp,
		Cmds:                clitest.Cmds,
	})
}

// setUp has a script find nothing of its surroundings.
func setUp(env *testscript.Env) error {
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
}

func TestEveryFlagHasAScript(t *testing.T) {
	clitest.EveryFlagHasAScript(t, name, newApp(&env{}).Commands)
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
