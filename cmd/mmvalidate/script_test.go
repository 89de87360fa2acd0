package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mmaudit/mmaudit/internal/datagen"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"mmvalidate": func() { main() },
		"gen":        tool(gen),
		"break":      tool(breakRule),
	})
}

func tool(f func(args []string) error) func() {
	return func() {
		if err := f(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// gen FORMAT DIR [FRAMES] makes a valid data set.
func gen(args []string) error {
	frames := 0
	if len(args) > 2 {
		var err error
		if frames, err = strconv.Atoi(args[2]); err != nil {
			return err
		}
	}
	return datagen.Generate(args[0], args[1], 7, frames)
}

// break RULE DIR applies the rule's first mutation.
func breakRule(args []string) error {
	return datagen.Break(args[0], args[1])
}

// TestScripts runs every command and flag as a user would: testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("NO_COLOR", "1")
			return nil
		},
	})
}

// TestInterrupt ends a run by a signal: the report says that it is partial.
func TestInterrupt(t *testing.T) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGUSR1)
	stop()
	_ = ctx
}
