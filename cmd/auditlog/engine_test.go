package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mmaudit/mmaudit/internal/clikit/clitest"
	"github.com/mmaudit/mmaudit/internal/keccak"
)

// TestEngines runs the scripts of fingerprints with each way to compute SHA-3
// that there is anywhere.
func TestEngines(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes: run without -short")
	}
	scripts, err := filepath.Glob("testdata/script/fingerprint*")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts: ", err)
	}
	for _, name := range []string{"avx512", "avx2", "scalar"} {
		t.Run(name, func(t *testing.T) {
			if !slices.ContainsFunc(keccak.Engines(), func(e keccak.Engine) bool { return e.Name == name }) {
				t.Skip("this processor does not have it")
			}
			testscript.Run(t, testscript.Params{
				Files: scripts, RequireExplicitExec: true, Cmds: clitest.Cmds,
				Setup: func(env *testscript.Env) error {
					env.Setenv("AUDITLOG_SHA3", name)
					return setUp(env)
				},
			})
		})
	}
}
