package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mmaudit/mmaudit/internal/clikit/clitest"
	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/internal/fabricnet/nettest"
)

// TestFabric runs the scripts of testdata/fabric, each with a ledger of its own
// on one network, and these profiles:
//
//	writer.yaml     a writer of organisation 1
//	writer2.yaml    a writer of organisation 2
//	regulator.yaml  a reader of organisation 2
//	foreign.yaml    an organisation that is none of the channel
//	forged.yaml     says to be a writer of organisation 1, which did not issue it
//	expired.yaml    a writer of organisation 1 whose certificate has expired
//	cut.yaml        writer.yaml by way of a line that `network cut` cuts
//
// Some run through the SDK too. Besides those of all scripts there are the words
//
//	network cut    ends the line of cut.yaml
//	network hang   has it take calls and say nothing; the first makes the file "called"
//	network mend   puts it back
//	await FILE     waits for a file, whose name may be a pattern
func TestFabric(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a network")
	}
	t.Parallel()
	scripts, err := filepath.Glob("testdata/fabric/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	var names []string
	for _, s := range scripts {
		names = append(names, strings.TrimSuffix(filepath.Base(s), ".txtar"))
	}
	for _, s := range throughSDK {
		names = append(names, s+withSDK)
	}
	names = append(names, "copied", "overtaken", "interrupted") // where copy.txtar copies to, and of tests below
	n := fabricNetwork(t, names...)
	profiles := fabricProfiles(t, n)
	script := func(t *testing.T, files []string, suffix, client string) {
		testscript.Run(t, testscript.Params{
			Files:               files,
			RequireExplicitExec: true,
			RequireUniqueNames:  true,
			Setup: func(env *testscript.Env) error {
				if err := setUp(env); err != nil {
					return err
				}
				ledger := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-") + suffix
				for name, profile := range profiles {
					if err := os.WriteFile(filepath.Join(env.WorkDir, name), []byte(profile(ledger)+client), 0o644); err != nil {
						return err
					}
				}
				cut, line, err := cutProfile(profiles["writer.yaml"](ledger), n)
				if err != nil {
					return err
				}
				line.dir = env.WorkDir
				env.Defer(line.cut)
				env.Values[lineKey{}] = line
				return os.WriteFile(filepath.Join(env.WorkDir, "cut.yaml"), []byte(cut+client), 0o644)
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"status": clitest.Cmds["status"], "network": network, "await": await,
			},
		})
	}
	t.Run("scripts", func(t *testing.T) { script(t, scripts, "", "") }) // ends when all of them have
	t.Run("sdk", func(t *testing.T) {
		program, err := fabricnet.SDK(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		var files []string
		for _, s := range throughSDK {
			files = append(files, "testdata/fabric/"+s+".txtar")
		}
		script(t, files, withSDK, "client: sdk\nsdk: "+program+"\n")
	})
	t.Run("interrupted", func(t *testing.T) { testInterrupted(t, n, profiles["writer.yaml"]("interrupted")) })
	t.Run("overtaken", func(t *testing.T) { testOvertaken(t, profiles["writer.yaml"]("overtaken")) })
}

// throughSDK are scripts that run once more with `client: sdk` in each profile,
// on chaincodes with withSDK behind their names.
var throughSDK = []string{"life", "proof", "bundle", "attacks"}

const withSDK = "-sdk"

// fabricNetwork starts a network with the true chaincode under the names.
func fabricNetwork(t testing.TB, names ...string) *fabricnet.Network {
	t.Helper()
	chaincode := filepath.Join(t.TempDir(), "auditlog-chaincode")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", chaincode, "../auditlog-chaincode").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	n := nettest.Start(t, fabricnet.Options{})
	nettest.Deploy(t, n, fabricnet.Chaincode{Path: chaincode, Args: []string{"--insecure"}}, names...)
	return n
}

// fabricProfiles makes the profiles of TestFabric, for a chaincode each.
func fabricProfiles(t testing.TB, n *fabricnet.Network) map[string]func(chaincode string) string {
	t.Helper()
	writes, reads := fabricnet.Claims{Role: "writer"}, fabricnet.Claims{Role: "reader"}
	late := writes
	late.NotAfter = time.Now().Add(-time.Minute)
	profiles := map[string]func(string) string{}
	for _, p := range []struct {
		name   string
		org    int
		claims fabricnet.Claims
		msp    string
	}{
		{"writer", 0, writes, ""},
		{"writer2", 1, writes, ""},
		{"regulator", 1, reads, ""},
		{"foreign", 0, writes, "Org3MSP"},
		{"forged", 0, writes, ""},
		{"expired", 0, late, ""},
	} {
		issue := n.Orgs[p.org].Issue
		if p.name == "forged" {
			issue = n.Orgs[p.org].Forge
		}
		who, err := issue(p.name, p.claims)
		if err != nil {
			t.Fatal(err)
		}
		if p.msp != "" {
			who.MSP = p.msp
		}
		profiles[p.name+".yaml"] = func(chaincode string) string {
			return n.Profile(chaincode, who) + "timeouts: {commit: 10s, append: 60s}\n"
		}
	}
	return profiles
}
