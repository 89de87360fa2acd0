package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/internal/fabricnet/nettest"
)

// TestFabricPage does what docs/fabric.md says, as it stands there, with a
// network on which there is no chaincode yet: each organisation its part, with the
// peer program of Fabric.
func TestFabricPage(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a network")
	}
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("needs openssl")
	}
	t.Parallel()
	blocks := namedBlocks(t, "../../docs/fabric.md")
	n := nettest.Start(t, fabricnet.Options{})
	programs, err := fabricnet.Programs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir, ".", "../auditlog-chaincode").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	profiles := fabricProfiles(t, n)
	for name, text := range map[string]string{
		"connection-org1.json": connectionProfile(t, n.Orgs[0]),
		"connection-org2.json": connectionProfile(t, n.Orgs[1]),
		"regulator.yaml":       profiles["regulator.yaml"]("auditlog"),
		"filled-in.yaml":       profiles["writer.yaml"]("auditlog"),
		"data/0001.png":        "a picture",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}

	one, two := n.Orgs[0], n.Orgs[1]
	p := page{t: t, blocks: blocks, dir: dir}
	p.export("CHANNEL", n.Channel, "ORDERER", n.Orderers[0].Address, "ORDERER_CA", n.Ordering.TLSRoot(),
		"FABRIC_CFG_PATH", filepath.Join(n.Dir, "config", one.Peer.Name), "FABRIC_LOGGING_SPEC", "warn",
		"PEER1", one.Peer.Address, "PEER1_CA", one.TLSRoot(), "PEER2", two.Peer.Address, "PEER2_CA", two.TLSRoot(),
		"XDG_CONFIG_HOME", filepath.Join(dir, "config"), "XDG_STATE_HOME", filepath.Join(dir, "state"))
	p.say("PATH='%s':'%s':$PATH", dir, programs)
	p.say("{ read -r _ || kill -KILL 0; } <&3 &") // with all services, when the test ends: it holds the other end
	// A service must listen before a peer asks it.
	listens := func(log string) { p.say("until grep -q ^serving %s; do kill -0 $!; sleep 0.1; done", log) }

	p.as(n, one)
	p.run("package", "serve")
	p.say("first=$!")
	listens("cc.log")
	p.say("%s", blocks["install"])
	p.as(n, two)
	p.say("%s", blocks["package"])
	p.run("mutual")
	listens("cc.log")
	p.run("install")
	// Either organisation approved through its own peer: the other hears of it.
	p.say(`until CORE_PEER_ADDRESS=$PEER1 CORE_PEER_TLS_ROOTCERT_FILE=$PEER1_CA peer lifecycle chaincode checkcommitreadiness -C $CHANNEL -n auditlog -v 1 --sequence 1 | grep -q 'Org2MSP: true'; do sleep 0.1; done`)
	p.run("commit")
	p.say("cd %s", dir)
	p.run("profile")
	p.say("grep -q '^  msp: Org1MSP$' audit.yaml; mv filled-in.yaml audit.yaml")
	p.run("check", "record", "regulator", "anchor", "copy")
	p.as(n, one)
	p.run("move")
	listens("cc2.log")
	p.say("kill $first; cd %s\n%sauditlog record data.registered --data data", dir, blocks["check"])
	for name := range blocks {
		if !p.ran[name] {
			t.Errorf("block %q of the page is not run", name)
		}
	}

	out := p.shell()
	for _, want := range []string{
		"Org1MSP: true", "Org2MSP: true", "Version: 1, Sequence: 1", "ok       endorsement   as the policy",
		"size    4", "bev-seg 3.2.0: trained", "anchored     2 records", "verified: ", "compared   4 records", "origin  example.com/audit", "record 4 ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("nothing says %q:\n%s", want, out)
		}
	}
}

// A page is a script of what a page says.
type page struct {
	t      *testing.T
	blocks map[string]string // by name
	ran    map[string]bool
	dir    string
	script strings.Builder
}

func (p *page) say(format string, args ...any) { fmt.Fprintf(&p.script, format+"\n", args...) }

// run adds blocks.
func (p *page) run(names ...string) {
	p.t.Helper()
	for _, name := range names {
		code, ok := p.blocks[name]
		if !ok {
			p.t.Fatalf("the page has no block %q", name)
		}
		if p.ran == nil {
			p.ran = map[string]bool{}
		}
		p.ran[name] = true
		p.say("echo '== %s'\n%s", name, code)
	}
}

func (p *page) export(pairs ...string) {
	for i := 0; i < len(pairs); i += 2 {
		p.say("export %s='%s'", pairs[i], pairs[i+1])
	}
}

// as makes what follows the work of an organisation, in a folder of its own.
func (p *page) as(n *fabricnet.Network, o *fabricnet.Org) {
	p.export("CORE_PEER_TLS_ENABLED", "true", "CORE_PEER_LOCALMSPID", o.MSP, "CORE_PEER_ADDRESS", o.Peer.Address,
		"CORE_PEER_TLS_ROOTCERT_FILE", o.TLSRoot(), "CORE_PEER_MSPCONFIGPATH", filepath.Join(o.Crypto, "users", "Admin@"+o.Domain, "msp"),
		"CC_HOST", "localhost", "CC_ADDRESS", fmt.Sprint("localhost:", n.Port()))
	p.say("mkdir -p %[1]s; cd %[1]s", filepath.Join(p.dir, o.MSP))
}

// shell runs the script and gives what it says. What it left running is killed,
// even if the test is.
func (p *page) shell() string {
	p.t.Helper()
	file := filepath.Join(p.dir, "page.sh")
	if err := os.WriteFile(file, []byte(p.script.String()), 0o644); err != nil {
		p.t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(p.dir, "page.log")) // not a pipe: services hold it
	if err != nil {
		p.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("sh", "-eu", file)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	ended, held, err := os.Pipe()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{ended}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ended.Close()
	p.t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); held.Close() })
	failed := cmd.Wait()
	said, err := os.ReadFile(log.Name())
	if failed != nil || err != nil {
		p.t.Fatalf("%v, %v\n%s", failed, err, said)
	}
	return string(said)
}

// namedBlocks gives the blocks of a page that are marked sh and a name.
func namedBlocks(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]string{}
	name := ""
	for line := range strings.Lines(string(text)) {
		switch {
		case name != "" && line == "```\n":
			name = ""
		case name != "":
			blocks[name] += line
		default:
			if rest, ok := strings.CutPrefix(line, "```sh "); ok {
				name = strings.TrimSpace(rest)
				if _, twice := blocks[name]; twice {
					t.Fatalf("two blocks %q", name)
				}
				blocks[name] = ""
			}
		}
	}
	return blocks
}

// connectionProfile is the connection profile of Fabric that the operator of an
// organisation hands out.
func connectionProfile(t *testing.T, o *fabricnet.Org) string {
	t.Helper()
	root, err := os.ReadFile(o.TLSRoot())
	if err != nil {
		t.Fatal(err)
	}
	type object = map[string]any
	text, err := json.Marshal(object{
		"name": o.Domain, "client": object{"organization": o.Domain},
		"organizations": object{o.Domain: object{"mspid": o.MSP, "peers": []string{"peer0." + o.Domain}}},
		"peers":         object{"peer0." + o.Domain: object{"url": "grpcs://" + o.Peer.Address, "tlsCACerts": object{"pem": string(root)}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
