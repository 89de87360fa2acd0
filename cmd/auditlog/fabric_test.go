package main

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mmaudit/mmaudit/internal/clikit/clitest"
	"github.com/mmaudit/mmaudit/internal/fabricnet"
)

// TestFabric runs the scripts of testdata/fabric, each with a ledger of its own
// on one network, and these files of connection profiles:
//
//	writer.yaml     a writer of organisation 1
//	writer2.yaml    a writer of organisation 2
//	regulator.yaml  a reader of organisation 2
//	foreign.yaml    an organisation that is none of the channel
//	forged.yaml     says to be a writer of organisation 1, which did not issue it
//	expired.yaml    a writer of organisation 1 whose certificate has expired
//	cut.yaml        writer.yaml by way of a line that `network cut` cuts
//
// Besides those of all scripts there are the words
//
//	network cut, network mend   end the line of cut.yaml, and put it back
//	await FILE                  waits for a file, whose name may be a pattern
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
	names = append(names, "copied") // where copy.txtar copies to
	n := fabricNetwork(t, names...)
	profiles := fabricProfiles(t, n)
	t.Run("scripts", func(t *testing.T) { // ends when all of them have
		testscript.Run(t, testscript.Params{
			Dir:                 "testdata/fabric",
			RequireExplicitExec: true,
			RequireUniqueNames:  true,
			Setup: func(env *testscript.Env) error {
				if err := setUp(env); err != nil {
					return err
				}
				ledger := strings.TrimPrefix(filepath.Base(env.WorkDir), "script-")
				for name, profile := range profiles {
					if err := os.WriteFile(filepath.Join(env.WorkDir, name), []byte(profile(ledger)), 0o644); err != nil {
						return err
					}
				}
				cut, line, err := cutProfile(profiles["writer.yaml"](ledger), n)
				if err != nil {
					return err
				}
				env.Defer(line.cut)
				env.Values[lineKey{}] = line
				return os.WriteFile(filepath.Join(env.WorkDir, "cut.yaml"), []byte(cut), 0o644)
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"status": clitest.Cmds["status"], "network": network, "await": await,
			},
		})
	})
}

// fabricNetwork starts a network with the true chaincode under the names.
func fabricNetwork(t testing.TB, names ...string) *fabricnet.Network {
	t.Helper()
	chaincode := filepath.Join(t.TempDir(), "auditlog-chaincode")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", chaincode, "../auditlog-chaincode").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	n, err := fabricnet.Start(t.Context(), fabricnet.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	if _, err := n.Deploy(t.Context(), fabricnet.Chaincode{Path: chaincode, Args: []string{"--insecure"}}, names...); err != nil {
		t.Fatal(err)
	}
	return n
}

// fabricProfiles makes the profiles of TestFabric, for a chaincode each.
func fabricProfiles(t testing.TB, n *fabricnet.Network) map[string]func(chaincode string) string {
	t.Helper()
	writes := fabricnet.Claims{Attributes: map[string]string{"auditlog.role": "writer"}}
	reads := fabricnet.Claims{Attributes: map[string]string{"auditlog.role": "reader"}}
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
			return n.Profile(chaincode, who) + "timeouts: {commit: 10s, append: 20s}\n"
		}
	}
	return profiles
}

type lineKey struct{}

// A line is what connects clients with peers until it is cut.
type line struct {
	to map[string]string // address to listen on, and where that leads

	mu     sync.Mutex // guards what follows
	open   []io.Closer
	closed bool
}

// cutProfile leads the peers of a profile over a line.
func cutProfile(profile string, n *fabricnet.Network) (string, *line, error) {
	l := &line{to: map[string]string{}}
	for _, o := range n.Orgs {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", nil, err
		}
		at := free.Addr().String()
		l.to[at] = o.Peer.Address
		l.serve(free, o.Peer.Address)
		profile = strings.ReplaceAll(profile, o.Peer.Address, at)
	}
	return profile, l, nil
}

// keep keeps what is to be closed by cut, and reports whether it was too late.
func (l *line) keep(c io.Closer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		c.Close()
		return false
	}
	l.open = append(l.open, c)
	return true
}

func (l *line) serve(from net.Listener, to string) {
	l.keep(from)
	go func() {
		for {
			a, err := from.Accept()
			if err != nil {
				return
			}
			b, err := net.Dial("tcp", to)
			if err != nil {
				a.Close()
				continue
			}
			if l.keep(a) && l.keep(b) {
				go func() { io.Copy(a, b); a.Close() }()
				go func() { io.Copy(b, a); b.Close() }()
			}
		}
	}()
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, c := range l.open {
		c.Close()
	}
	l.open = nil
}

func (l *line) mend() error {
	l.mu.Lock()
	l.closed = false
	l.mu.Unlock()
	for at, to := range l.to {
		from, err := net.Listen("tcp", at)
		if err != nil {
			return err
		}
		l.serve(from, to)
	}
	return nil
}

func network(ts *testscript.TestScript, neg bool, args []string) {
	l := ts.Value(lineKey{}).(*line)
	switch strings.Join(args, " ") {
	case "cut":
		l.cut()
	case "mend":
		ts.Check(l.mend())
	default:
		ts.Fatalf("usage: network cut|mend")
	}
}

// await waits for a file that another process of the script makes.
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for ctx.Err() == nil {
		if found, err := filepath.Glob(ts.MkAbs(args[0])); err != nil || len(found) > 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s did not come", args[0])
}
